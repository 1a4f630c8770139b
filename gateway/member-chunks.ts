import { setTimeout as sleep } from "node:timers/promises";
import { GatewayIntentBits, GatewayOpcodes } from "discord-api-types/v10";
import type { z } from "zod";
import { presencesOf } from "../core/presence-store.ts";
import { redisKeys } from "../core/redis-keys.ts";
import { memberCount, membersAfter, membersByIds, membersByPrefix } from "../core/store/member-search.ts";
import { type MemberRow, wireMember } from "../core/wire/member.ts";
import type { GatewayNode } from "./node.ts";
import type { requestMembersSchema } from "./payloads.ts";
import { reply } from "./reply.ts";
import type { Session } from "./session.ts";

type Request = z.infer<typeof requestMembersSchema>;

/** https://discord.com/developers/docs/events/gateway-events#request-guild-members */
const CHUNK = 1000;
const MAX_FOUND = 100;
const MAX_NONCE_BYTES = 32;
/** https://discord.com/developers/docs/change-log#introducing-rate-limit-when-requesting-all-guild-members */
const ALL_MEMBERS_MS = 30_000;
/** A client that has this much unread gets the next chunk when it has read some. */
const PAUSE_BYTES = 512 * 1024;
const PAUSE_MS = 20;

/**
 * Answers REQUEST_GUILD_MEMBERS with chunks, one request of a session after the other. A guild that the session
 * isn't in is passed over, as Discord does; so is the whole list without the GUILD_MEMBERS intent.
 */
export function requestMembers(node: GatewayNode, session: Session, request: Request): void {
  session.memberRequests = session.memberRequests
    .then(() => answer(node, session, request))
    .catch((error) => node.log.warn({ err: String(error) }, "members could not be read"));
}

async function answer(node: GatewayNode, session: Session, request: Request): Promise<void> {
  const guildId = request.guild_id;
  if (session.connection.dead || !session.guilds.has(guildId)) return;
  if (request.user_ids !== undefined) {
    const ids = [...new Set(request.user_ids)].slice(0, MAX_FOUND);
    const found = await membersByIds(node.sql, guildId, ids);
    const known = new Set(found.map((row) => row.user_id));
    await send(node, session, request, found, 0, 1, { not_found: ids.filter((id) => !known.has(id)) });
  } else if (request.query === "" && request.limit === 0) await sendAll(node, session, request);
  else {
    const limit = Math.min(request.limit || MAX_FOUND, MAX_FOUND);
    const found = await membersByPrefix(node.sql, guildId, request.query ?? "", limit);
    await send(node, session, request, found, 0, 1);
  }
}

/** Page by page, so that a large guild neither fills the memory nor keeps the others waiting. */
async function sendAll(node: GatewayNode, session: Session, request: Request): Promise<void> {
  if ((session.profile.intents & GatewayIntentBits.GuildMembers) === 0) return;
  const waitMs = node.config.rateLimits ? await takeTurn(node, session, request.guild_id) : 0;
  if (waitMs > 0) {
    const meta = { guild_id: request.guild_id, ...nonceOf(request) };
    const limited = { opcode: GatewayOpcodes.RequestGuildMembers, retry_after: waitMs / 1000, meta };
    return reply(node, session, "RATE_LIMITED", limited);
  }
  // Libraries wait for as many chunks as the first one names, so the number holds whoever joins or leaves meanwhile.
  const count = Math.max(1, Math.ceil((await memberCount(node.sql, request.guild_id)) / CHUNK));
  let after = "0";
  for (let index = 0; index < count; index++) {
    while (session.connection.buffered > PAUSE_BYTES) await sleep(PAUSE_MS);
    if (session.connection.dead) return;
    const rows = await membersAfter(node.sql, request.guild_id, after, CHUNK);
    await send(node, session, request, rows, index, count);
    after = rows.at(-1)?.user_id ?? after;
  }
}

/** Once per bot, guild and 30 seconds, on all nodes together. @returns how many milliseconds are left to wait */
async function takeTurn(node: GatewayNode, session: Session, guildId: string): Promise<number> {
  const key = redisKeys.allMembers(session.userId, guildId);
  const granted = await node.redis.set(key, "1", "PX", ALL_MEMBERS_MS, "NX");
  return granted === null ? Math.max(1, await node.redis.pttl(key)) : 0;
}

async function send(
  node: GatewayNode,
  session: Session,
  request: Request,
  rows: readonly MemberRow[],
  index: number,
  count: number,
  extra: { not_found?: string[] } = {},
): Promise<void> {
  const asked = request.presences === true && (session.profile.intents & GatewayIntentBits.GuildPresences) !== 0;
  const ids = rows.map(({ user_id }) => user_id);
  const presences = asked ? { presences: await presencesOf(node.redis, request.guild_id, ids) } : {};
  reply(node, session, "GUILD_MEMBERS_CHUNK", {
    guild_id: request.guild_id,
    members: rows.map(wireMember),
    chunk_index: index,
    chunk_count: count,
    ...(extra.not_found === undefined || extra.not_found.length === 0 ? {} : extra),
    ...presences,
    ...nonceOf(request),
  });
}

/** One that is too long is left out. */
const nonceOf = ({ nonce }: Request) =>
  nonce !== undefined && Buffer.byteLength(nonce) <= MAX_NONCE_BYTES ? { nonce } : {};
