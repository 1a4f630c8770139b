import { z } from "zod";
import { voiceStartsIn } from "../core/voice-store.ts";
import { visibleChannels } from "./guild-state.ts";
import type { GatewayNode } from "./node.ts";
import { reply } from "./reply.ts";
import type { Session } from "./session.ts";
import { isVoice } from "./voice-state.ts";

const snowflake = z.string().regex(/^\d{1,19}$/);

/** https://discord.com/developers/docs/events/gateway-events#request-soundboard-sounds */
export const soundboardSchema = z.object({ guild_ids: z.array(snowflake) });

/** Opcode 31: guilds have no sounds of their own here. */
export function requestSounds(node: GatewayNode, session: Session, request: z.infer<typeof soundboardSchema>): void {
  for (const guildId of new Set(request.guild_ids)) {
    if (!session.guilds.has(guildId)) continue;
    reply(node, session, "SOUNDBOARD_SOUNDS", { guild_id: guildId, soundboard_sounds: [] });
  }
}

/** https://discord.com/developers/docs/events/gateway-events#request-channel-info */
export const channelInfoSchema = z.object({ guild_id: snowflake, fields: z.array(z.string().max(100)) });

/** Opcode 43: what of the guild's voice channels is not in the channel object. */
export function requestChannelInfo(
  node: GatewayNode,
  session: Session,
  request: z.infer<typeof channelInfoSchema>,
): void {
  tellChannelInfo(node, session, request.guild_id, new Set(request.fields)).catch((error) =>
    node.log.warn({ err: String(error) }, "channel info could not be read"),
  );
}

async function tellChannelInfo(
  node: GatewayNode,
  session: Session,
  guildId: string,
  fields: ReadonlySet<string>,
): Promise<void> {
  if (!session.guilds.has(guildId)) return;
  const starts = await voiceStartsIn(node.redis, guildId);
  const state = node.guilds.get(guildId)?.state;
  const member = state?.members.get(session.userId);
  if (!state || member === undefined || !session.guilds.has(guildId)) return;
  const channels = visibleChannels(state, member).filter(({ type }) => isVoice(type));
  reply(node, session, "CHANNEL_INFO", {
    guild_id: guildId,
    channels: channels.map(({ id }) => ({
      id,
      ...(fields.has("status") ? { status: null } : {}),
      ...(fields.has("voice_start_time") ? { voice_start_time: starts.get(id) ?? null } : {}),
    })),
  });
}
