import {
  InteractionResponseType as Answer,
  InteractionType,
  MessageFlags,
  ApplicationCommandOptionType as OptionType,
} from "discord-api-types/v10";
import type { Transaction } from "../../core/db.ts";
import type { Event } from "../../core/event-log.ts";
import type { WireMessage } from "../../core/wire/message.ts";
import type { App } from "../app.ts";
import { showModal } from "../components/modal.ts";
import { ApiError, invalidField } from "../errors.ts";
import type { Upload } from "../files/form.ts";
import {
  claimInteraction,
  type FirstAnswer,
  findInteraction,
  type InteractionRow,
  placeOfInteraction,
} from "../store/interactions.ts";
import type { Callback } from "./body.ts";
import { type Composed, compose, composeLoading, store } from "./compose.ts";
import { ANSWER_WITHIN_MS } from "./deadline.ts";
import { prepareResponseEdit, storeResponseEdit } from "./edit.ts";
import { findSource, type Source } from "./original.ts";
import { openForAnswer, openForEdit } from "./thread.ts";

type Emit = (event: Event) => void;

/** What an interaction's first answer has done. */
export interface Answered {
  interaction: object;
  resource?: { type: number; message: WireMessage };
}

/** What may answer what. https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-interaction-callback-type */
function isFitting({ type, source_id: source }: InteractionRow, answer: Callback["type"]): boolean {
  if (type === InteractionType.ApplicationCommandAutocomplete) {
    return answer === Answer.ApplicationCommandAutocompleteResult;
  }
  if (answer === Answer.ApplicationCommandAutocompleteResult) return false;
  if (answer === Answer.Modal) return type !== InteractionType.ModalSubmit;
  const updates = answer === Answer.UpdateMessage || answer === Answer.DeferredMessageUpdate;
  return !updates || source !== null;
}

/**
 * Gives an interaction its first answer. Of several at once exactly one is taken: they take turns on its row, and what
 * the answer does is in the same transaction. One that is refused for what it says leaves the turn to the next.
 * @throws 40060 when it was answered, 10062 when it is too late, 50035
 */
export async function answer(
  app: App,
  interaction: InteractionRow,
  body: Callback,
  uploads: readonly Upload[],
): Promise<Answered> {
  demandOpen(app, interaction);
  if (!isFitting(interaction, body.type)) {
    throw invalidField(["type"], "INTERACTION_RESPONSE_INVALID_TYPE", "This interaction can't be answered in this way");
  }
  switch (body.type) {
    case Answer.ChannelMessageWithSource: {
      const composed = await compose(app, interaction, body.data, uploads, {
        answersTo: await sourceOf(app, interaction),
      });
      return post(app, interaction, Answer.ChannelMessageWithSource, composed);
    }
    case Answer.DeferredChannelMessageWithSource: {
      const source = await sourceOf(app, interaction);
      return post(app, interaction, body.type, await composeLoading(app, interaction, body.data?.flags, source));
    }
    case Answer.DeferredMessageUpdate:
    case Answer.UpdateMessage:
      return update(app, interaction, body, uploads);
    case Answer.ApplicationCommandAutocompleteResult:
      return complete(app, interaction, body.data.choices);
    case Answer.Modal: {
      const modal = showModal(body.data);
      const { id, name, icon } = { id: interaction.application_id, ...interaction.application };
      const data = { channel_id: placeOfInteraction(interaction).id, application: { id, name, icon }, ...modal };
      await app.change(async (tx, emit) => {
        await claim(app, tx, interaction, { type: body.type, modal });
        emit(toUser("INTERACTION_MODAL_CREATE", interaction, data));
      });
      return { interaction: describe(interaction) };
    }
  }
}

function demandOpen(app: App, { answer: given, failed_at: failed, created_at: madeAt }: InteractionRow): void {
  if (given !== null) throw new ApiError("ALREADY_ACKNOWLEDGED");
  if (failed !== null || madeAt.getTime() + ANSWER_WITHIN_MS <= app.now()) throw new ApiError("UNKNOWN_INTERACTION");
}

/** Takes the one turn that there is. */
async function claim(app: App, tx: Transaction, interaction: InteractionRow, first: FirstAnswer): Promise<void> {
  if (await claimInteraction(tx, interaction.id, first, new Date(app.now() - ANSWER_WITHIN_MS))) return;
  const now = await findInteraction(tx, interaction.id);
  throw new ApiError(now?.answer ? "ALREADY_ACKNOWLEDGED" : "UNKNOWN_INTERACTION");
}

