import type { MessageType } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import { guildLog, userLog } from "../../core/redis-keys.ts";
import { wireMessage } from "../../core/wire/message.ts";
import type { App } from "../app.ts";
import { ApiError } from "../errors.ts";
import { insertMessage } from "../store/insert-message.ts";
import { findMessage } from "../store/messages.ts";
import { type MemberScene, messageEvents } from "./event.ts";

/** What is needed to post in the platform's own name. */
export type Poster = Pick<App, "nextId" | "cdn">;

/** A message that tells of what its author did. https://discord.com/developers/docs/resources/message#message-types */
export interface SystemMessage {
  id: string;
  channelId: string;
  type: MessageType;
  content?: string;
  /** Whom it is about. */
  mentions?: readonly string[];
  reference?: { messageId: string | null; channelId: string; guildId?: string };
  /** Whether it is in a thread, and not its first. */
  inThread?: boolean;
}

/** Posts a message of the platform's own in the name of who acts, in any channel of the guild or the conversation. */
export async function postSystemMessage(
  app: Poster,
  tx: Transaction,
  emit: (event: Event) => void,
  where: MemberScene,
  message: SystemMessage,
): Promise<void> {
  const place = { type: where.type, id: message.channelId };
  const [authorId, log] =
    where.type === "guild"
      ? [where.me.userId, guildLog(where.guild.id)]
      : [where.caller.user.id, userLog(where.recipientId)];
  const guildId = where.type === "guild" ? where.guild.id : null;
  const stored = {
    id: message.id,
    place,
    inThread: message.inThread ?? false,
    authorId,
    type: message.type,
    flags: 0,
    content: message.content ?? "",
    embeds: [],
    components: [],
    tts: false,
    mentionEveryone: false,
    mentions: message.mentions ?? [],
    mentionRoles: [],
    reference: message.reference === undefined ? null : { guildId, ...message.reference },
    createdAt: new Date(),
    enforcedNonce: null,
  };
  await insertMessage(tx, stored, log, []);
  const row = await findMessage(tx, place, message.id, null);
  if (row === undefined) throw new ApiError("UNKNOWN_MESSAGE");
  for (const event of messageEvents("MESSAGE_CREATE", where, wireMessage(row, app.cdn))) emit(event);
}
