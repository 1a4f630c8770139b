import { type InteractionType, MessageFlags } from "discord-api-types/v10";
import { demand } from "../access.ts";
import { ApiError, invalidField } from "../errors.ts";
import { placeOf } from "../messages/place.ts";
import type { Invoked } from "./body.ts";
import { type Made, refuse, resolve, withResolved } from "./made.ts";
import { findSource } from "./original.ts";
import type { Scene } from "./scene.ts";
import { checkPicked, findComponent, isSelect } from "./submitted.ts";

/** A button that was pressed, or values that were picked, on a message of the application that the person sees. */
export async function useComponent(scene: Scene, body: Invoked<InteractionType.MessageComponent>): Promise<Made> {
  const { app, where, application } = scene;
  const { data } = body;
  const source = await findSource(app, placeOf(where), body.message_id, where.caller.user.id);
  if (source === undefined) throw new ApiError("UNKNOWN_MESSAGE");
  const { message } = source;
  const ofApplication = message.application_id ?? message.author_id;
  const own = ofApplication !== null && [application.id, application.bot_id].includes(ofApplication);
  if (!own) throw new ApiError("UNKNOWN_MESSAGE");
  if (!source.ephemeral && where.type === "guild") demand(where.permissions, ["READ_MESSAGE_HISTORY"]);
  const component = (message.flags & MessageFlags.Loading) === 0 && findComponent(message.components, data.custom_id);
  if (!component || component.type !== data.component_type || component.disabled === true) {
    throw invalidField(["data", "custom_id"], "COMPONENT_VALIDATION_FAILED", "Component validation failed");
  }
  const base = { component_type: component.type, id: component.id, custom_id: data.custom_id };
  const made = { source, focusedType: null, fileIds: [], about: { interacted_id: message.id } };
  if (!isSelect(component.type)) return { ...made, data: base };
  const values = data.values ?? [];
  const { faults, named } = checkPicked(component, values, ["data", "values"]);
  refuse(faults);
  return { ...made, data: { ...base, values, ...withResolved(await resolve(scene, named)) } };
}
