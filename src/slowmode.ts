import { has, Permission } from "../core/permissions.ts";
import type { Redis } from "../core/redis.ts";
import { redisKeys } from "../core/redis-keys.ts";
import type { InGuildChannel } from "./access.ts";
import { ApiError } from "./errors.ts";

/** How long somebody waits between two messages of a channel, and between two threads that they start in it. */
export interface Slowmode {
  /**
   * Counts a message or a thread of the caller in a channel. Bots and who may bypass it don't wait, nor does anybody
   * while Redis is away.
   * @returns how to give it back when nothing came of it
   * @throws 20016 when it is too soon
   */
  take(where: InGuildChannel, kind: "message" | "thread"): Promise<() => Promise<void>>;
}

const nothing = async () => {};

/** https://discord.com/developers/docs/resources/channel#channel-object (rate_limit_per_user) */
export function createSlowmode(redis: Redis): Slowmode {
  return {
    take: async ({ caller, channel, permissions }, kind) => {
      const seconds = channel.rate_limit_per_user;
      if (seconds === 0 || caller.user.bot || has(permissions, Permission.BYPASS_SLOWMODE)) return nothing;
      const key = redisKeys.slowmode(kind, channel.id, caller.user.id);
      const waitMs = await redis
        .set(key, "1", "EX", seconds, "NX")
        .then((taken) => (taken === null ? redis.pttl(key) : -1))
        .catch(() => -1);
      // It may have run out between the two.
      if (waitMs <= 0) return () => redis.del(key).then(nothing, nothing);
      const error = new ApiError("SLOWMODE");
      error.retryAfter = waitMs / 1000;
      throw error;
    },
  };
}
