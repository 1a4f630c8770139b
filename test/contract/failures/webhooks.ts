import {
  BAD_LENGTH,
  CHOICES,
  channelLacking,
  type FailureTable,
  full,
  guildLacking,
  long,
  NOTHING,
  noChannel,
  noGuild,
  notItsToken,
  noWebhook,
  only,
  REQUIRED,
  unknown,
  wrong,
  wrongBody,
  wrongQuery,
} from "./failure.ts";
import { embedLimits, empty, messageForm } from "./messages.ts";

const managed = only(guildLacking("MANAGE_WEBHOOKS"), [noWebhook]);
const withToken = only([notItsToken], [noWebhook]);
const noMessage = unknown("message_id", 10008);
const name = wrong("name", long(81), BAD_LENGTH);

export const interactionFailures: FailureTable = {
  create_interaction_response: {
    forbidden: [unknown("interaction_token", 10062)],
    unknown: [unknown("interaction_id", 10062)],
    invalid: [
      wrong("type", 1, CHOICES),
      wrong("data.content", long(2001), BAD_LENGTH),
      { body: () => ({ type: 4, data: {} }), status: 400, code: 50006 },
      wrongQuery("with_response", "maybe", CHOICES),
    ],
    limits: [],
  },
  get_original_webhook_message: { ...withToken, invalid: [wrongQuery("thread_id", "x", "BASE_TYPE_INVALID")] },
  update_original_webhook_message: {
    ...withToken,
    invalid: [...messageForm, { ...empty, body: () => ({ content: "", embeds: [], components: [] }) }],
    limits: embedLimits,
  },
  delete_original_webhook_message: { ...withToken, invalid: [wrongQuery("thread_id", "x", "BASE_TYPE_INVALID")] },
};

export const webhookFailures: FailureTable = {
  create_webhook: {
    forbidden: channelLacking("MANAGE_WEBHOOKS"),
    unknown: [noChannel],
    invalid: [name, wrongBody(() => ({}), "name", REQUIRED)],
    limits: [
      full(30007, async ({ sql, at, freeId }) => {
        await sql`insert into webhooks (id, server_id, channel_id, name, token)
          select ${freeId}::bigint + n, ${at.guild_id}, ${at.channel_id}, 'many', '' from generate_series(1, 15) n`;
        return {};
      }),
    ],
  },
  list_channel_webhooks: only(channelLacking("MANAGE_WEBHOOKS"), [noChannel]),
  get_guild_webhooks: only(guildLacking("MANAGE_WEBHOOKS"), [noGuild]),
  get_webhook: managed,
  update_webhook: {
    ...managed,
    unknown: [noWebhook, { body: () => ({ channel_id: NOTHING }), status: 404, code: 10003 }],
    invalid: [name],
  },
  delete_webhook: managed,
  get_webhook_by_token: withToken,
  update_webhook_by_token: { ...withToken, invalid: [name] },
  delete_webhook_by_token: withToken,
  execute_webhook: {
    ...withToken,
    unknown: [noWebhook, { query: { thread_id: NOTHING }, status: 404, code: 10003 }],
    invalid: [...messageForm, empty, wrong("username", long(81), BAD_LENGTH), wrongQuery("wait", "maybe", CHOICES)],
    limits: embedLimits,
  },
  get_webhook_message: {
    ...withToken,
    unknown: [noWebhook, noMessage],
    invalid: [wrongQuery("thread_id", "x", "BASE_TYPE_INVALID")],
  },
  update_webhook_message: {
    ...withToken,
    unknown: [noWebhook, noMessage],
    invalid: [...messageForm, { ...empty, body: () => ({ content: "", embeds: [], components: [] }) }],
    limits: embedLimits,
  },
  delete_webhook_message: {
    ...withToken,
    unknown: [noWebhook, noMessage],
    invalid: [wrongQuery("thread_id", "x", "BASE_TYPE_INVALID")],
  },
  execute_slack_compatible_webhook: {
    ...withToken,
    invalid: [{ body: () => ({}), status: 400, code: 50006 }, wrongQuery("wait", "maybe", CHOICES)],
  },
  execute_github_compatible_webhook: { ...withToken, invalid: [wrongQuery("wait", "maybe", CHOICES)] },
};
