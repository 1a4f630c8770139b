import { MessageReferenceType } from "discord-api-types/v10";
import { z } from "zod";
import { messageComponents } from "../components/schema.ts";
import { bits, charactersIn, flag, httpUrl, isMoment, snowflake, text, trimmed } from "../fields.ts";
import { pollCreate } from "../polls/body.ts";
import { attachments } from "./attachments.ts";

/** Request bodies of messages. Limits: https://discord.com/developers/docs/resources/message#embed-object-embed-limits */
export const EMBED_LIMITS = {
  title: 256,
  description: 4096,
  footer: 2048,
  author: 256,
  fields: 25,
  fieldName: 256,
  fieldValue: 1024,
  count: 10,
  /** Characters of all embeds of a message. */
  total: 6000,
} as const;

const pictureUrl = z
  .string()
  .max(2048)
  .regex(/^(https?|attachment):\/\//i, "Not a well formed URL.");
const picture = z.object({ url: pictureUrl });
/** Some senders leave empty what they don't have. */
const iconUrl = z.preprocess((value) => (value === "" ? null : value), pictureUrl.nullish());

const embed = z.object({
  title: text(0, EMBED_LIMITS.title).nullish(),
  description: text(0, EMBED_LIMITS.description).nullish(),
  url: httpUrl.nullish(),
  // In more forms than ISO 8601, as senders have theirs from elsewhere.
  timestamp: z
    .string()
    .refine((value) => isMoment(Date.parse(value)), {
      message: "Not a well formed timestamp.",
      params: { code: "DATE_TIME_TYPE_PARSE" },
    })
    .nullish(),
  color: z.number().int().min(0).max(0xffffff).nullish(),
  footer: z.object({ text: text(0, EMBED_LIMITS.footer), icon_url: iconUrl }).nullish(),
  image: picture.nullish(),
  thumbnail: picture.nullish(),
  author: z.object({ name: text(0, EMBED_LIMITS.author), url: httpUrl.nullish(), icon_url: iconUrl }).nullish(),
  fields: z
    .array(
      z.object({
        name: text(1, EMBED_LIMITS.fieldName),
        value: text(1, EMBED_LIMITS.fieldValue),
        inline: z.boolean().nullish(),
      }),
    )
    .max(EMBED_LIMITS.fields)
    .nullish(),
});

export type Embed = z.infer<typeof embed>;

const embeds = z
  .array(embed)
  .max(EMBED_LIMITS.count)
  .refine((list) => list.reduce((sum, one) => sum + embedLength(one), 0) <= EMBED_LIMITS.total, {
    message: "Embed size exceeds maximum size of 6000",
  })
  .transform((list) => list.filter(isVisible));

/** Whether it shows anything. */
export const isVisible = (one: Embed): boolean => {
  const { title, description, timestamp, author, footer, image, thumbnail, fields } = one;
  return Boolean(title || description || timestamp || author || footer || image || thumbnail || fields?.length);
};

export function embedLength(one: Embed): number {
  const parts = [one.title, one.description, one.footer?.text, one.author?.name];
  const fields = one.fields ?? [];
  return [...parts, ...fields.flatMap((field) => [field.name, field.value])].reduce(
    (sum, part) => sum + charactersIn(part ?? ""),
    0,
  );
}

/** https://discord.com/developers/docs/resources/message#allowed-mentions-object */
const allowedMentions = z
  .object({
    parse: z
      .array(z.enum(["users", "roles", "everyone"]))
      .max(3)
      .nullish(),
    users: z.array(snowflake).max(100).nullish(),
    roles: z.array(snowflake).max(100).nullish(),
    replied_user: z.boolean().nullish(),
  })
  .superRefine((allowed, context) => {
    for (const kind of ["users", "roles"] as const) {
      if (!allowed.parse?.includes(kind) || (allowed[kind] ?? []).length === 0) continue;
      const message = `parse:["${kind}"] and ${kind}: [ids...] are mutually exclusive.`;
      const code = "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE";
      context.addIssue({ code: "custom", message, params: { code } });
    }
  });

export type AllowedMentions = z.infer<typeof allowedMentions>;

const content = text(0, 2000).nullish();
const components = messageComponents.nullish();
/** Guilds have no stickers yet, so that no id is one's. */
const stickerIds = z.array(snowflake).max(3).nullish();
const poll = pollCreate.nullish();
const flags = bits.nullish();
const tts = flag.nullish();

export const messageCreate = z.object({
  content,
  nonce: z
    .union([z.number().int().transform(String), z.string()])
    .pipe(z.string().max(25))
    .nullish(),
  enforce_nonce: z.boolean().nullish(),
  tts,
  embeds: embeds.nullish(),
  components,
  attachments: attachments.nullish(),
  allowed_mentions: allowedMentions.nullish(),
  message_reference: z
    .object({
      type: z.literal([MessageReferenceType.Default, MessageReferenceType.Forward]).nullish(),
      message_id: snowflake,
      channel_id: snowflake.nullish(),
      guild_id: snowflake.nullish(),
      fail_if_not_exists: z.boolean().nullish(),
    })
    .nullish(),
  sticker_ids: stickerIds,
  poll,
  flags,
});

export const messageEdit = z.object({
  content,
  embeds: embeds.nullish(),
  components,
  attachments: attachments.nullish(),
  allowed_mentions: allowedMentions.nullish(),
  /** Only what a deferred answer to an interaction comes to may have one. */
  poll,
  flags,
});

export const webhookMessage = z.object({
  content,
  username: trimmed(1, 80).nullish(),
  avatar_url: httpUrl.nullish().or(z.literal("")),
  tts,
  embeds: embeds.nullish(),
  components,
  attachments: attachments.nullish(),
  allowed_mentions: allowedMentions.nullish(),
  poll,
  flags,
  thread_name: trimmed(1, 100).nullish(),
  applied_tags: z.array(snowflake).max(5).nullish(),
});

export type MessageEdit = z.infer<typeof messageEdit>;
export type MessageCreate = z.infer<typeof messageCreate>;
export type WebhookMessage = z.infer<typeof webhookMessage>;

/** An embed as it is stored and sent back: without nulls, with its type. */
export function richEmbed(one: Embed): Record<string, unknown> {
  const { fields, footer, author, image, thumbnail, timestamp, ...plain } = one;
  return {
    type: "rich",
    ...withoutNulls(plain),
    ...(timestamp ? { timestamp: new Date(timestamp).toISOString().replace("Z", "000+00:00") } : {}),
    ...(fields ? { fields: fields.map((f) => ({ name: f.name, value: f.value, inline: f.inline ?? false })) } : {}),
    ...(footer ? { footer: withoutNulls(footer) } : {}),
    ...(author ? { author: withoutNulls(author) } : {}),
    ...(image ? { image: { url: image.url, flags: 0 } } : {}),
    ...(thumbnail ? { thumbnail: { url: thumbnail.url, flags: 0 } } : {}),
  };
}

function withoutNulls(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
}
