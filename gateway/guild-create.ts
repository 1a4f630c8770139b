import { type GuildSnapshot, guildSnapshots } from "../core/store/guild-snapshot.ts";
import { wireGuildCreate } from "../core/wire/guild.ts";
import { memberFacts, wireMember } from "../core/wire/member.ts";
import { type ThreadMemberRow, wireThreadMember } from "../core/wire/thread.ts";
import { peopleFor } from "./guild-people.ts";
import { channelState, type GuildState, mayView, mayViewThread, stateOf } from "./guild-state.ts";
import type { GatewayNode } from "./node.ts";
import type { Session } from "./session.ts";
import { threadState } from "./thread-state.ts";

/** Above how many members a guild is large, for who says nothing else. https://discord.com/developers/docs/events/gateway-events#identify */
export const LARGE_THRESHOLD = 50;

/** Whom a guild is shown to. */
export type Asker = Pick<Session, "largeThreshold"> & { profile: Pick<Session["profile"], "intents"> };
export type Stores = Pick<GatewayNode, "sql" | "redis">;

/**
 * GUILD_CREATE as a session may see the guild: only channels that it may view.
 * @param known the node's own idea of the guild, if it has one
 */
export async function guildCreate(
  stores: Stores,
  asker: Asker,
  snapshot: GuildSnapshot,
  known: GuildState | null | undefined,
) {
  const { row, guild, me } = snapshot;
  const state = known ?? stateOf(snapshot);
  const facts = memberFacts(me);
  const channels = snapshot.channels.filter((channel) => mayView(state, facts, channelState(channel)));
  const people = await peopleFor(stores, asker, snapshot, new Set(channels.map(({ id }) => id)));
  const mine = new Map(snapshot.threadMembers.map((each) => [each.thread_id, each]));
  const threads = snapshot.threads.flatMap((thread) => {
    const member = mine.get(thread.id);
    const seen = mayViewThread(state, facts, threadState(thread, member === undefined ? [] : [member]));
    return seen ? [member === undefined ? thread : { ...thread, member: ownMembership(member) }] : [];
  });
  return wireGuildCreate(guild, {
    ...people,
    joinedAt: me.joined_at,
    memberCount: row.member_count,
    members: people.members.map(wireMember),
    channels,
    threads,
  });
}

function ownMembership(row: ThreadMemberRow) {
  const { join_timestamp, flags } = wireThreadMember(row);
  return { join_timestamp, flags };
}

/** The same for a member without a session, as JSON text; null for who is no member. */
export async function guildNow(
  stores: Stores,
  guildId: string,
  userId: string,
  intents: number,
): Promise<string | null> {
  const snapshot = (await guildSnapshots(stores.sql, [guildId], userId)).get(guildId);
  if (snapshot === undefined) return null;
  const asker = { profile: { intents }, largeThreshold: LARGE_THRESHOLD };
  return JSON.stringify(await guildCreate(stores, asker, snapshot, null));
}
