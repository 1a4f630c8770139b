import type { InteractionType } from "discord-api-types/v10";
import { ApiError } from "../errors.ts";
import type { Upload } from "../files/form.ts";
import { placeOf } from "../messages/place.ts";
import { findInteraction, type InteractionRow } from "../store/interactions.ts";
import type { Invoked } from "./body.ts";
import { storeFiles } from "./files.ts";
import { type Made, refuse, resolve, withResolved } from "./made.ts";
import { findSource } from "./original.ts";
import type { Scene } from "./scene.ts";
import { readModal } from "./submitted.ts";

/** A modal that was shown to this very person, by the interaction that is named, and not submitted yet. */
export async function submitModal(
  scene: Scene,
  body: Invoked<InteractionType.ModalSubmit>,
  uploads: readonly Upload[],
): Promise<Made> {
  const { app, where } = scene;
  const { data } = body;
  const shownBy = await findInteraction(app.sql, data.id);
  if (!isModalOf(shownBy, scene)) throw new ApiError("UNKNOWN_INTERACTION");
  const { modal } = shownBy;
  if (modal === null || modal.custom_id !== data.custom_id) throw new ApiError("UNKNOWN_INTERACTION");
  const given = data.components.flatMap(({ components, component }) => [
    ...(components ?? []),
    ...(component ? [component] : []),
  ]);
  const read = readModal(modal, given);
  refuse(read.faults);
  const resolved = await resolve(scene, read.named);
  const wanted = read.files.flatMap(({ values, types, path }) => values.map((index) => ({ index, types, path })));
  const files = await storeFiles(scene, data.attachments, uploads, wanted);
  let stored = 0;
  for (const { values } of read.files) {
    for (const i of values.keys()) values[i] = files.ids[stored++] ?? "";
  }
  const source =
    shownBy.source_id === null
      ? null
      : ((await findSource(app, placeOf(where), shownBy.source_id, where.caller.user.id)) ?? null);
  return {
    source,
    focusedType: null,
    fileIds: files.ids,
    modalOf: shownBy.id,
    about: { triggering: shownBy.about },
    data: {
      custom_id: modal.custom_id,
      components: read.components,
      ...withResolved({ ...resolved, ...files.resolved }),
    },
  };
}

function isModalOf(row: InteractionRow | undefined, { where, application }: Scene): row is InteractionRow {
  return (
    row !== undefined &&
    row.user_id === where.caller.user.id &&
    row.application_id === application.id &&
    (row.channel_id ?? row.dm_channel_id) === placeOf(where).id
  );
}