const toUser = (
  t: "INTERACTION_SUCCESS" | "INTERACTION_MODAL_CREATE",
  { id, user_id: userId, nonce }: InteractionRow,
  data: object = {},
): Event => ({ t, userId, data: { id, ...(nonce === null ? {} : { nonce }), ...data } });

/** The message that the component is on, or that the modal was opened from. */
async function sourceOf(app: App, interaction: InteractionRow): Promise<Source | undefined> {
  if (interaction.source_id === null) return undefined;
  return findSource(app, placeOfInteraction(interaction), interaction.source_id, interaction.user_id);
}

async function post(
  app: App,
  interaction: InteractionRow,
  type: Callback["type"],
  composed: Composed,
): Promise<Answered> {
  const { ephemeral } = composed;
  const { id, flags } = composed.row;
  const message = await app.change(async (tx, emit) => {
    await openForAnswer(tx, emit, interaction, composed);
    await claim(app, tx, interaction, { type, response: { id, ephemeral } });
    const wire = await store(app, tx, emit, interaction, composed);
    emit(toUser("INTERACTION_SUCCESS", interaction));
    return wire;
  });
  const loading = (flags & MessageFlags.Loading) !== 0;
  return {
    interaction: {
      ...describe(interaction),
      response_message_id: id,
      response_message_loading: loading,
      response_message_ephemeral: ephemeral,
    },
    ...(loading ? {} : { resource: { type: Answer.ChannelMessageWithSource, message } }),
  };
}

/** Answers by a change of the message that the interaction came from, at once or later. */
async function update(
  app: App,
  interaction: InteractionRow,
  body: Extract<Callback, { type: Answer.UpdateMessage | Answer.DeferredMessageUpdate }>,
  uploads: readonly Upload[],
): Promise<Answered> {
  const source = await sourceOf(app, interaction);
  if (source === undefined) throw new ApiError("UNKNOWN_MESSAGE");
  const said = body.type === Answer.UpdateMessage ? (body.data ?? {}) : undefined;
  const edit = said === undefined ? undefined : await prepareResponseEdit(app, interaction, source, said, uploads);
  const { id } = source.message;
  const message = await app.change(async (tx, emit: Emit) => {
    if (edit !== undefined) await openForEdit(tx, emit, interaction, source);
    await claim(app, tx, interaction, { type: body.type, response: { id, ephemeral: source.ephemeral } });
    emit(toUser("INTERACTION_SUCCESS", interaction));
    return edit === undefined ? undefined : storeResponseEdit(app, tx, emit, interaction, source, edit);
  });
  return {
    interaction: {
      ...describe(interaction),
      response_message_id: id,
      response_message_loading: false,
      response_message_ephemeral: source.ephemeral,
    },
    ...(message === undefined ? {} : { resource: { type: Answer.UpdateMessage, message } }),
  };
}

type Choices = Extract<Callback, { type: Answer.ApplicationCommandAutocompleteResult }>["data"]["choices"];

/** Suggestions for what a person is writing: gone in a moment, so that nobody who resumes wants them. */
async function complete(app: App, interaction: InteractionRow, choices: Choices): Promise<Answered> {
  const isText = interaction.focused_type === OptionType.String;
  for (const [i, { value }] of choices.entries()) {
    const fits = isText
      ? typeof value === "string"
      : typeof value === "number" && (interaction.focused_type === OptionType.Number || Number.isInteger(value));
    if (fits) continue;
    const message = `Value must be of type ${isText ? "string" : "number"}.`;
    throw invalidField(["data", "choices", i, "value"], "BASE_TYPE_BAD_TYPE", message);
  }
  await app.change(async (tx, emit) => {
    await claim(app, tx, interaction, { type: Answer.ApplicationCommandAutocompleteResult });
    const { user_id: userId, nonce } = interaction;
    const data = { choices: choices.map(({ name, value }) => ({ name, value })), ...(nonce === null ? {} : { nonce }) };
    emit({ t: "APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE", userId, data });
  });
  return { interaction: describe(interaction) };
}

/** https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-callback-interaction-callback-object */
function describe(interaction: InteractionRow): object {
  return {
    id: interaction.id,
    type: interaction.type,
    channel_id: placeOfInteraction(interaction).id,
    ...(interaction.server_id === null ? {} : { guild_id: interaction.server_id }),
  };
}
