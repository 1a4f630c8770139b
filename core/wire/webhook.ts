import { type UserRow, wireUser } from "./user.ts";

export interface WireableWebhook {
  id: string;
  /** 1: incoming; 2: follows a channel. */
  type: number;
  server_id: string;
  channel_id: string;
  application_id: string | null;
  name: string;
  avatar: string | null;
  creator: UserRow | null;
  /** What it follows, while its creator is a member there. */
  source: {
    guild: { id: string; name: string; icon: string | null };
    channel: { id: string; name: string };
  } | null;
}

/**
 * A webhook; one that follows a channel has no token. https://discord.com/developers/docs/resources/webhook#webhook-object
 * @param token shown to members who manage webhooks, and to who proved to have it
 * @param withCreator left out for those who have only the token
 */
export function wireWebhook(row: WireableWebhook, token: string | null, publicUrl: string, withCreator: boolean) {
  return {
    ...plain(row),
    ...(token === null ? {} : { token, url: `${publicUrl}/api/webhooks/${row.id}/${token}` }),
    ...(withCreator ? creator(row) : {}),
  };
}

/** The same for those who may know of a webhook, but not post as it. */
export const wireWebhookWithoutToken = (row: WireableWebhook) => ({ ...plain(row), ...creator(row) });

const plain = (row: WireableWebhook) => ({
  id: row.id,
  type: row.type,
  guild_id: row.server_id,
  channel_id: row.channel_id,
  application_id: row.application_id,
  name: row.name,
  avatar: row.avatar,
  ...(row.source === null ? {} : { source_guild: row.source.guild, source_channel: row.source.channel }),
});

const creator = (row: WireableWebhook) => (row.creator === null ? {} : { user: wireUser(row.creator) });
