import { recommendedShards, startsPerDay } from "../../core/session-starts.ts";
import { memberGuildCount } from "../../core/store/guild-snapshot.ts";
import { ApiError } from "../errors.ts";
import { bot, everyone, route } from "../route.ts";

export const gatewayRoutes = [
  route({
    method: "GET",
    path: "/gateway",
    operation: "get_gateway",
    access: everyone,
    handle: async ({ app }) => ({ url: app.config.gatewayUrl }),
  }),
  route({
    method: "GET",
    path: "/gateway/bot",
    operation: "get_bot_gateway",
    access: bot,
    handle: async ({ app }, { user }) => {
      const { gatewayUrl, guildsPerShard, identifyLimit, maxConcurrency } = app.config;
      const guilds = await memberGuildCount(app.sql, user.id);
      const { taken, resetAfterMs } = await app.startsTaken(user.id).catch(() => {
        // Redis is away: no session could be started now anyway.
        throw new ApiError("UNAVAILABLE");
      });
      const total = startsPerDay(identifyLimit, guilds);
      return {
        url: gatewayUrl,
        shards: recommendedShards(guilds, guildsPerShard),
        session_start_limit: {
          total,
          remaining: Math.max(0, total - taken),
          reset_after: resetAfterMs,
          max_concurrency: maxConcurrency,
        },
      };
    },
  }),
];
