import { ComponentType as Type } from "discord-api-types/v10";
import { ModalType, type ShownModal } from "../components/modal.ts";
import type { ShownComponent } from "../components/shown.ts";
import type { Submitted } from "./body.ts";
import type { Fault } from "./options.ts";
import type { Named } from "./resolved.ts";

type Path = readonly (string | number)[];

const SELECTS: readonly number[] = [
  Type.StringSelect,
  Type.UserSelect,
  Type.RoleSelect,
  Type.MentionableSelect,
  Type.ChannelSelect,
];

export const isSelect = (type: number): boolean => SELECTS.includes(type);

/** The component of a message that bears a custom id, at any depth. */
export function findComponent(components: readonly unknown[], customId: string): ShownComponent | undefined {
  for (const one of components) {
    if (!isShown(one)) continue;
    if (one.custom_id === customId) return one;
    const inside = [...(Array.isArray(one.components) ? one.components : []), one.accessory];
    const found = findComponent(inside, customId);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Our own writing: what a message's components are, src/components/shown.ts. */
const isShown = (one: unknown): one is ShownComponent => typeof one === "object" && one !== null && "type" in one;

/** Values that were picked in a select or a group, checked against what it offers. */
export function checkPicked(
  component: ShownComponent,
  given: readonly string[],
  path: Path,
  required = true,
): { faults: Fault[]; named: Named[] } {
  const faults: Fault[] = [];
  const min = Number(component.min_values ?? 1);
  const max = Number(component.max_values ?? 1);
  const none = given.length === 0 && !required;
  if (!none && (given.length < min || given.length > max)) {
    faults.push({ path, code: "BASE_TYPE_BAD_LENGTH", message: `Must be between ${min} and ${max} in length.` });
  }
  if (new Set(given).size < given.length) {
    const message = "The set already contains this value.";
    faults.push({ path, code: "SET_TYPE_ALREADY_CONTAINS_VALUE", message });
  }
  const named: Named[] = [];
  for (const [i, value] of given.entries()) {
    const at = [...path, i];
    const kind = KINDS[component.type];
    if (kind === undefined) {
      if (!offers(component, value)) {
        faults.push({ path: at, code: "BASE_TYPE_CHOICES", message: "Value must be one of the options." });
      }
    } else if (/^\d{1,19}$/.test(value))
      named.push({ kind, id: value, path: at, channelTypes: channelTypesOf(component) });
    else
      faults.push({ path: at, code: "NUMBER_TYPE_COERCE", message: `Value "${value.slice(0, 64)}" is not snowflake.` });
  }
  return { faults, named };
}

const KINDS: Partial<Record<number, Named["kind"]>> = {
  [Type.UserSelect]: "user",
  [Type.RoleSelect]: "role",
  [Type.MentionableSelect]: "mentionable",
  [Type.ChannelSelect]: "channel",
};

function offers({ options }: ShownComponent, value: string): boolean {
  return Array.isArray(options) && options.some((option) => option.value === value);
}

function channelTypesOf({ channel_types: types }: ShownComponent): number[] | undefined {
  return Array.isArray(types) ? types.map(Number) : undefined;
}

/** A file that was put into a modal: its place in `attachments`. */
interface UploadedFile {
  values: string[];
  types: readonly string[] | undefined;
  path: Path;
}

export interface ReadModal {
  components: object[];
  named: Named[];
  files: UploadedFile[];
  faults: Fault[];
}

/** What was filled into a modal, in the form in which the application is told, checked against what it asked for. */
export function readModal(modal: ShownModal, given: readonly Submitted[]): ReadModal {
  const read: ReadModal = { components: [], named: [], files: [], faults: [] };
  const byId = new Map(given.map((one) => [one.custom_id, one]));
  const known = new Set<string>();
  const fill = (field: ShownComponent, path: Path): object => {
    const customId = String(field.custom_id);
    known.add(customId);
    return readField(field, byId.get(customId), path, read);
  };
  for (const [i, { type, id, ...shown }] of modal.components.entries()) {
    const path = ["data", "components", i];
    if (type === Type.TextDisplay) read.components.push({ type, id });
    else if (Array.isArray(shown.components)) {
      const components = shown.components.filter(isShown).map((field) => fill(field, [...path, "components", 0]));
      read.components.push({ type, id, components });
    } else if (isShown(shown.component)) {
      read.components.push({ type, id, component: fill(shown.component, [...path, "component"]) });
    }
  }
  if (byId.size < given.length || given.some(({ custom_id }) => !known.has(custom_id))) {
    const message = "The modal has no such component.";
    read.faults.push({ path: ["data", "components"], code: "COMPONENT_VALIDATION_FAILED", message });
  }
  return read;
}

function readField(field: ShownComponent, given: Submitted | undefined, path: Path, read: ReadModal): object {
  const { type, id, custom_id } = field;
  const base = { type, id, custom_id };
  if (given !== undefined && given.type !== type) {
    const message = `Value must be one of {${type}}.`;
    read.faults.push({ path: [...path, "type"], code: "BASE_TYPE_CHOICES", message });
    return base;
  }
  const required = field.required !== false;
  const missing = () => {
    read.faults.push({ path, code: "BASE_TYPE_REQUIRED", message: "This field is required" });
  };
  switch (type) {
    case ModalType.Checkbox:
      return { ...base, value: given?.value === true };
    case Type.TextInput: {
      const value = typeof given?.value === "string" ? given.value : "";
      const [min, max] = [Number(field.min_length), Number(field.max_length)];
      if (value === "") {
        if (required) missing();
      } else if (value.length < min || value.length > max) {
        const message = `Must be between ${min} and ${max} in length.`;
        read.faults.push({ path: [...path, "value"], code: "BASE_TYPE_BAD_LENGTH", message });
      }
      return { ...base, value };
    }
    case ModalType.RadioGroup: {
      const value = typeof given?.value === "string" ? given.value : null;
      if (value === null) {
        if (required) missing();
      } else if (!offers(field, value)) {
        const message = "Value must be one of the options.";
        read.faults.push({ path: [...path, "value"], code: "BASE_TYPE_CHOICES", message });
      }
      return { ...base, value };
    }
    case ModalType.FileUpload: {
      const values = given?.values ?? [];
      const { faults } = checkPicked({ ...field, type: Type.UserSelect }, values, [...path, "values"], required);
      read.faults.push(...faults);
      // Filled in with the files' ids when they are stored.
      const told: { values: string[] } & typeof base = { ...base, values: [...values] };
      const types = Array.isArray(field.file_types) ? field.file_types.map(String) : undefined;
      read.files.push({ values: told.values, types, path: [...path, "values"] });
      return told;
    }
    default: {
      const values = given?.values ?? [];
      const { faults, named } = checkPicked(field, values, [...path, "values"], required);
      read.faults.push(...faults);
      read.named.push(...named);
      return { ...base, values };
    }
  }
}
