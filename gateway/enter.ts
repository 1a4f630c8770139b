import { randomBytes } from "node:crypto";
import { type GatewayDispatchEvents, GatewayIntentBits, GatewayOpcodes } from "discord-api-types/v10";
import type { z } from "zod";
import type { Platform } from "../core/presence-store.ts";
import { guildLog, userLog } from "../core/redis-keys.ts";
import { memberGuildIds } from "../core/store/guild-snapshot.ts";
import { wireOwnUser } from "../core/wire/user.ts";
import { admit } from "./admission.ts";
import { catchUp } from "./catch-up.ts";
import { formatOf } from "./frames.ts";
import { guildCreate, LARGE_THRESHOLD } from "./guild-create.ts";
import { enterGuilds, reenterGuilds } from "./guild-entry.ts";
import { type Identity, identify as identityOf } from "./identity.ts";
import { ALL_INTENTS, intentsOf } from "./intents.ts";
import { eventData, type LogEvent } from "./log-event.ts";
import type { GatewayNode } from "./node.ts";
import type { identifySchema, resumeSchema } from "./payloads.ts";
import { missedPresences, resumePresence, startPresence } from "./presence.ts";
import { platformOf } from "./presence-payload.ts";
import { pump } from "./replay.ts";
import { type Connection, type Due, Session } from "./session.ts";
import { forgetSession, loadSession, type SessionRecord, saveSession } from "./session-store.ts";
import { profileOf } from "./topics.ts";

type Identify = z.infer<typeof identifySchema>;
type Resume = z.infer<typeof resumeSchema>;

/** More than any bot needs: with 2,500 guilds each these are 25 million guilds. */
const MAX_SHARDS = 10_000;

/** IDENTIFY: a new session, from READY and a GUILD_CREATE for each guild on. */
export async function identify(node: GatewayNode, connection: Connection, body: Identify): Promise<void> {
  const identity = await identityOf(node.sql, body.token);
  if (identity === null) return connection.close("AUTHENTICATION_FAILED");
  const [shardId, shardCount] = body.shard ?? [0, 1];
  if (shardId < 0 || shardId >= shardCount || shardCount > MAX_SHARDS) return connection.close("INVALID_SHARD");
  const intents = body.intents ?? (identity.user.bot ? null : ALL_INTENTS);
  if (intents === null || !areIntents(intents)) return connection.close("INVALID_INTENTS");
  if (!mayUse(identity, intents)) return connection.close("DISALLOWED_INTENTS");
  const admission = await admit(node, identity, shardId);
  if (admission === "used up") return connection.close("STARTS_USED_UP");
  if (admission === "too soon") return invalidate(node, connection, "");

  const session = open(node, connection, randomBytes(16).toString("hex"), identity, intents, [shardId, shardCount], {
    ...body,
    platform: platformOf(body.properties),
  });
  await whileAlive(node, session, () => begin(node, session, identity, body));
}

/** Runs what a session needs to start; one that has ended meanwhile must leave nothing behind. */
async function whileAlive(node: GatewayNode, session: Session, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } finally {
    if (session.ended) node.removeSession(session);
  }
}

async function begin(node: GatewayNode, session: Session, identity: Identity, body: Identify): Promise<void> {
  await listenToUser(node, session, body.token);
  const guildIds = (await memberGuildIds(node.sql, session.userId)).filter((guild) => node.handles(session, guild));
  if (session.isBot && guildIds.length > node.config.guildsPerShard) {
    return session.connection.close("SHARDING_REQUIRED");
  }
  for (const guildId of guildIds) node.listInGuild(session, guildId);
  await node.feed.subscribe(guildIds.map(guildLog));
  await startPresence(node, session, guildIds, body.presence);
  // What is read from here on reflects every event up to this number. READY and all but the last GUILD_CREATE bear
  // the number before: a client that resumes from there has not got them all and must start afresh.
  const { epoch } = node.feed;
  const startedAt = await node.feed.takeNumbers(2);
  session.snapshotAt = startedAt;
  session.sentUpTo = startedAt;
  const snapshots = [...(await enterGuilds(node, session, guildIds)).values()];
  const told = (session.profile.intents & GatewayIntentBits.Guilds) !== 0 ? snapshots : [];
  const guilds = await Promise.all(
    told.map((snapshot) => guildCreate(node, session, snapshot, node.guilds.get(snapshot.row.id)?.state)),
  );
  const { userId, shard, largeThreshold, platform } = session;
  const record = { userId, epoch, intents: session.profile.intents, shard, largeThreshold, platform, startedAt };
  await saveSession(node.redis, session.id, record, node.config.resumeWindowSeconds);
  // What the snapshot reflects has come by the feed then, and is passed over: sent later it would bear a number
  // below those of the snapshot. It fails when Redis was emptied since the first number was taken.
  await node.feed.fence();
  if (session.ended) return;
  const ids = snapshots.map(({ row }) => row.id);
  const start: Due[] = [
    dispatch("READY", guilds.length === 0 ? startedAt : startedAt - 1, readyData(node, session, identity, ids)),
  ];
  for (const [i, guild] of guilds.entries()) {
    start.push(dispatch("GUILD_CREATE", i === guilds.length - 1 ? startedAt : startedAt - 1, guild));
  }
  session.queue?.unshift(...start);
  session.joining = false;
  pump(node, session);
}

