import { ChannelType } from "discord-api-types/v10";
import { z } from "zod";
import { EVENTS } from "../core/events.ts";
import { channelPermissions, has, type MemberFacts, Permission } from "../core/permissions.ts";
import { membersByIds } from "../core/store/member-search.ts";
import {
  CHANNEL_FULL,
  changeVoiceState,
  type VoiceState,
  voiceGuildsOf,
  voiceStateOf,
  voiceStatesIn,
} from "../core/voice-store.ts";
import type { MemberRow } from "../core/wire/member.ts";
import { wireVoiceState } from "../core/wire/voice-state.ts";
import type { ChannelState, GuildState } from "./guild-state.ts";
import type { GatewayNode } from "./node.ts";
import { reply } from "./reply.ts";
import type { Session } from "./session.ts";
import { wants } from "./topics.ts";

const snowflake = z.string().regex(/^\d{1,19}$/);

/** https://discord.com/developers/docs/events/gateway-events#update-voice-state */
export const voiceStateSchema = z.object({
  // People's clients send null where they mean a call, which there is none of here.
  guild_id: snowflake.nullable(),
  channel_id: snowflake.nullable(),
  self_mute: z.boolean().default(false),
  self_deaf: z.boolean().default(false),
  self_video: z.boolean().default(false),
});
type Request = z.infer<typeof voiceStateSchema>;
type GuildRequest = Request & { guild_id: string };
type JoinRequest = GuildRequest & { channel_id: string };

/**
 * Opcode 4: joins, moves, changes or leaves, one request of a session after the other. What isn't allowed is passed
 * over, as at Discord. There is no media: VOICE_SERVER_UPDATE tells a client so.
 */
export function updateVoiceState(node: GatewayNode, session: Session, request: Request): void {
  const { guild_id } = request;
  if (guild_id === null || !session.guilds.has(guild_id)) return;
  session.voiceRequests = (session.voiceRequests ?? Promise.resolve())
    .then(() => follow(node, session, { ...request, guild_id }))
    .catch((error) => node.log.warn({ err: String(error) }, "a voice state could not be changed"));
}

async function follow(node: GatewayNode, session: Session, request: GuildRequest): Promise<void> {
  const { guild_id, channel_id } = request;
  if (channel_id === null) {
    const left = await leaveVoiceChannel(node, guild_id, session.userId, null);
    if (left !== null) tellOwn(node, session, left);
    return;
  }
  await join(node, session, { ...request, guild_id, channel_id });
}

async function join(node: GatewayNode, session: Session, request: JoinRequest): Promise<void> {
  const { guild_id: guildId, channel_id: channelId } = request;
  const place = await findPlace(node, session, guildId, channelId);
  if (place === null) return;
  const [row] = await membersByIds(node.sql, guildId, [session.userId]);
  if (row === undefined) return;
  const before = await voiceStateOf(node.redis, guildId, session.userId);
  const state = stateIn(place, session, request, row);
  const number = await publish(node, guildId, state, row, {
    userLimit: has(place.permissions, Permission.MOVE_MEMBERS) ? 0 : place.userLimit,
    onlyOwn: false,
  });
  if (number === CHANNEL_FULL) return;
  if (!session.isBot) await leaveOtherGuilds(node, session.userId, guildId);
  // The state first, then the server.
  await node.feed.fence();
  const joined = before?.channel_id !== channelId || before.session_id !== session.id;
  // Asking for what is so already is answered as well: a library that connects anew waits for both.
  if (number === 0) reply(node, session, "VOICE_STATE_UPDATE", wireVoiceState(guildId, state, row));
  else tellOwn(node, session, wireVoiceState(guildId, state, row));
  if (number === 0 || joined) tellNoServer(node, session, guildId);
}

interface Place {
  permissions: bigint;
  userLimit: number;
  isStage: boolean;
}

const limited = z.object({ user_limit: z.number().nullish() });

