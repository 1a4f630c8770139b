import { MessageFlags, ComponentType as Type } from "discord-api-types/v10";
import { ApiError, formErrors } from "../errors.ts";
import { charactersIn } from "../fields.ts";
import type { AnyComponent, MessageComponent } from "./schema.ts";
import { placed, type ShownComponent, showComponents } from "./shown.ts";

const MAX_ROWS = 5;
const MAX_COMPONENTS = 40;
const MAX_TEXT = 4000;

type Path = (string | number)[];
interface Fault {
  path: Path;
  code: string;
  message: string;
}

/** Who sends components, and with what. */
export interface ComponentSender {
  /** The application that hears of what is done with them; null where there is none. */
  applicationId: string | null;
  /** The message's flags. */
  flags: number;
  /** Names of the message's files. */
  filenames: readonly string[];
  nextId(): string;
}

/** Whether a message is laid out by components alone. */
export const isLaidOut = (flags: number | null | undefined): boolean =>
  ((flags ?? 0) & MessageFlags.IsComponentsV2) !== 0;

/**
 * The components of a message as they are stored.
 * @throws 50035 for what a message of these flags can't have
 */
export function prepareComponents(components: readonly MessageComponent[], sender: ComponentSender): ShownComponent[] {
  const all = [...placed(components, ["components"])];
  const faults = [
    ...(isLaidOut(sender.flags) ? laidOutFaults(components, all) : rowFaults(components)),
    ...identityFaults(all),
    ...all.flatMap(([one, path]) => [...ownFaults(one, path, sender)]),
  ];
  if (faults.length > 0) throw new ApiError("INVALID_FORM", formErrors(faults));
  return showComponents(components, sender.nextId);
}

/** Without the flag a message has rows, and nothing else. */
function* rowFaults(components: readonly MessageComponent[]): Generator<Fault> {
  if (components.length > MAX_ROWS) {
    const message = `Must be ${MAX_ROWS} or fewer in length.`;
    yield { path: ["components"], code: "BASE_TYPE_BAD_LENGTH", message };
  }
  for (const [i, { type }] of components.entries()) {
    if (type === Type.ActionRow) continue;
    const message = `Value of field "type" must be one of (${Type.ActionRow},).`;
    yield { path: ["components", i, "type"], code: "UNION_TYPE_CHOICES", message };
  }
}

function* laidOutFaults(
  components: readonly MessageComponent[],
  all: readonly [AnyComponent, Path][],
): Generator<Fault> {
  if (components.length === 0) {
    yield { path: ["components"], code: "BASE_TYPE_REQUIRED", message: "This field is required" };
  }
  if (all.length > MAX_COMPONENTS) {
    const message = `A message can have ${MAX_COMPONENTS} components in all.`;
    yield { path: ["components"], code: "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", message };
  }
  const length = all.reduce((sum, [one]) => sum + (one.type === Type.TextDisplay ? charactersIn(one.content) : 0), 0);
  if (length > MAX_TEXT) {
    const message = `The text of all components must be ${MAX_TEXT} or fewer in length.`;
    yield { path: ["components"], code: "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", message };
  }
}

/** Ids and custom ids name one component of a message each. */
export function* identityFaults(
  all: readonly [{ id?: number | null | undefined; custom_id?: string | null | undefined }, Path][],
): Generator<Fault> {
  const ids = new Set<number>();
  const customIds = new Set<string>();
  for (const [component, path] of all) {
    const { id, custom_id: customId } = component;
    if (id && ids.has(id)) {
      yield { path: [...path, "id"], code: "COMPONENT_ID_DUPLICATED", message: "Component id cannot be duplicated" };
    }
    if (id) ids.add(id);
    if (customId && customIds.has(customId)) {
      const message = "Component custom id cannot be duplicated";
      yield { path: [...path, "custom_id"], code: "COMPONENT_CUSTOM_ID_DUPLICATED", message };
    }
    if (customId) customIds.add(customId);
  }
}

const REFERENCE = /^attachment:\/\//i;

function* ownFaults(component: AnyComponent, path: Path, sender: ComponentSender): Generator<Fault> {
  if (sender.applicationId === null && "custom_id" in component && component.custom_id) {
    // Nobody would hear of what is done with it.
    const message = "Only an application can send interactive components";
    yield { path, code: "COMPONENT_NOT_ALLOWED", message };
  }
  for (const [url, at] of mediaOf(component)) {
    if (!REFERENCE.test(url) || sender.filenames.includes(url.replace(REFERENCE, ""))) continue;
    const message = `The message has no such file: ${url.slice(0, 100)}`;
    yield { path: [...path, ...at, "url"], code: "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", message };
  }
}

function mediaOf(component: AnyComponent): [string, Path][] {
  if (component.type === Type.Thumbnail) return [[component.media.url, ["media"]]];
  if (component.type === Type.File) return [[component.file.url, ["file"]]];
  if (component.type !== Type.MediaGallery) return [];
  return component.items.map(({ media }, i): [string, Path] => [media.url, ["items", i, "media"]]);
}

/**
 * What is laid out by components has nothing beside them.
 * @throws 50035
 */
export function checkLegacyFields(body: {
  content?: string | null | undefined;
  embeds?: readonly unknown[] | null | undefined;
  sticker_ids?: unknown;
  poll?: unknown;
}): void {
  const faults = (["content", "embeds", "sticker_ids", "poll"] as const).flatMap((field) => {
    const value = body[field];
    const given = Array.isArray(value) ? value.length > 0 : Boolean(value);
    if (!given) return [];
    const message = `The '${field}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2`;
    return [{ path: [field], code: "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message }];
  });
  if (faults.length > 0) throw new ApiError("INVALID_FORM", formErrors(faults));
}
