import { ComponentType as Type } from "discord-api-types/v10";
import { z } from "zod";
import { ApiError, formErrors } from "../errors.ts";
import { text } from "../fields.ts";
import { identityFaults } from "./check.ts";
import {
  channelSelect,
  checkValues,
  componentId,
  customId,
  mentionableSelect,
  roleSelect,
  stringSelect,
  textDisplay,
  userSelect,
} from "./schema.ts";
import { numbering, type ShownComponent, selectFields, shownOption } from "./shown.ts";

/** Not in discord-api-types yet. https://discord.com/developers/docs/components/reference#radio-group */
export const ModalType = { Label: 18, FileUpload: 19, RadioGroup: 21, CheckboxGroup: 22, Checkbox: 23 } as const;

const required = z.boolean().nullish();

const textInput = z
  .object({
    type: z.literal(Type.TextInput),
    id: componentId,
    custom_id: customId,
    style: z.literal([1, 2]),
    /** Of inputs in rows; a label has its own. */
    label: text(1, 45).nullish(),
    min_length: z.number().int().min(0).max(4000).nullish(),
    max_length: z.number().int().min(1).max(4000).nullish(),
    required,
    value: text(0, 4000).nullish(),
    placeholder: text(0, 100).nullish(),
  })
  .superRefine((input, context) => {
    const { min_length: min, max_length: max, value } = input;
    if (typeof min === "number" && typeof max === "number" && min > max) {
      const message = `Value should be greater than or equal to ${min}.`;
      context.addIssue({ code: "custom", path: ["max_length"], message, params: { code: "NUMBER_TYPE_MIN" } });
    }
    if (value && typeof max === "number" && value.length > max) {
      const message = `Must be ${max} or fewer in length.`;
      context.addIssue({ code: "custom", path: ["value"], message, params: { code: "BASE_TYPE_BAD_LENGTH" } });
    }
  });

const fileUpload = z.object({
  type: z.literal(ModalType.FileUpload),
  id: componentId,
  custom_id: customId,
  min_values: z.number().int().min(0).max(10).nullish(),
  max_values: z.number().int().min(1).max(10).nullish(),
  required,
  file_types: z
    .array(z.string().regex(/^(image|video|audio|\.[a-z0-9]{1,15})$/i, "Not a file type."))
    .max(10)
    .nullish(),
});

const groupOption = z.object({
  label: text(1, 100),
  value: text(1, 100),
  description: text(0, 100).nullish(),
  default: z.boolean().nullish(),
});

const radioGroup = z
  .object({
    type: z.literal(ModalType.RadioGroup),
    id: componentId,
    custom_id: customId,
    options: z.array(groupOption).min(2).max(10),
    required,
  })
  .superRefine(({ options }, context) => checkValues(options, context));

const checkboxGroup = z
  .object({
    type: z.literal(ModalType.CheckboxGroup),
    id: componentId,
    custom_id: customId,
    options: z.array(groupOption).min(1).max(10),
    min_values: z.number().int().min(0).max(10).nullish(),
    max_values: z.number().int().min(1).max(10).nullish(),
    required,
  })
  .superRefine(({ options }, context) => checkValues(options, context));

const checkbox = z.object({
  type: z.literal(ModalType.Checkbox),
  id: componentId,
  custom_id: customId,
  default: z.boolean().nullish(),
});

const field = z
  .discriminatedUnion("type", [
    textInput,
    stringSelect,
    userSelect,
    roleSelect,
    mentionableSelect,
    channelSelect,
    fileUpload,
    radioGroup,
    checkboxGroup,
    checkbox,
  ])
  .superRefine((one, context) => {
    // https://discord.com/developers/docs/components/reference#string-select (notes on min_values and disabled)
    if ("disabled" in one && one.disabled === true) {
      const message = "Modals can't have disabled components.";
      context.addIssue({ code: "custom", path: ["disabled"], message, params: { code: "BASE_TYPE_INVALID" } });
    }
    if (!("min_values" in one) || one.min_values !== 0 || one.required === false) return;
    const message = "Value should be greater than or equal to 1.";
    context.addIssue({ code: "custom", path: ["min_values"], message, params: { code: "NUMBER_TYPE_MIN" } });
  });

