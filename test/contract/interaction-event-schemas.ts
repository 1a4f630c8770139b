import * as z from "zod/mini";
import { responseSchema, shapeOf } from "./schemas.ts";

/**
 * What interactions are told with. https://discord.com/developers/docs/interactions/receiving-and-responding
 */
const snowflake = z.string().check(z.regex(/^\d{1,20}$/));
const USER = responseSchema("UserResponse");
const bits = z.string().check(z.regex(/^\d{1,20}$/));
const { user: _user, ...PARTIAL_MEMBER } = shapeOf("GuildMemberResponse");
const { deaf: _deaf, mute: _mute, ...RESOLVED_MEMBER } = PARTIAL_MEMBER;
const { reactions: _reactions, ...MESSAGE } = shapeOf("MessageResponse");
const message = z.strictObject({ ...MESSAGE, reactions: z.optional(z.array(z.unknown())) });

const partialChannel = z.strictObject({
  id: snowflake,
  name: z.string(),
  type: z.int(),
  guild_id: snowflake,
  permissions: bits,
  app_permissions: z.optional(bits),
  parent_id: z.nullish(snowflake),
  position: z.optional(z.int()),
  topic: z.nullish(z.string()),
  nsfw: z.optional(z.boolean()),
  flags: z.int(),
  rate_limit_per_user: z.optional(z.int()),
  last_message_id: z.nullish(snowflake),
  last_pin_timestamp: z.nullish(z.string()),
  thread_metadata: z.optional(z.unknown()),
});

const mapOf = (one: z.core.$ZodType) => z.optional(z.record(snowflake, one));
const resolved = z.optional(
  z.strictObject({
    users: mapOf(USER),
    members: mapOf(z.strictObject({ ...RESOLVED_MEMBER, permissions: bits })),
    roles: mapOf(responseSchema("GuildRoleResponse")),
    channels: mapOf(partialChannel),
    messages: mapOf(message),
    attachments: mapOf(responseSchema("MessageAttachmentResponse")),
  }),
);

interface Option {
  type: number;
  name: string;
}
const option: z.core.$ZodType<Option> = z.lazy(() =>
  z.strictObject({
    type: z.int(),
    name: z.string(),
    value: z.optional(z.union([z.string(), z.number(), z.boolean()])),
    focused: z.optional(z.literal(true)),
    options: z.optional(z.array(option)),
  }),
);
const command = z.strictObject({
  id: snowflake,
  name: z.string(),
  type: z.int(),
  guild_id: z.optional(snowflake),
  target_id: z.optional(snowflake),
  options: z.optional(z.array(option)),
  resolved,
});
const component = z.strictObject({
  component_type: z.int(),
  id: z.int(),
  custom_id: z.string(),
  values: z.optional(z.array(z.string())),
  resolved,
});
const filled = z.strictObject({
  type: z.int(),
  id: z.int(),
  custom_id: z.string(),
  value: z.nullish(z.union([z.string(), z.boolean()])),
  values: z.optional(z.array(z.string())),
});
const modal = z.strictObject({
  custom_id: z.string(),
  components: z.array(
    z.union([
      z.strictObject({ type: z.literal(1), id: z.int(), components: z.array(filled) }),
      z.strictObject({ type: z.literal(18), id: z.int(), component: filled }),
      z.strictObject({ type: z.literal(10), id: z.int() }),
    ]),
  ),
  resolved,
});

const common = {
  id: snowflake,
  application_id: snowflake,
  token: z.string(),
  version: z.literal(1),
  message: z.optional(message),
  app_permissions: bits,
  locale: z.string(),
  entitlements: z.array(z.never()),
  authorizing_integration_owners: z.record(z.string(), snowflake),
  attachment_size_limit: z.int(),
  channel_id: snowflake,
};
const where = [
  {
    guild_id: snowflake,
    guild: z.strictObject({ id: snowflake, locale: z.string(), features: z.array(z.string()) }),
    guild_locale: z.string(),
    channel: partialChannel,
    member: z.strictObject({ ...PARTIAL_MEMBER, user: USER, permissions: bits }),
    context: z.literal(0),
  },
  { channel: responseSchema("PrivateChannelResponse"), user: USER, context: z.literal(1) },
];
const kinds = [
  { type: z.literal([2, 4]), data: command },
  { type: z.literal(3), data: component },
  { type: z.literal(5), data: modal },
];

/** Not documented for people's clients, whose part Discord keeps to itself. */
const known = { id: snowflake, nonce: z.optional(z.string()) };

export const interactionEvents = {
  INTERACTION_CREATE: z.union([
    z.strictObject(known),
    ...where.flatMap((place) => kinds.map((kind) => z.strictObject({ ...common, ...place, ...kind }))),
  ]),
  INTERACTION_SUCCESS: z.strictObject(known),
  INTERACTION_FAILURE: z.strictObject(known),
  INTERACTION_MODAL_CREATE: z.strictObject({
    ...known,
    channel_id: snowflake,
    application: z.strictObject({ id: snowflake, name: z.string(), icon: z.nullable(z.string()) }),
    custom_id: z.string(),
    title: z.string(),
    components: z.array(z.object({ type: z.int(), id: z.int() })),
  }),
  APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE: z.strictObject({
    nonce: z.optional(z.string()),
    choices: z.array(z.strictObject({ name: z.string(), value: z.union([z.string(), z.number()]) })),
  }),
} as const;
