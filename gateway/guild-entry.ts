import { guildLog } from "../core/redis-keys.ts";
import { type GuildSnapshot, guildSnapshots } from "../core/store/guild-snapshot.ts";
import { wireGuildCreate } from "../core/wire/guild.ts";
import { memberFacts, wireMember } from "../core/wire/member.ts";
import { roleFacts } from "../core/wire/role.ts";
import { catchUp } from "./catch-up.ts";
import { peopleFor } from "./guild-people.ts";
import { applyEvent, channelState, type GuildState, mayView } from "./guild-state.ts";
import type { GatewayNode, GuildEntry } from "./node.ts";
import { showPresenceIn } from "./presence.ts";
import { pump } from "./replay.ts";
import type { Session } from "./session.ts";

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
  for (const id of guildIds) node.listInGuild(session, id);
  await node.feed.subscribe(guildIds.map(guildLog));
  const snapshots = await guildSnapshots(node.sql, guildIds, session.userId);
  for (const id of guildIds) {
    const snapshot = snapshots.get(id);
    const entry = node.guilds.get(id);
    if (snapshot !== undefined && entry !== undefined) settle(session, entry, snapshot);
    else if (node.leaveGuild(session, id)) node.feed.unsubscribe([guildLog(id)]);
  }
  return snapshots;
}

/** Gives a guild its state, unless another session did, and makes the session's user known in it. */
function settle(session: Session, entry: GuildEntry, snapshot: GuildSnapshot): void {
  if (entry.state === null) {
    entry.state = stateOf(snapshot);
    for (const event of entry.backlog) applyEvent(entry.state, event);
    entry.backlog = [];
  }
  // The session's own string: one for all of its guilds.
  entry.state.members.set(session.userId, { ...memberFacts(snapshot.me), userId: session.userId });
  // Changes of the membership that came while it was being read.
  for (const due of session.queue ?? []) {
    if ("event" in due && due.event.log === guildLog(entry.id) && due.event.header.t === "GUILD_MEMBER_UPDATE") {
      applyEvent(entry.state, due.event);
    }
  }
}

function stateOf(snapshot: GuildSnapshot): GuildState {
  return {
    id: snapshot.row.id,
    ownerId: snapshot.row.owner_id,
    roles: new Map(snapshot.roles.map((role) => [role.id, roleFacts(role)])),
    channels: new Map(snapshot.channels.map((channel) => [channel.id, channelState(channel)])),
    deleted: new Map(),
    members: new Map(),
    classSets: new Map(),
  };
}

/** Reads a guild's roles and channels anew; the feed waits meanwhile. */
export async function reloadGuild(node: GatewayNode, entry: GuildEntry): Promise<void> {
  const [session] = entry.sessions;
  if (session === undefined || entry.state === null) return;
  const snapshot = (await guildSnapshots(node.sql, [entry.id], session.userId)).get(entry.id);
  if (snapshot === undefined) return;
  entry.state = { ...stateOf(snapshot), deleted: entry.state.deleted, members: entry.state.members };
  for (const each of entry.sessions) node.updateClasses(each, entry.id);
}

/** GUILD_CREATE as this session may see the guild: only channels that it may view. */
export async function guildCreate(node: GatewayNode, session: Session, snapshot: GuildSnapshot) {
  const { row, guild, me } = snapshot;
  const state = node.guilds.get(row.id)?.state ?? stateOf(snapshot);
  const facts = memberFacts(me);
  const channels = snapshot.channels.filter((channel) => mayView(state, facts, channelState(channel)));
  const people = await peopleFor(node, session, snapshot, new Set(channels.map(({ id }) => id)));
  return wireGuildCreate(guild, {
    ...people,
    joinedAt: me.joined_at,
    memberCount: row.member_count,
    members: people.members.map(wireMember),
    channels,
  });
}

/** The user became a member while connected: hold, snapshot, what has happened since, release. */
export async function joinGuild(node: GatewayNode, session: Session, guildId: string, number: number): Promise<void> {
  node.hold(session);
  session.joining = true;
  try {
    const snapshot = (await enterGuilds(node, session, [guildId])).get(guildId);
    if (snapshot !== undefined) {
      await showPresenceIn(node, session, guildId);
      const data = await guildCreate(node, session, snapshot);
      const due = await catchUp(node.feed, session, new Map([[guildLog(guildId), number]]));
      if (due === null) throw new Error("the guild's log no longer reaches back to the join");
      if (session.ended) return;
      const s = Math.max(number, session.sentUpTo);
      session.queue = [{ text: `{"op":0,"s":${s},"t":"GUILD_CREATE","d":${JSON.stringify(data)}}`, s }, ...due];
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