const label = z.object({
  type: z.literal(ModalType.Label),
  id: componentId,
  label: text(1, 45),
  description: text(0, 100).nullish(),
  component: field,
});

/** The older form: each text input in a row of its own. */
const inputRow = z.object({
  type: z.literal(Type.ActionRow),
  id: componentId,
  components: z
    .array(
      textInput.refine((input) => Boolean(input.label), {
        path: ["label"],
        message: "This field is required",
        params: { code: "BASE_TYPE_REQUIRED" },
      }),
    )
    .min(1)
    .max(1),
});

/** https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-response-object-modal */
export const modal = z.object({
  custom_id: customId,
  title: text(1, 45),
  components: z
    .array(z.discriminatedUnion("type", [inputRow, label, textDisplay]))
    .min(1)
    .max(5),
});

export type Modal = z.infer<typeof modal>;
type Field = z.infer<typeof field>;

/** A modal as it is stored, and shown to the one who is to fill it. */
export interface ShownModal {
  custom_id: string;
  title: string;
  components: ShownComponent[];
}

/** @throws 50035 when two of its fields have one name */
export function showModal({ custom_id, title, components }: Modal): ShownModal {
  const all = components.flatMap((one, i) => {
    const path = ["components", i];
    const own: [typeof one | Field, (string | number)[]][] = [[one, path]];
    if (one.type === ModalType.Label) own.push([one.component, [...path, "component"]]);
    if (one.type === Type.ActionRow)
      own.push(...one.components.map((input): [Field, (string | number)[]] => [input, [...path, "components", 0]]));
    return own;
  });
  const faults = [...identityFaults(all)];
  if (faults.length > 0) throw new ApiError("INVALID_FORM", formErrors(faults));
  const number = numbering(all.map(([{ id }]) => id));
  const shown = components.map((one): ShownComponent => {
    const base = { type: one.type, id: number(one.id) };
    if (one.type === Type.TextDisplay) return { ...base, content: one.content };
    if (one.type === Type.ActionRow)
      return { ...base, components: one.components.map((input) => showField(input, number)) };
    return {
      ...base,
      label: one.label,
      ...(one.description ? { description: one.description } : {}),
      component: showField(one.component, number),
    };
  });
  return { custom_id, title, components: shown };
}

function showField(one: Field, number: (id: number | null | undefined) => number): ShownComponent {
  const { type, custom_id } = one;
  const base = { type, id: number(one.id), custom_id };
  switch (one.type) {
    case ModalType.Checkbox:
      return { ...base, default: one.default ?? false };
    case ModalType.RadioGroup:
      return { ...base, options: one.options.map(shownOption), required: one.required ?? true };
    case ModalType.CheckboxGroup:
    case ModalType.FileUpload: {
      const most = one.type === ModalType.FileUpload ? 1 : one.options.length;
      return {
        ...base,
        ...("options" in one ? { options: one.options.map(shownOption) } : {}),
        ...("file_types" in one && one.file_types ? { file_types: one.file_types } : {}),
        min_values: one.min_values ?? 1,
        max_values: one.max_values ?? most,
        required: one.required ?? true,
      };
    }
    case Type.TextInput:
      return {
        ...base,
        style: one.style,
        ...(one.label ? { label: one.label } : {}),
        min_length: one.min_length ?? 0,
        max_length: one.max_length ?? 4000,
        required: one.required ?? true,
        ...(one.value ? { value: one.value } : {}),
        ...(one.placeholder ? { placeholder: one.placeholder } : {}),
      };
    default:
      return { ...base, ...selectFields(one), required: one.required ?? true };
  }
}
