import { ComponentType as Type } from "discord-api-types/v10";
import type { AnyComponent, Button, Media, MessageComponent, Select } from "./schema.ts";
import { valueRange } from "./schema.ts";

/** A component as it is stored and told: with its id, and what was left out filled in. */
export interface ShownComponent {
  type: number;
  id: number;
  [field: string]: unknown;
}

/**
 * Components with an id each, numbered where they have none; a parent comes before what it holds. Numbers that the
 * sender has given are not given again.
 * https://discord.com/developers/docs/components/reference#anatomy-of-a-component
 */
export function showComponents(components: readonly MessageComponent[], nextId: () => string): ShownComponent[] {
  const number = numbering([...everyComponent(components)].map(({ id }) => id));
  return components.map((one) => show(one, { number, nextId }));
}

/** Gives components their ids. */
export function numbering(given: readonly (number | null | undefined)[]): (id: number | null | undefined) => number {
  const taken = new Set(given);
  let last = 0;
  return (id) => {
    if (id) return id;
    do last += 1;
    while (taken.has(last));
    return last;
  };
}

/** All components of a message in their order, each before what it holds. */
export function* everyComponent(components: readonly AnyComponent[]): Generator<AnyComponent> {
  for (const [component] of placed(components, [])) yield component;
}

/** The same, each with its path. */
export function* placed(
  components: readonly AnyComponent[],
  at: readonly (string | number)[],
): Generator<[AnyComponent, (string | number)[]]> {
  for (const [i, component] of components.entries()) {
    const path = [...at, i];
    yield [component, path];
    if ("components" in component) yield* placed(component.components, [...path, "components"]);
    if ("accessory" in component) yield [component.accessory, [...path, "accessory"]];
  }
}

interface Making {
  number(id: number | null | undefined): number;
  /** Names a piece of media. */
  nextId(): string;
}

function show(component: AnyComponent, making: Making): ShownComponent {
  const base = { type: component.type, id: making.number(component.id) };
  switch (component.type) {
    case Type.ActionRow:
      return { ...base, components: component.components.map((one) => show(one, making)) };
    case Type.Section: {
      const components = component.components.map((one) => show(one, making));
      return { ...base, components, accessory: show(component.accessory, making) };
    }
    case Type.Container:
      return {
        ...base,
        accent_color: component.accent_color ?? null,
        components: component.components.map((one) => show(one, making)),
        spoiler: component.spoiler ?? false,
      };
    case Type.Button:
      return { ...base, ...buttonFields(component) };
    case Type.TextDisplay:
      return { ...base, content: component.content };
    case Type.Separator:
      return { ...base, spacing: component.spacing ?? 1, divider: component.divider ?? true };
    case Type.Thumbnail:
      return { ...base, ...picture(component, making) };
    case Type.MediaGallery:
      return { ...base, items: component.items.map((item) => picture(item, making)) };
    case Type.File: {
      const file = mediaFields(component.file, making);
      return { ...base, file, name: null, size: null, spoiler: component.spoiler ?? false };
    }
    default:
      return { ...base, ...selectFields(component) };
  }
}

function buttonFields(button: Button): Record<string, unknown> {
  return {
    style: button.style,
    ...(button.label ? { label: button.label } : {}),
    ...(button.emoji ? { emoji: shownEmoji(button.emoji) } : {}),
    ...(button.custom_id ? { custom_id: button.custom_id } : {}),
    ...(button.url ? { url: button.url } : {}),
    ...(button.sku_id ? { sku_id: button.sku_id } : {}),
    ...(button.disabled === true ? { disabled: true } : {}),
  };
}

type Emoji = NonNullable<Button["emoji"]>;

function shownEmoji({ id, name, animated }: Emoji): object {
  return { ...(id ? { id } : {}), name: name ?? "", ...(animated === true ? { animated: true } : {}) };
}

/** What a select has, in a message or a modal. */
export function selectFields(select: Select): Record<string, unknown> {
  const { min, max } = valueRange(select);
  return {
    custom_id: select.custom_id,
    ...(select.placeholder ? { placeholder: select.placeholder } : {}),
    min_values: min,
    max_values: max,
    ...(select.disabled === true ? { disabled: true } : {}),
    ...("options" in select ? { options: select.options.map(shownOption) } : {}),
    ...("channel_types" in select && select.channel_types ? { channel_types: select.channel_types } : {}),
    ...("default_values" in select && select.default_values ? { default_values: select.default_values } : {}),
  };
}

export function shownOption(option: {
  label: string;
  value: string;
  description?: string | null | undefined;
  emoji?: Emoji | null | undefined;
  default?: boolean | null | undefined;
}): object {
  return {
    label: option.label,
    value: option.value,
    ...(option.description ? { description: option.description } : {}),
    ...(option.emoji ? { emoji: shownEmoji(option.emoji) } : {}),
    ...(option.default === true ? { default: true } : {}),
  };
}

interface Picture {
  media: Media;
  description?: string | null | undefined;
  spoiler?: boolean | null | undefined;
}

function picture({ media, description, spoiler }: Picture, making: Making): object {
  return { media: mediaFields(media, making), description: description || null, spoiler: spoiler ?? false };
}

/** A file of the message keeps its name: its URL is made whenever it is told. core/wire/attachment.ts */
function mediaFields({ url }: Media, making: Making): object {
  return { id: making.nextId(), url, proxy_url: url };
}
