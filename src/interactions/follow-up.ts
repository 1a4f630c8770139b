import { InteractionType } from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import type { AttachmentRow } from "../../core/wire/attachment.ts";
import type { WireMessage } from "../../core/wire/message.ts";
import type { App } from "../app.ts";
import { ApiError } from "../errors.ts";
import type { Upload } from "../files/form.ts";
import type { MessageEdit } from "../messages/body.ts";
import { findEphemeral } from "../store/ephemeral-messages.ts";
import { type InteractionRow, placeOfInteraction } from "../store/interactions.ts";
import { lockMessage } from "../store/messages.ts";
import type { ResponseMessage } from "./body.ts";
import { compose, store } from "./compose.ts";
import { prepareResponseEdit, storeResponseEdit } from "./edit.ts";
import { findSource, isLoading, type Source } from "./original.ts";
import { openForAnswer, openForEdit } from "./thread.ts";

/** The message that `@original` means. @throws 10008 when there is none */
export async function findOriginal(app: App, interaction: InteractionRow): Promise<Source> {
  const { response_id: id } = interaction;
  const found =
    id === null ? undefined : await findSource(app, placeOfInteraction(interaction), id, interaction.user_id);
  if (found === undefined) throw new ApiError("UNKNOWN_MESSAGE");
  return found;
}

/** A message that was posted with this interaction's token, or its original. @throws 10008 */
export async function findResponse(app: App, interaction: InteractionRow, id: string): Promise<Source> {
  if (id === interaction.response_id) return findOriginal(app, interaction);
  const found = await findSource(app, placeOfInteraction(interaction), id, interaction.user_id);
  if (found?.message.interaction?.id !== interaction.id) throw new ApiError("UNKNOWN_MESSAGE");
  return found;
}

export async function editResponse(
  app: App,
  interaction: InteractionRow,
  target: Source,
  body: MessageEdit,
  uploads: readonly Upload[],
): Promise<WireMessage> {
  const edit = await prepareResponseEdit(app, interaction, target, body, uploads);
  return app.change(async (tx, emit) => {
    await openForEdit(tx, emit, interaction, target);
    return storeResponseEdit(app, tx, emit, interaction, target, edit);
  });
}

/**
 * Posts one more message. After a deferral the first one fills in what stands there already, as ephemeral as that is.
 * https://discord.com/developers/docs/interactions/receiving-and-responding#create-followup-message
 */
export async function followUp(
  app: App,
  interaction: InteractionRow,
  body: ResponseMessage,
  uploads: readonly Upload[],
): Promise<WireMessage> {
  // Before the first answer there is nothing to follow, and who is still writing has asked for no message.
  if (interaction.answer === null || interaction.type === InteractionType.ApplicationCommandAutocomplete)
    throw new ApiError("UNKNOWN_WEBHOOK");
  const original = await findOriginal(app, interaction).catch(() => undefined);
  let attachments: AttachmentRow[] | undefined;
  if (original !== undefined && isLoading(original.message)) {
    const edit = await prepareResponseEdit(app, interaction, original, body, uploads);
    const filled = await app.change(async (tx, emit) => {
      await openForEdit(tx, emit, interaction, original);
      // Of several that come at once, one fills it in.
      if (!(await lockLoading(tx, interaction, original))) return undefined;
      return storeResponseEdit(app, tx, emit, interaction, original, edit);
    });
    if (filled !== undefined) return filled;
    attachments = edit.attachments ?? [];
  }
  const originalId = interaction.response_id ?? undefined;
  const composed = await compose(app, interaction, body, uploads, { answersTo: original, originalId, attachments });
  return app.change(async (tx, emit) => {
    await openForAnswer(tx, emit, interaction, composed);
    return store(app, tx, emit, interaction, composed);
  });
}

/** Whether a message still stands for an answer to come; nobody else changes it until the transaction ends. */
async function lockLoading(tx: Transaction, interaction: InteractionRow, { message, ephemeral }: Source) {
  const found = ephemeral
    ? (await findEphemeral(tx, message.id, interaction.user_id, true))?.message
    : await lockMessage(tx, placeOfInteraction(interaction), message.id);
  return found !== undefined && isLoading(found);
}
