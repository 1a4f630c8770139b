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
    handle: async ({ app }) => ({
      url: app.config.gatewayUrl,
      shards: 1,
      session_start_limit: { total: 1000, remaining: 1000, reset_after: 86_400_000, max_concurrency: 1 },
    }),
  }),
];