/** RESUME: a session goes on where its client left off, on whichever node. */
export async function resume(node: GatewayNode, connection: Connection, body: Resume): Promise<void> {
  const latest = await node.feed.latest();
  const identity = await identityOf(node.sql, body.token);
  if (identity === null) return connection.close("AUTHENTICATION_FAILED");
  const record = await loadSession(node.redis, body.session_id);
  if (
    record === null ||
    record.userId !== identity.user.id ||
    record.epoch !== node.feed.epoch ||
    !mayUse(identity, record.intents) ||
    body.seq < record.startedAt
  ) {
    return invalidate(node, connection, body.session_id);
  }
  if (body.seq > latest) {
    // Redis has forgotten what the client has had. The session goes, too: once the numbers have caught up, this one
    // would pass for a good one, and a library that answers 4007 with another RESUME is told to identify.
    await forgetSession(node.redis, body.session_id);
    return connection.close("INVALID_SEQ");
  }
  await claim(node, body.session_id, record.userId);
  const session = open(node, connection, body.session_id, identity, record.intents, record.shard, {
    large_threshold: record.largeThreshold,
    platform: record.platform,
  });
  // A revocation, a join or a leave since the token was looked up is replayed with the rest of the account's log.
  session.trustedAt = latest;
  const guildIds = identity.guildIds.filter((guild) => node.handles(session, guild));
  await whileAlive(node, session, () => goOn(node, session, record, guildIds, body.seq));
}

async function goOn(
  node: GatewayNode,
  session: Session,
  record: SessionRecord,
  guildIds: readonly string[],
  seq: number,
): Promise<void> {
  session.snapshotAt = seq;
  session.sentUpTo = seq;
  await node.feed.subscribe([userLog(session.userId)]);
  await saveSession(node.redis, session.id, record, node.config.resumeWindowSeconds);
  await reenterGuilds(node, session, guildIds);
  await resumePresence(node, session);
  const presences = await missedPresences(node, session, seq);
  const due = await dueSince(node, session, guildIds, seq);
  if (session.ended) return;
  if (due === null) return invalidate(node, session.connection, session.id);
  const newest = due.at(-1);
  const last = Math.max(seq, newest !== undefined && "event" in newest ? newest.event.number : 0);
  session.allowance = presences.length + due.length;
  // Presences first: they bear the number that the client resumes from. Should it drop again, they come again.
  session.queue = [...presences, ...due, dispatch("RESUMED", last, { _trace: [node.id] })];
  session.joining = false;
  pump(node, session);
}

/** From here on a revocation is heard; one that came while the token was looked up is found by a second look. */
async function listenToUser(node: GatewayNode, session: Session, token: string): Promise<void> {
  await node.feed.subscribe([userLog(session.userId)]);
  session.trustedAt = await node.feed.latest();
  if ((await identityOf(node.sql, token)) === null) session.connection.close("AUTHENTICATION_FAILED");
}

/**
 * Everything that a session is due after a number, in order; null when some of it is gone. To be called after the
 * memberships were read: the account's log would else lack a join in between, and what had happened in that guild
 * before the join would count as missed.
 */
