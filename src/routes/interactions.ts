import { z } from "zod";
import { wireMessage } from "../../core/wire/message.ts";
import { queryFlag, snowflake } from "../fields.ts";
import { interactionToken, interactionWebhook } from "../interactions/access.ts";
import { answer } from "../interactions/answer.ts";
import { callback, invocation } from "../interactions/body.ts";
import { removeResponse } from "../interactions/edit.ts";
import { editResponse, findOriginal } from "../interactions/follow-up.ts";
import { invoke } from "../interactions/invoke.ts";
import { messageEdit } from "../messages/body.ts";
import { person, route } from "../route.ts";
import { EDIT } from "./webhooks.ts";

const ORIGINAL = "/webhooks/:webhook_id/:webhook_token/messages/@original";
const inThread = { thread_id: snowflake.optional() };

export const interactionRoutes = [
  route({
    method: "POST",
    path: "/interactions",
    summary: "Use a command, a component or a modal; what comes of it is told by the gateway",
    // What is needed depends on where it is, and on what is used.
    access: person,
    limit: { requests: 30, seconds: 10 },
    body: invocation,
    files: () => {},
    handle: async ({ app, body, files }, caller) => {
      await invoke(app, caller, body, files);
    },
  }),
  route({
    method: "POST",
    path: "/interactions/:interaction_id/:interaction_token/callback",
    operation: "create_interaction_response",
    access: interactionToken,
    body: callback,
    files: () => {},
    query: z.object({ with_response: queryFlag.optional() }),
    handle: async ({ app, body, files, query }, interaction) => {
      const answered = await answer(app, interaction, body, files);
      return query.with_response === true ? answered : undefined;
    },
  }),
  route({
    method: "GET",
    path: ORIGINAL,
    operation: "get_original_webhook_message",
    access: interactionWebhook,
    query: z.object(inThread),
    handle: async ({ app }, interaction) => wireMessage((await findOriginal(app, interaction)).message, app.cdn),
  }),
  route({
    method: "PATCH",
    path: ORIGINAL,
    operation: "update_original_webhook_message",
    access: interactionWebhook,
    limit: EDIT,
    body: messageEdit,
    files: () => {},
    query: z.object({ ...inThread, with_components: queryFlag.optional() }),
    handle: async ({ app, body, files }, interaction) =>
      editResponse(app, interaction, await findOriginal(app, interaction), body, files),
  }),
  route({
    method: "DELETE",
    path: ORIGINAL,
    operation: "delete_original_webhook_message",
    access: interactionWebhook,
    limit: EDIT,
    query: z.object(inThread),
    handle: async ({ app }, interaction) => removeResponse(app, interaction, await findOriginal(app, interaction)),
  }),
];
