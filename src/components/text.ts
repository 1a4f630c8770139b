import { ComponentType as Type } from "discord-api-types/v10";
import type { MessageComponent } from "./schema.ts";
import { everyComponent } from "./shown.ts";

/** All that a message says in which it may mention somebody: its content, and the texts of its components. */
export function textOf(body: {
  content?: string | null | undefined;
  components?: readonly MessageComponent[] | null | undefined;
}): string {
  const shown = [...everyComponent(body.components ?? [])];
  const texts = shown.flatMap((one) => (one.type === Type.TextDisplay ? [one.content] : []));
  return [body.content ?? "", ...texts].join("\n");
}
