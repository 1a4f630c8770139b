import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import { type MessageRow, type WireMessage, wireMessage } from "../../core/wire/message.ts";
import type { App } from "../app.ts";
import { ApiError } from "../errors.ts";
import type { Upload } from "../files/form.ts";
import type { MessageEdit } from "../messages/body.ts";
import { type Edit, isFirst, prepareEdit, storeEdit } from "../messages/edit.ts";
import { removeMessage } from "../messages/remove.ts";
import { deleteEphemeral, findEphemeral, updateEphemeral } from "../store/ephemeral-messages.ts";
import { attachToInteraction, type InteractionRow, placeOfInteraction } from "../store/interactions.ts";
import { findUsers } from "../store/users.ts";
import { emojiUserOf, ephemeralEvent, sceneOf, senderOf } from "./compose.ts";
import type { Source } from "./original.ts";
import { demandDeletable } from "./thread.ts";

type Emit = (event: Event) => void;

/** What an edit makes of an application's message, its files stored. */
export function prepareResponseEdit(
  app: App,
  interaction: InteractionRow,
  { message }: Source,
  body: MessageEdit,
  uploads: readonly Upload[],
): Promise<Edit> {
  const sender = { ...senderOf(interaction), polls: emojiUserOf(interaction) };
  return prepareEdit(app, placeOfInteraction(interaction), message, body, uploads, sender);
}

/** Stores it and tells of it. @throws 10008 when the message is gone */
export async function storeResponseEdit(
  app: App,
  tx: Transaction,
  emit: Emit,
  interaction: InteractionRow,
  { message, ephemeral }: Source,
  edit: Edit,
): Promise<WireMessage> {
  if (!ephemeral) {
    const place = placeOfInteraction(interaction);
    return storeEdit(app, tx, emit, sceneOf(interaction), place, message.id, edit, null);
  }
  const found = await findEphemeral(tx, message.id, interaction.user_id, true);
  if (found === undefined) throw new ApiError("UNKNOWN_MESSAGE");
  const after = await applied(tx, found.message, edit);
  await attachToInteraction(
    tx,
    found.interaction_id,
    after.attachments.map(({ id }) => id),
  );
  const version = await updateEphemeral(tx, after);
  const wire = wireMessage(after, app.cdn);
  emit(ephemeralEvent("MESSAGE_UPDATE", interaction, wire, version));
  return wire;
}

async function applied(tx: Transaction, before: MessageRow, { patch, attachments }: Edit): Promise<MessageRow> {
  const { setFlags = 0, clearFlags = 0, mentions, mention_roles: roles, ...plain } = patch;
  return {
    ...before,
    ...plain,
    flags: (before.flags | setFlags) & ~clearFlags,
    attachments: attachments ?? before.attachments,
    mentioned: mentions === undefined ? before.mentioned : await findUsers(tx, mentions),
    mention_roles: roles === undefined ? before.mention_roles : [...roles],
    edited_at: isFirst(patch) ? null : new Date(),
  };
}

/** @throws 10008 when it is gone */
export async function removeResponse(app: App, interaction: InteractionRow, target: Source): Promise<void> {
  const { message, ephemeral } = target;
  const place = placeOfInteraction(interaction);
  const guildId = interaction.server_id;
  await app.change(async (tx, emit) => {
    await demandDeletable(tx, interaction, target);
    if (ephemeral) {
      if (!(await deleteEphemeral(tx, message.id))) throw new ApiError("UNKNOWN_MESSAGE");
      const data = { id: message.id, channel_id: place.id, ...(guildId === null ? {} : { guild_id: guildId }) };
      const where = { channelId: place.id, ...(guildId === null ? {} : { guildId }) };
      emit({ t: "MESSAGE_DELETE", userId: interaction.user_id, ...where, data });
    } else if (guildId !== null) {
      const where = { type: "guild" as const, guild: { id: guildId }, channel: { id: place.id } };
      await removeMessage(tx, emit, where, place, message.id);
    } else {
      const user = { id: interaction.application.bot?.id ?? interaction.user_id };
      const where = { type: "dm" as const, id: place.id, caller: { user }, recipientId: interaction.user_id };
      await removeMessage(tx, emit, where, place, message.id);
    }
  });
}