async function dueSince(
  node: GatewayNode,
  session: Session,
  guildIds: readonly string[],
  seq: number,
): Promise<Due[] | null> {
  const own = await node.feed.history(userLog(session.userId), seq);
  if (own === null) return null;
  const joins = joinedSince(own);
  // Of a guild joined meanwhile, only what came after the join is due.
  const after = guildIds.map((id): [string, number] => [guildLog(id), Math.max(seq, joins.get(id) ?? 0)]);
  return catchUp(node.feed, session, new Map([[userLog(session.userId), seq], ...after]));
}

/** Guilds that the user was not in before, with the number of the join. */
function joinedSince(own: readonly LogEvent[]): Map<string, number> {
  const joins = new Map<string, number>();
  const known = new Set<string>();
  for (const event of own) {
    if (event.header.t !== "$GUILD_JOIN" && event.header.t !== "$GUILD_LEAVE") continue;
    const data = eventData(event);
    const guildId = typeof data === "object" && data !== null && "guild_id" in data ? String(data.guild_id) : "";
    if (event.header.t === "$GUILD_JOIN" && !known.has(guildId)) joins.set(guildId, event.number);
    known.add(guildId);
  }
  return joins;
}

/** The old socket of a resumed session is closed, wherever it is. */
async function claim(node: GatewayNode, sessionId: string, userId: string): Promise<void> {
  const here = node.sessions.get(sessionId);
  if (here !== undefined) {
    here.connection.close("SESSION_TIMED_OUT");
    node.removeSession(here);
  }
  const data = { session_id: sessionId, node: node.id };
  await node.feed.publish({ t: "$SESSION_CLAIMED", userId, data }, node.limits);
}

/** INVALID_SESSION(false): the client must identify afresh. */
export async function invalidate(node: GatewayNode, connection: Connection, sessionId: string): Promise<void> {
  const { session } = connection;
  if (session !== null) node.removeSession(session, true);
  connection.session = null;
  connection.idleSince = node.awakeMs;
  if (!connection.entering) node.unidentified.add(connection);
  connection.send({ op: GatewayOpcodes.InvalidSession, d: false, s: null, t: null });
  // Somebody else's session must not be forgotten because a stranger named it.
  if (session?.id === sessionId) await forgetSession(node.redis, sessionId);
}

function open(
  node: GatewayNode,
  connection: Connection,
  id: string,
  identity: Identity,
  intents: number,
  shard: readonly [number, number],
  options: { large_threshold?: number | undefined; compress?: boolean | undefined; platform: Platform },
): Session {
  if (options.compress === true && connection.format.compression === "none") {
    connection.format = formatOf(connection.format.encoding, "payload");
  }
  const session = new Session({
    id,
    userId: identity.user.id,
    isBot: identity.user.bot,
    familyId: identity.familyId,
    shard,
    connection,
    profile: profileOf(intents, connection.format, identity.user.bot),
    largeThreshold: options.large_threshold ?? LARGE_THRESHOLD,
    platform: options.platform,
  });
  session.joining = true;
  connection.session = session;
  node.addSession(session);
  return session;
}

/** Bit operations take 32 bits only: a number beyond them would pass for its lower half. */
const areIntents = (intents: number) => intents >= 0 && intents <= ALL_INTENTS && (intents & ~ALL_INTENTS) === 0;

function mayUse({ application }: Identity, intents: number): boolean {
  return application === null || (intents & ~intentsOf(Number(application.flags))) === 0;
}

function dispatch(t: `${GatewayDispatchEvents}`, s: number, data: unknown): Due {
  return { text: JSON.stringify({ op: GatewayOpcodes.Dispatch, s, t, d: data }), s };
}

function readyData(node: GatewayNode, session: Session, identity: Identity, guildIds: readonly string[]) {
  return {
    v: 10,
    user: wireOwnUser(identity.user),
    guilds: guildIds.map((id) => ({ id, unavailable: true })),
    session_id: session.id,
    resume_gateway_url: node.config.gatewayUrl,
    shard: session.shard,
    ...(identity.application === null
      ? {}
      : { application: { id: identity.application.id, flags: Number(identity.application.flags) } }),
    private_channels: [],
    relationships: [],
    presences: [],
    user_settings: {},
    session_type: "normal",
    auth: {},
    geo_ordered_rtc_regions: [],
    _trace: [node.id],
  };
}
