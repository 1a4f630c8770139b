import { setTimeout as sleep } from "node:timers/promises";
import { GatewayIntentBits } from "discord-api-types/v10";
import type { z } from "zod";
import { memberCount, membersAfter, membersByIds, membersByPrefix } from "../core/store/member-search.ts";
import { type MemberRow, wireMember } from "../core/wire/member.ts";
import { DispatchFrame } from "./frames.ts";
import type { GatewayNode } from "./node.ts";
import type { requestMembersSchema } from "./payloads.ts";
import type { Session } from "./session.ts";

type Request = z.infer<typeof requestMembersSchema>;

/** https://discord.com/developers/docs/events/gateway-events#request-guild-members */
const CHUNK = 1000;
const MAX_FOUND = 100;
const MAX_NONCE_BYTES = 32;
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
    send(node, session, request, found, 0, 1, { not_found: ids.filter((id) => !known.has(id)) });
  } else if (request.query === "" && request.limit === 0) await sendAll(node, session, request);
  else {
    const limit = Math.min(request.limit || MAX_FOUND, MAX_FOUND);
    const found = await membersByPrefix(node.sql, guildId, request.query ?? "", limit);
    send(node, session, request, found, 0, 1);
  }
}

/** Page by page, so that a large guild neither fills the memory nor keeps the others waiting. */
async function sendAll(node: GatewayNode, session: Session, request: Request): Promise<void> {
  if ((session.profile.intents & GatewayIntentBits.GuildMembers) === 0) return;
  // Libraries wait for as many chunks as the first one names, so the number holds whoever joins or leaves meanwhile.
  const count = Math.max(1, Math.ceil((await memberCount(node.sql, request.guild_id)) / CHUNK));
  let after = "0";
  for (let index = 0; index < count; index++) {
    while (session.connection.buffered > PAUSE_BYTES) await sleep(PAUSE_MS);
    if (session.connection.dead) return;
    const rows = await membersAfter(node.sql, request.guild_id, after, CHUNK);
    send(node, session, request, rows, index, count);
    after = rows.at(-1)?.user_id ?? after;
  }
}

function send(
  node: GatewayNode,
  session: Session,
  request: Request,
  rows: readonly MemberRow[],
  index: number,
  count: number,
  extra: { not_found?: string[] } = {},
): void {
  const nonce = request.nonce !== undefined && Buffer.byteLength(request.nonce) <= MAX_NONCE_BYTES;
  const data = {
    guild_id: request.guild_id,
    members: rows.map(wireMember),
    chunk_index: index,
    chunk_count: count,
    ...(extra.not_found === undefined || extra.not_found.length === 0 ? {} : extra),
    ...(request.presences === true ? { presences: [] } : {}),
    ...(nonce ? { nonce: request.nonce } : {}),
  };
  const body = `"t":"GUILD_MEMBERS_CHUNK","d":${JSON.stringify(data)}`;
  // It bears a number that the session has had: nothing is kept of it, and a RESUME does not bring it again.
  if (session.queue !== null) session.queue.push({ body });
  else session.send(new DispatchFrame(Math.max(node.sentUpTo, session.sentUpTo), body));
}
