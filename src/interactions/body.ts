import { InteractionResponseType as Answer, ApplicationCommandType, InteractionType } from "discord-api-types/v10";
import { z } from "zod";
import { modal } from "../components/modal.ts";
import { customId } from "../components/schema.ts";
import { snowflake, text } from "../fields.ts";
import { attachments } from "../messages/attachments.ts";
import { webhookMessage } from "../messages/body.ts";

/** What a person's client says of any interaction. */
const invoked = {
  application_id: snowflake,
  guild_id: snowflake.nullish(),
  channel_id: snowflake,
  session_id: z.string().max(128).nullish(),
  nonce: z
    .union([z.number().int().transform(String), z.string()])
    .pipe(z.string().max(25))
    .nullish(),
};

const leaf = {
  type: z.number().int(),
  name: z.string().max(32),
  value: z.union([z.string().max(6000), z.number(), z.boolean()]).nullish(),
  focused: z.boolean().nullish(),
};
const parameters = z.array(z.object(leaf)).max(25).nullish();
const subcommands = z
  .array(z.object({ ...leaf, options: parameters }))
  .max(25)
  .nullish();
/** Groups hold subcommands, which hold parameters. */
const options = z
  .array(z.object({ ...leaf, options: subcommands }))
  .max(25)
  .nullish();

export interface GivenOption {
  type: number;
  name: string;
  value?: string | number | boolean | null | undefined;
  focused?: boolean | null | undefined;
  options?: readonly GivenOption[] | null | undefined;
}

const commandData = z.object({
  id: snowflake,
  name: z.string().max(32).nullish(),
  type: z.enum(ApplicationCommandType).nullish(),
  version: snowflake.nullish(),
  guild_id: snowflake.nullish(),
  target_id: snowflake.nullish(),
  options,
  attachments: attachments.nullish(),
});

/** What was done with one field of a modal. */
const submitted = z.object({
  type: z.number().int(),
  custom_id: customId,
  value: z.union([z.string().max(4000), z.boolean()]).nullish(),
  values: z.array(z.string().max(100)).max(25).nullish(),
});

export type Submitted = z.infer<typeof submitted>;

const submittedRow = z.object({
  type: z.number().int(),
  /** Of a row. */
  components: z.array(submitted).max(5).nullish(),
  /** Of a label. */
  component: submitted.nullish(),
});

/** POST /interactions, as people's clients send it. */
export const invocation = z.discriminatedUnion("type", [
  z.object({ type: z.literal(InteractionType.ApplicationCommand), ...invoked, data: commandData }),
  z.object({ type: z.literal(InteractionType.ApplicationCommandAutocomplete), ...invoked, data: commandData }),
  z.object({
    type: z.literal(InteractionType.MessageComponent),
    ...invoked,
    message_id: snowflake,
    data: z.object({
      component_type: z.number().int(),
      custom_id: customId,
      values: z.array(z.string().max(100)).max(25).nullish(),
    }),
  }),
  z.object({
    type: z.literal(InteractionType.ModalSubmit),
    ...invoked,
    data: z.object({
      /** The interaction that showed the modal. */
      id: snowflake,
      custom_id: customId,
      components: z.array(submittedRow).max(5),
      attachments: attachments.nullish(),
    }),
  }),
]);

export type Invocation = z.infer<typeof invocation>;
export type Invoked<T extends InteractionType> = Extract<Invocation, { type: T }>;
export type CommandInvocation = Invoked<
  InteractionType.ApplicationCommand | InteractionType.ApplicationCommandAutocomplete
>;

/** https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-messages */
const message = webhookMessage.omit({ username: true, avatar_url: true, thread_name: true, applied_tags: true });

export type ResponseMessage = z.infer<typeof message>;

const choices = z
  .array(
    z.object({
      name: text(1, 100),
      name_localizations: z.record(z.string().max(10), text(1, 100)).nullish(),
      value: z.union([text(0, 100), z.number()]),
    }),
  )
  .max(25);

/** https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object */
export const callback = z.discriminatedUnion("type", [
  z.object({ type: z.literal(Answer.ChannelMessageWithSource), data: message }),
  z.object({
    type: z.literal(Answer.DeferredChannelMessageWithSource),
    data: z.object({ flags: z.number().int().min(0).max(0x7fffffff).nullish() }).nullish(),
  }),
  z.object({ type: z.literal(Answer.DeferredMessageUpdate) }),
  z.object({ type: z.literal(Answer.UpdateMessage), data: message.nullish() }),
  z.object({ type: z.literal(Answer.ApplicationCommandAutocompleteResult), data: z.object({ choices }) }),
  z.object({ type: z.literal(Answer.Modal), data: modal }),
]);

export type Callback = z.infer<typeof callback>;
