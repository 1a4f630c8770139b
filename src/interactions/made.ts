import type { InteractionAbout } from "../../core/wire/interaction.ts";
import { ApiError, formErrors } from "../errors.ts";
import type { Fault } from "./options.ts";
import type { Source } from "./original.ts";
import { type Named, type Resolved, resolveNamed } from "./resolved.ts";
import type { Scene } from "./scene.ts";

/** What the different kinds of interactions make of a request. */
export interface Made {
  /** The `data` that the application is told. */
  data: object;
  about: Pick<InteractionAbout, "name" | "interacted_id" | "target_user_id" | "target_message_id" | "triggering">;
  source: Source | null;
  focusedType: number | null;
  fileIds: readonly string[];
  /** The interaction whose modal this submits. */
  modalOf?: string;
}

export function refuse(faults: readonly Fault[]): void {
  if (faults.length > 0) throw new ApiError("INVALID_FORM", formErrors(faults));
}

/** What was named, resolved. @throws 50035 for what isn't there, or isn't the person's to see */
export async function resolve({ app, where, standing }: Scene, named: readonly Named[]): Promise<Resolved> {
  const { resolved, unknown } = await resolveNamed(app.sql, where, standing, named);
  refuse(unknown.map(({ path, kind }) => ({ path, code: "BASE_TYPE_CHOICES", message: `There is no such ${kind}.` })));
  return resolved;
}

export const withResolved = (resolved: Resolved): object => (Object.keys(resolved).length === 0 ? {} : { resolved });
