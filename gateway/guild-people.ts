import { GatewayIntentBits } from "discord-api-types/v10";
import { presencesIn, presencesOf, type WirePresence } from "../core/presence-store.ts";
import { firstMembers, type GuildSnapshot } from "../core/store/guild-snapshot.ts";
import { membersByIds } from "../core/store/member-search.ts";
import { type VoiceState, voiceStatesIn } from "../core/voice-store.ts";
import type { MemberRow } from "../core/wire/member.ts";
import type { Asker, Stores } from "./guild-create.ts";
import { isVoice } from "./voice-state.ts";

/** Guilds with more members than this show nobody but those in voice channels. */
const MAX_MEMBERS_SHOWN = 75_000;
/** Members of a large guild who are online: no more than these. The rest comes with op 8. */
const MAX_ONLINE = 1000;

/** Whom GUILD_CREATE tells of. */
export interface People {
  members: MemberRow[];
  presences: WirePresence[];
  voiceStates: VoiceState[];
  large: boolean;
}

/**
 * Who of a guild a session is told of at first: always itself and those in voice channels; of a guild that isn't
 * large, all members; of a large one, those who are online, for who asks for presences.
 * https://discord.com/developers/docs/events/gateway-events#request-guild-members
 * @param visible the ids of the channels that it may view
 */
export async function peopleFor(
  stores: Stores,
  asker: Asker,
  snapshot: GuildSnapshot,
  visible: ReadonlySet<string>,
): Promise<People> {
  const { row, me } = snapshot;
  const asks = (intent: number) => (asker.profile.intents & intent) !== 0;
  const withPresences = asks(GatewayIntentBits.GuildPresences);
  const voiceStates = asks(GatewayIntentBits.GuildVoiceStates) ? await inVoice(stores, snapshot, visible) : [];
  const large = row.member_count > asker.largeThreshold;
  if (!large && (withPresences || asks(GatewayIntentBits.GuildMembers))) {
    const members = await firstMembers(stores.sql, row.id, asker.largeThreshold);
    return { members, presences: withPresences ? await presencesAmong(stores, members) : [], voiceStates, large };
  }
  const online =
    withPresences && large && row.member_count <= MAX_MEMBERS_SHOWN
      ? (await presencesIn(stores.redis, row.id, MAX_ONLINE)).map(({ user }) => user.id)
      : [];
  const others = new Set([...online, ...voiceStates.map(({ user_id }) => user_id)]);
  others.delete(me.user_id);
  const members = [me, ...(others.size === 0 ? [] : await membersByIds(stores.sql, row.id, [...others]))];
  return { members, presences: withPresences ? await presencesAmong(stores, members) : [], voiceStates, large };
}

async function inVoice(stores: Stores, { row, channels }: GuildSnapshot, visible: ReadonlySet<string>) {
  if (!channels.some(({ type }) => isVoice(type))) return [];
  const states = await voiceStatesIn(stores.redis, row.id);
  return states.filter(({ channel_id }) => channel_id !== null && visible.has(channel_id));
}

function presencesAmong(stores: Stores, members: readonly MemberRow[]): Promise<WirePresence[]> {
  const [first] = members;
  if (first === undefined) return Promise.resolve([]);
  const ids = members.map(({ user_id }) => user_id);
  return presencesOf(stores.redis, first.server_id, ids);
}
