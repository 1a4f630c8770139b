import { randomBytes } from "node:crypto";
import { InteractionType } from "discord-api-types/v10";
import type { Event } from "../../core/event-log.ts";
import type { InChannel } from "../access.ts";
import type { App } from "../app.ts";
import type { Caller } from "../auth/caller.ts";
import { hashToken } from "../auth/tokens.ts";
import { ApiError } from "../errors.ts";
import type { Upload } from "../files/form.ts";
import { placeOf } from "../messages/place.ts";
import { attachToInteraction, insertInteraction, takeModal } from "../store/interactions.ts";
import type { Invocation } from "./body.ts";
import { watchDeadline } from "./deadline.ts";
import { callEndpoint } from "./endpoint.ts";
import type { Made } from "./made.ts";
import { appPermissionsIn, describe, type Scene, sceneOf } from "./scene.ts";
import { submitModal } from "./submit-modal.ts";
import { useCommand } from "./use-command.ts";
import { useComponent } from "./use-component.ts";

const TOKEN_BYTES = 48;

/** What a person does with an application: checked, stored, and sent to it. */
export async function invoke(app: App, caller: Caller, body: Invocation, uploads: readonly Upload[]): Promise<void> {
  const scene = await sceneOf(app, caller, body);
  const made = await make(scene, body, uploads);
  const { where, application } = scene;
  const id = app.nextId();
  const token = randomBytes(TOKEN_BYTES).toString("base64url");
  const guildId = where.type === "guild" ? where.guild.id : null;
  const appPermissions = appPermissionsIn(scene);
  const about = { id, type: body.type, user_id: caller.user.id, owners: { "0": guildId ?? "0" }, ...made.about };
  const told = { ...(await describe(scene, made, appPermissions)), id, token, type: body.type };
  const overHttp = application.interactions_endpoint_url !== null;
  await app.change(async (tx, emit) => {
    if (made.modalOf !== undefined && !(await takeModal(tx, made.modalOf))) throw new ApiError("UNKNOWN_INTERACTION");
    await insertInteraction(tx, {
      id,
      tokenHash: hashToken(token),
      applicationId: application.id,
      userId: caller.user.id,
      guildId,
      place: placeOf(where),
      type: body.type,
      about,
      nonce: body.nonce ?? null,
      appPermissions,
      focusedType: made.focusedType,
      source: made.source === null ? null : { id: made.source.message.id, ephemeral: made.source.ephemeral },
      createdAt: new Date(app.now()),
    });
    await attachToInteraction(tx, id, made.fileIds);
    emit({ t: "INTERACTION_CREATE", userId: caller.user.id, data: { id, ...nonceOf(body) } });
    if (!overHttp && application.bot_id !== null) emit(toBot(application.bot_id, where, told));
  });
  watchDeadline(app);
  if (overHttp) callEndpoint(app, application, id, told);
}

/** Kept in the bot's log, so that one which resumes gets it; the shard of the guild, or the first, has it. */
function toBot(botId: string, where: InChannel, data: object): Event {
  const common = { t: "INTERACTION_CREATE" as const, userId: botId, data };
  return where.type === "guild" ? { ...common, guildId: where.guild.id } : { ...common, channelId: where.id };
}

const nonceOf = ({ nonce }: Invocation): object => (nonce ? { nonce } : {});

function make(scene: Scene, body: Invocation, uploads: readonly Upload[]): Promise<Made> {
  switch (body.type) {
    case InteractionType.MessageComponent:
      return useComponent(scene, body);
    case InteractionType.ModalSubmit:
      return submitModal(scene, body, uploads);
    default:
      return useCommand(scene, body, uploads);
  }
}
