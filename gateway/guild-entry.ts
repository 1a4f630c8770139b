import { ChannelType, GatewayIntentBits } from "discord-api-types/v10";
import { guildLog } from "../core/redis-keys.ts";
import { type GuildSnapshot, guildSnapshots, memberships, threadsById } from "../core/store/guild-snapshot.ts";
import { type MemberRow, memberFacts } from "../core/wire/member.ts";
import { catchUp } from "./catch-up.ts";
import { guildCreate } from "./guild-create.ts";
import { applyEvent, type GuildState, stateOf } from "./guild-state.ts";
import type { GatewayNode, GuildEntry } from "./node.ts";
import { showPresenceIn } from "./presence.ts";
import { pump } from "./replay.ts";
import type { Session } from "./session.ts";
import { noteMember, type Threads, threadState } from "./thread-state.ts";

/**
 * Brings a held session into guilds: the node subscribes first and reads Postgres then, so that whatever the
 * snapshot lacks comes by the feed.
 * @returns the snapshots; a guild that the user has left meanwhile has none
 */
export async function enterGuilds(
  node: GatewayNode,
  session: Session,
  guildIds: readonly string[],
): Promise<Map<string, GuildSnapshot>> {
  const { highest } = node.feed;
  for (const id of guildIds) node.listInGuild(session, id);
  await node.feed.subscribe(guildIds.map(guildLog));
  const snapshots = await guildSnapshots(node.sql, guildIds, session.userId);
  for (const id of guildIds) {
    const snapshot = snapshots.get(id);
    const entry = node.guilds.get(id);
    if (snapshot !== undefined && entry !== undefined) settle(session, entry, snapshot, highest);
    else if (node.leaveGuild(session, id)) node.feed.unsubscribe([guildLog(id)]);
  }
  return snapshots;
}

/**
 * The same for a session that resumes, whose client has the guilds: of those that the node knows only the membership
 * is read, in one statement for all. When a node has died, the sessions of its guilds come to nodes that know them.
 */
export async function reenterGuilds(node: GatewayNode, session: Session, guildIds: readonly string[]): Promise<void> {
  const { highest } = node.feed;
  const known = new Set(guildIds.filter((id) => isKnownWithoutThreads(node.listInGuild(session, id))));
  await node.feed.subscribe(guildIds.map(guildLog));
  const rows = new Map((await memberships(node.sql, [...known], session.userId)).map((row) => [row.server_id, row]));
  const unknown = guildIds.filter((id) => !known.has(id));
  for (const id of known) {
    const row = rows.get(id);
    const entry = node.guilds.get(id);
    if (entry === undefined) continue;
    if (row === undefined) {
      if (node.leaveGuild(session, id)) node.feed.unsubscribe([guildLog(id)]);
    } else if (entry.state === null || !isKnownWithoutThreads(entry)) unknown.push(id);
    else settleMember(session, entry, entry.state, row, highest);
  }
  await enterGuilds(node, session, unknown);
}

/** Who is in which of a guild's threads has to be read with them, also of those that have become known meanwhile. */
const isKnownWithoutThreads = ({ state }: GuildEntry) => state !== null && state.threads.size === 0;

/**
 * Gives a guild its state, unless another session did, and makes the session's user known in it.
 * @param upTo the snapshot reflects every event up to this number
 */
function settle(session: Session, entry: GuildEntry, snapshot: GuildSnapshot, upTo: number): void {
  if (entry.state === null) {
    entry.state = stateOf(snapshot);
    for (const event of entry.backlog) applyEvent(entry.state, event);
    entry.backlog = [];
  }
  rejoinThreads(entry.state.threads, snapshot);
  settleMember(session, entry, entry.state, snapshot.me, upTo);
}

/** Makes a session's user known in a guild. */
function settleMember(session: Session, entry: GuildEntry, state: GuildState, me: MemberRow, upTo: number): void {
  // The session's own string: one for all of its guilds.
  state.members.set(session.userId, { ...memberFacts(me), userId: session.userId });
  // Changes of the membership that came while it was being read. What else is queued, before a join that is replayed or
  // after it, may be of a membership that has ended since.
  for (const due of session.queue ?? []) {
    if (
      "event" in due &&
      due.event.number > upTo &&
      due.event.log === guildLog(entry.id) &&
      OWN_CHANGES.has(due.event.header.t)
    ) {
      applyEvent(state, due.event);
    }
  }
}