/** The channel that a session wants to join; null when it may not, or there is none. */
async function findPlace(
  node: GatewayNode,
  session: Session,
  guildId: string,
  channelId: string,
): Promise<Place | null> {
  const look = () => node.guilds.get(guildId)?.state ?? null;
  if (look()?.channels.has(channelId) === false) {
    // Its creation may still be on its way: what was published before has come then.
    await node.feed.fence();
  }
  const state = look();
  const channel = state?.channels.get(channelId);
  const member = state?.members.get(session.userId);
  if (!state || channel === undefined || member === undefined || !isVoice(channel.type)) return null;
  const permissions = permissionsIn(state, member, channel);
  if (!has(permissions, Permission.VIEW_CHANNEL | Permission.CONNECT)) return null;
  const userLimit = limited.parse(JSON.parse(channel.json)).user_limit ?? 0;
  return { permissions, userLimit, isStage: channel.type === ChannelType.GuildStageVoice };
}

const permissionsIn = (state: GuildState, member: MemberFacts, channel: ChannelState): bigint =>
  channelPermissions(state, member, channel.overwrites, Date.now(), channel.type);

export const isVoice = (type: number): boolean =>
  type === ChannelType.GuildVoice || type === ChannelType.GuildStageVoice;

function stateIn(place: Place, session: Session, request: JoinRequest, row: MemberRow): VoiceState {
  return {
    channel_id: request.channel_id,
    user_id: session.userId,
    session_id: session.id,
    deaf: row.deaf,
    mute: row.mute,
    self_deaf: request.self_deaf,
    self_mute: request.self_mute,
    self_video: request.self_video && has(place.permissions, Permission.STREAM),
    // On a stage one listens until one is invited to speak.
    suppress: place.isStage || !has(place.permissions, Permission.SPEAK),
    request_to_speak_timestamp: null,
  };
}

/** A person is in one voice channel at a time, a bot in one of each guild. */
async function leaveOtherGuilds(node: GatewayNode, userId: string, guildId: string): Promise<void> {
  const others = (await voiceGuildsOf(node.redis, userId)).filter((id) => id !== guildId);
  await leaveVoiceChannels(node, userId, null, others);
}

/**
 * Takes a user out of voice channels.
 * @param sessionId only where it is by this session; null for any
 * @param guildIds all guilds, when left out
 */
export async function leaveVoiceChannels(
  node: GatewayNode,
  userId: string,
  sessionId: string | null,
  guildIds?: readonly string[],
): Promise<void> {
  for (const guildId of guildIds ?? (await voiceGuildsOf(node.redis, userId))) {
    await leaveVoiceChannel(node, guildId, userId, sessionId);
  }
}

async function leaveVoiceChannel(node: GatewayNode, guildId: string, userId: string, sessionId: string | null) {
  const before = await voiceStateOf(node.redis, guildId, userId);
  if (before === null || (sessionId !== null && before.session_id !== sessionId)) return null;
  const [row] = await membersByIds(node.sql, guildId, [userId]);
  const state = { ...before, channel_id: null };
  const number = await publish(node, guildId, state, row, { userLimit: 0, onlyOwn: sessionId !== null });
  return number > 0 ? wireVoiceState(guildId, state, row) : null;
}

/** A voice channel is gone: so is everyone in it. Each node that sees this does it; the first to come is it. */
export async function emptyVoiceChannel(node: GatewayNode, guildId: string, channelId: string): Promise<void> {
  const states = await voiceStatesIn(node.redis, guildId);
  for (const { user_id, channel_id } of states) {
    if (channel_id === channelId) await leaveVoiceChannel(node, guildId, user_id, null);
  }
}

function publish(
  node: GatewayNode,
  guildId: string,
  state: VoiceState,
  row: MemberRow | undefined,
  how: { userLimit: number; onlyOwn: boolean },
): Promise<number> {
  const data = JSON.stringify(wireVoiceState(guildId, state, row));
  return changeVoiceState(node, { guildId, state, data, ...how }, node.feed.epoch, node.limits);
}

/** A session is told of its own state whatever its intents. */
function tellOwn(node: GatewayNode, session: Session, data: unknown): void {
  if (!wants(session.profile, EVENTS.VOICE_STATE_UPDATE, true)) reply(node, session, "VOICE_STATE_UPDATE", data);
}

/**
 * There is no voice server: an endpoint of null says that none is available, so that a library gives up at once where
 * it would otherwise wait for one. https://discord.com/developers/docs/events/gateway-events#voice-server-update
 */
function tellNoServer(node: GatewayNode, session: Session, guildId: string): void {
  reply(node, session, "VOICE_SERVER_UPDATE", { token: "", guild_id: guildId, endpoint: null });
}
