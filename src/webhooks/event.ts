import type { Event } from "../../core/event-log.ts";

/** https://discord.com/developers/docs/resources/webhook#create-webhook */
export const MAX_PER_CHANNEL = 15;

export function webhooksUpdate(guildId: string, channelId: string): Event {
  return { t: "WEBHOOKS_UPDATE", guildId, channelId, data: { guild_id: guildId, channel_id: channelId } };
}
