import { ButtonStyle, ChannelType, ComponentType as Type } from "discord-api-types/v10";
import { z } from "zod";
import { isUrl } from "../../core/url.ts";
import { httpUrl, snowflake, text } from "../fields.ts";
import { parseEmoji } from "../reactions/emoji.ts";

/** The components of messages as they are sent. https://discord.com/developers/docs/components/reference */

/** Zero counts as none. */
export const componentId = z.number().int().min(0).max(0x7fffffff).nullish();
export const customId = text(1, 100);

const componentEmoji = z
  .object({ id: snowflake.nullish(), name: z.string().max(100).nullish(), animated: z.boolean().nullish() })
  .superRefine(({ id, name }, context) => {
    if (id || (name && parseEmoji(name)?.type === "unicode")) return;
    context.addIssue({ code: "custom", message: "Invalid emoji", params: { code: "COMPONENT_INVALID_EMOJI" } });
  });

/** https://discord.com/developers/docs/components/reference#button */
const button = z
  .object({
    type: z.literal(Type.Button),
    id: componentId,
    style: z.literal([
      ButtonStyle.Primary,
      ButtonStyle.Secondary,
      ButtonStyle.Success,
      ButtonStyle.Danger,
      ButtonStyle.Link,
      ButtonStyle.Premium,
    ]),
    label: text(0, 80).nullish(),
    emoji: componentEmoji.nullish(),
    custom_id: customId.nullish(),
    sku_id: snowflake.nullish(),
    url: z
      .string()
      .max(512)
      .refine((url) => /^(https?|discord):\/\//i.test(url) && isUrl(url), "Not a well formed URL.")
      .nullish(),
    disabled: z.boolean().nullish(),
  })
  .superRefine((one, context) => {
    for (const [field, rule] of Object.entries(buttonRules(one.style))) {
      const given = fieldOf(one, field);
      const there = given !== null && given !== undefined && given !== "";
      if (rule === "required" && !there) issue(context, [field], "BASE_TYPE_REQUIRED", "This field is required");
      if (rule === "refused" && there) {
        issue(context, [field], "BUTTON_COMPONENT_INVALID_FIELD", `A button of this style can't have a ${field}`);
      }
    }
    if (one.style !== ButtonStyle.Premium && !one.label && !one.emoji) {
      issue(context, ["label"], "BUTTON_COMPONENT_LABEL_REQUIRED", "A button must have a label or an emoji");
    }
  });

/** What each style must have and can't have. https://discord.com/developers/docs/components/reference#button-button-styles */
function buttonRules(style: ButtonStyle): Record<string, "required" | "refused"> {
  if (style === ButtonStyle.Link) return { url: "required", custom_id: "refused", sku_id: "refused" };
  if (style === ButtonStyle.Premium) {
    return { sku_id: "required", custom_id: "refused", url: "refused", label: "refused", emoji: "refused" };
  }
  return { custom_id: "required", url: "refused", sku_id: "refused" };
}

const fieldOf = (one: object, name: string): unknown => Reflect.get(one, name);

function issue(context: z.RefinementCtx, path: (string | number)[], code: string, message: string): void {
  context.addIssue({ code: "custom", path, message, params: { code } });
}

const MAX_OPTIONS = 25;

const selectOption = z.object({
  label: text(1, 100),
  value: text(1, 100),
  description: text(0, 100).nullish(),
  emoji: componentEmoji.nullish(),
  default: z.boolean().nullish(),
});

const selectFields = {
  id: componentId,
  custom_id: customId,
  placeholder: text(0, 150).nullish(),
  min_values: z.number().int().min(0).max(MAX_OPTIONS).nullish(),
  max_values: z.number().int().min(1).max(MAX_OPTIONS).nullish(),
  disabled: z.boolean().nullish(),
  /** Of modals; ignored in messages. */
  required: z.boolean().nullish(),
};

/** How many values may be picked. @returns 1 and 1 where nothing is said */
export function valueRange(select: { min_values?: number | null | undefined; max_values?: number | null | undefined }) {
  return { min: select.min_values ?? 1, max: select.max_values ?? Math.max(1, select.min_values ?? 1) };
}

function checkRange(select: z.infer<typeof stringSelectShape> | AutoSelect, context: z.RefinementCtx): void {
  if (typeof select.min_values !== "number" || typeof select.max_values !== "number") return;
  if (select.min_values <= select.max_values) return;
  const message = `Value should be greater than or equal to ${select.min_values}.`;
  issue(context, ["max_values"], "NUMBER_TYPE_MIN", message);
}

const stringSelectShape = z.object({
  type: z.literal(Type.StringSelect),
  ...selectFields,
  options: z.array(selectOption).min(1).max(MAX_OPTIONS),
});

/** https://discord.com/developers/docs/components/reference#string-select */
export const stringSelect = stringSelectShape.superRefine((select, context) => {
  checkRange(select, context);
  const { max } = valueRange(select);
  if (select.options.length < max) {
    const message = `Must be between ${max} and ${MAX_OPTIONS} in length.`;
    issue(context, ["options"], "BASE_TYPE_BAD_LENGTH", message);
  }
  checkValues(select.options, context);
  if (select.options.filter((option) => option.default === true).length > max) {
    const message = `No more than ${max} options can be selected by default.`;
    issue(context, ["options"], "SELECT_COMPONENT_TOO_MANY_DEFAULT_VALUES", message);
  }
});

/** Values of options are unique in their list. */
export function checkValues(options: readonly { value: string }[], context: z.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [i, { value }] of options.entries()) {
    if (seen.has(value)) {
      const message = "The specified option value is already used";
      issue(context, ["options", i, "value"], "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message);
    }
    seen.add(value);
  }
}

const defaultValue = (...types: ("user" | "role" | "channel")[]) => z.object({ id: snowflake, type: z.literal(types) });

const defaults = <T extends z.ZodType>(one: T) => z.array(one).max(MAX_OPTIONS).nullish();

const userSelectShape = z.object({
  type: z.literal(Type.UserSelect),
  ...selectFields,
  default_values: defaults(defaultValue("user")),
});
const roleSelectShape = z.object({
  type: z.literal(Type.RoleSelect),
  ...selectFields,
  default_values: defaults(defaultValue("role")),
});
const mentionableSelectShape = z.object({
  type: z.literal(Type.MentionableSelect),
  ...selectFields,
  default_values: defaults(defaultValue("user", "role")),
});
const channelSelectShape = z.object({
  type: z.literal(Type.ChannelSelect),
  ...selectFields,
  default_values: defaults(defaultValue("channel")),
  channel_types: z.array(z.enum(ChannelType)).max(MAX_OPTIONS).nullish(),
});

type AutoSelect =
  | z.infer<typeof userSelectShape>
  | z.infer<typeof roleSelectShape>
  | z.infer<typeof mentionableSelectShape>
  | z.infer<typeof channelSelectShape>;

/** https://discord.com/developers/docs/components/reference#user-select (default_values) */
function checkDefaults(select: AutoSelect, context: z.RefinementCtx): void {
  checkRange(select, context);
  const { min, max } = valueRange(select);
  const given = select.default_values?.length ?? 0;
  if (given > 0 && (given < min || given > max)) {
    const message = `Must be between ${min} and ${max} in length.`;
    issue(context, ["default_values"], "BASE_TYPE_BAD_LENGTH", message);
  }
}

export const userSelect = userSelectShape.superRefine(checkDefaults);
export const roleSelect = roleSelectShape.superRefine(checkDefaults);
export const mentionableSelect = mentionableSelectShape.superRefine(checkDefaults);
export const channelSelect = channelSelectShape.superRefine(checkDefaults);

const MAX_IN_ROW = 5;

const actionRow = z.object({
  type: z.literal(Type.ActionRow),
  id: componentId,
  components: z
    .array(
      z.discriminatedUnion("type", [button, stringSelect, userSelect, roleSelect, mentionableSelect, channelSelect]),
    )
    .min(1)
    .max(MAX_IN_ROW)
    .superRefine((list, context) => {
      // A select takes the whole row.
      const select = list.findIndex(({ type }) => type !== Type.Button);
      if (select === -1 || list.length === 1) return;
      const message = "The specified component exceeds the maximum width";
      issue(context, [select], "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message);
    }),
});

/** https://discord.com/developers/docs/components/reference#unfurled-media-item */
const media = z.object({
  url: z
    .string()
    .regex(/^attachment:\/\/.+/i, "Not a well formed URL.")
    .max(2048)
    .or(httpUrl),
});
const MAX_DESCRIPTION = 1024;

export const textDisplay = z.object({
  type: z.literal(Type.TextDisplay),
  id: componentId,
  content: text(1, 4000),
});

const thumbnail = z.object({
  type: z.literal(Type.Thumbnail),
  id: componentId,
  media,
  description: text(0, MAX_DESCRIPTION).nullish(),
  spoiler: z.boolean().nullish(),
});

const section = z.object({
  type: z.literal(Type.Section),
  id: componentId,
  components: z
    .array(z.discriminatedUnion("type", [textDisplay]))
    .min(1)
    .max(3),
  accessory: z.discriminatedUnion("type", [button, thumbnail]),
});

const mediaGallery = z.object({
  type: z.literal(Type.MediaGallery),
  id: componentId,
  items: z
    .array(z.object({ media, description: text(0, MAX_DESCRIPTION).nullish(), spoiler: z.boolean().nullish() }))
    .min(1)
    .max(10),
});

const file = z.object({
  type: z.literal(Type.File),
  id: componentId,
  file: z.object({
    url: z
      .string()
      .max(2048)
      .regex(/^attachment:\/\/.+/i, "A file must be one of the message: attachment://name."),
  }),
  spoiler: z.boolean().nullish(),
});

const separator = z.object({
  type: z.literal(Type.Separator),
  id: componentId,
  divider: z.boolean().nullish(),
  spacing: z.literal([1, 2]).nullish(),
});

const container = z.object({
  type: z.literal(Type.Container),
  id: componentId,
  components: z
    .array(z.discriminatedUnion("type", [actionRow, textDisplay, section, mediaGallery, separator, file]))
    .min(1)
    .max(40),
  accent_color: z.number().int().min(0).max(0xffffff).nullish(),
  spoiler: z.boolean().nullish(),
});

/** The components of a message; which of them it may have depends on its flags. */
export const messageComponents = z
  .array(z.discriminatedUnion("type", [actionRow, textDisplay, section, mediaGallery, separator, file, container]))
  .max(40);

export type Button = z.infer<typeof button>;
type StringSelect = z.infer<typeof stringSelect>;
export type Select = StringSelect | AutoSelect;
export type MessageComponent = z.infer<typeof messageComponents>[number];
export type AnyComponent = MessageComponent | Button | Select | z.infer<typeof textDisplay> | z.infer<typeof thumbnail>;
export type Media = z.infer<typeof media>;
