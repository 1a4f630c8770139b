import type { MemberFacts } from "../permissions.ts";
import { wireTime, wireTimeOrNull } from "./time.ts";
import { type UserRow, wireUser } from "./user.ts";

export interface MemberRow {
  server_id: string;
  user_id: string;
  joined_at: Date;
  nickname: string | null;
  avatar: string | null;
  banner: string | null;
  communication_disabled_until: Date | null;
  deaf: boolean;
  mute: boolean;
  pending: boolean;
  flags: number;
  version: string;
  role_ids: string[];
  user: UserRow;
}

/** A member without its user, as messages carry it. */
export function wireMemberOnly(row: Omit<MemberRow, "user" | "version">) {
  return {
    avatar: row.avatar,
    avatar_decoration_data: null,
    banner: row.banner,
    communication_disabled_until: wireTimeOrNull(row.communication_disabled_until),
    flags: row.flags,
    joined_at: wireTime(row.joined_at),
    nick: row.nickname,
    pending: row.pending,
    premium_since: null,
    roles: row.role_ids,
    mute: row.mute,
    deaf: row.deaf,
  };
}

/** https://discord.com/developers/docs/resources/guild#guild-member-object */
export function wireMember(row: MemberRow) {
  return { ...wireMemberOnly(row), user: wireUser(row.user) };
}

export type WireMember = ReturnType<typeof wireMember>;

/** One for all members without roles: a gateway node keeps facts by the ten thousand. */
const NO_ROLES: readonly string[] = [];

export function memberFacts(
  row: Pick<MemberRow, "user_id" | "role_ids" | "communication_disabled_until">,
): MemberFacts {
  return {
    userId: row.user_id,
    roleIds: row.role_ids.length === 0 ? NO_ROLES : row.role_ids,
    timedOutUntil: row.communication_disabled_until?.getTime() ?? null,
  };
}