const OWN_CHANGES: ReadonlySet<string> = new Set(["GUILD_MEMBER_UPDATE", "THREAD_MEMBERS_UPDATE"]);

/**
 * Notes which active threads a user is in. Of a thread that the snapshot hasn't, archived or just made, it isn't known;
 * it is forgotten, and read when something happens in it.
 */
function rejoinThreads(threads: Threads, { threads: active, threadMembers, me }: GuildSnapshot): void {
  const known = new Set(active.map((thread) => thread.id));
  for (const thread of threads.values()) {
    if (known.has(thread.id)) thread.members.delete(me.user_id);
    else threads.delete(thread.id);
  }
  for (const row of threadMembers) noteMember(threads, row);
}

/**
 * Reads a channel or thread that an event names and the node doesn't know; the feed waits meanwhile. A thread is read
 * alone, as those that are archived are known only when something happens in them; else the whole guild is read anew.
 */
export async function learnPlace(node: GatewayNode, entry: GuildEntry, id: string): Promise<void> {
  await learnThreads(node, entry, [id]);
  if (entry.state?.threads.has(id) !== true) await reloadGuild(node, entry);
}

/** Reads those of the threads that the node doesn't know. */
export async function learnThreads(node: GatewayNode, entry: GuildEntry, ids: readonly string[]): Promise<void> {
  const before = entry.state;
  const unknown = ids.filter((id) => before?.threads.has(id) === false && !before.channels.has(id));
  if (before === null || unknown.length === 0) return;
  const found = await forPresent(entry, (present) => threadsById(node.sql, entry.id, unknown, present));
  const { state } = entry;
  for (const { thread, members } of found) {
    // It may have come by the feed meanwhile.
    if (state === null || state.threads.has(thread.id)) continue;
    state.threads.set(thread.id, threadState(thread, members));
    if (thread.type === ChannelType.PrivateThread)
      for (const each of entry.sessions) node.updateClasses(each, entry.id);
  }
}

/** Reads what depends on who has sessions here; once more when somebody has come meanwhile. */
async function forPresent<T>(entry: GuildEntry, read: (present: readonly string[]) => Promise<T>): Promise<T> {
  for (;;) {
    const present = new Set(entry.state?.members.keys());
    const found = await read([...present]);
    if ([...(entry.state?.members.keys() ?? [])].every((userId) => present.has(userId))) return found;
  }
}

/** Reads a guild's roles and channels anew; the feed waits meanwhile. */
async function reloadGuild(node: GatewayNode, entry: GuildEntry): Promise<void> {
  const [session] = entry.sessions;
  if (session === undefined || entry.state === null) return;
  const snapshot = await forPresent(entry, async (present) =>
    (await guildSnapshots(node.sql, [entry.id], session.userId, present)).get(entry.id),
  );
  if (snapshot === undefined) return;
  entry.state = { ...stateOf(snapshot), deleted: entry.state.deleted, members: entry.state.members };
  for (const each of entry.sessions) node.updateClasses(each, entry.id);
}

/** The user became a member while connected: hold, snapshot, what has happened since, release. */
export async function joinGuild(node: GatewayNode, session: Session, guildId: string, number: number): Promise<void> {
  node.hold(session);
  session.joining = true;
  try {
    const snapshot = (await enterGuilds(node, session, [guildId])).get(guildId);
    if (snapshot !== undefined) {
      await showPresenceIn(node, session, guildId);
      const data = await guildCreate(node, session, snapshot, node.guilds.get(guildId)?.state);
      const due = await catchUp(node.feed, session, new Map([[guildLog(guildId), number]]));
      if (due === null) throw new Error("the guild's log no longer reaches back to the join");
      if (session.ended) return;
      const s = Math.max(number, session.sentUpTo);
      const create = { text: `{"op":0,"s":${s},"t":"GUILD_CREATE","d":${JSON.stringify(data)}}`, s };
      session.queue = (session.profile.intents & GatewayIntentBits.Guilds) === 0 ? due : [create, ...due];
    }
    if (session.ended) return;
    session.joining = false;
    pump(node, session);
  } catch (error) {
    if (session.ended) return;
    node.log.warn({ err: String(error), guildId }, "could not join a session to a guild");
    // The client resumes, and gets the guild then.
    session.connection.close("UNKNOWN_ERROR");
  } finally {
    if (session.ended) node.removeSession(session);
  }
}
