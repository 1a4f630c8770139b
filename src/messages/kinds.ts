import { MessageType } from "discord-api-types/v10";

/**
 * What may be replied to, forwarded, pinned and edited: what somebody said. All else tells of something that happened.
 * https://discord.com/developers/docs/resources/message#message-reference-types
 */
const SAID: readonly number[] = [
  MessageType.Default,
  MessageType.Reply,
  MessageType.ChatInputCommand,
  MessageType.ContextMenuCommand,
];

export const isSystemMessage = (message: { type: number }): boolean => !SAID.includes(message.type);

/** Who wrote a message: a user or a webhook; null for an account that is gone. */
export const authorOf = (message: { author_id: string | null; webhook_id: string | null }): string | null =>
  message.author_id ?? message.webhook_id;

/** https://discord.com/developers/docs/resources/message#message-object-message-types */
export const UNDELETABLE: readonly number[] = [
  MessageType.RecipientAdd,
  MessageType.RecipientRemove,
  MessageType.Call,
  MessageType.ChannelNameChange,
  MessageType.ChannelIconChange,
  MessageType.ThreadStarterMessage,
];
