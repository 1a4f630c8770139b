import type { Db } from "../core/db.ts";
import type { Redis } from "../core/redis.ts";
import { redisKeys } from "../core/redis-keys.ts";
import { changeVoiceState, defineVoiceScript, type VoiceState, voiceStateOf } from "../core/voice-store.ts";
import type { MemberRow } from "../core/wire/member.ts";
import { wireVoiceState } from "../core/wire/voice-state.ts";
import { ApiError } from "./errors.ts";

/** Who is in which voice channel: Redis holds it, gateways and APIs change it. */
export interface Voice {
  /** Null for who is in none of the guild's. @throws 503 while Redis is away */
  stateOf(guildId: string, userId: string): Promise<VoiceState | null>;
  /** Makes it so and tells the guild; whoever has left meanwhile stays away. */
  change(sql: Db, row: MemberRow, patch: Partial<VoiceState>): Promise<void>;
}

export function createVoice(redis: Redis, limits: { maxEvents: number; windowSeconds: number }): Voice {
  defineVoiceScript(redis);
  return {
    stateOf: (guildId, userId) =>
      voiceStateOf(redis, guildId, userId).catch(() => {
        throw new ApiError("UNAVAILABLE");
      }),
    change: async (sql, row, patch) => {
      const { server_id: guildId, user_id: userId } = row;
      const before = await voiceStateOf(redis, guildId, userId);
      if (before === null) return;
      const state = { ...before, ...patch };
      const data = JSON.stringify(wireVoiceState(guildId, state, row));
      const epoch = (await redis.get(redisKeys.epoch)) ?? "";
      await changeVoiceState({ redis, sql }, { guildId, state, userLimit: 0, onlyOwn: false, data }, epoch, limits);
    },
  };
}
