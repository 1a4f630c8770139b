import { z } from "zod";
import { wireMessage } from "../../core/wire/message.ts";
import { invalidField } from "../errors.ts";
import { queryFlag, snowflake } from "../fields.ts";
import { removeResponse } from "../interactions/edit.ts";
import { editResponse, findResponse } from "../interactions/follow-up.ts";
import { messageEdit } from "../messages/body.ts";
import { postAsWebhook } from "../messages/post-as-webhook.ts";
import { route } from "../route.ts";
import { fromGithub, githubPayload } from "../webhooks/github.ts";
import { deletePost, editPost, findPost, withComponents } from "../webhooks/messages.ts";
import { fromSlack, slackMessage } from "../webhooks/slack.ts";
import { EDIT, EXECUTE, webhookOrInteraction, webhookToken } from "./webhooks.ts";

const WEBHOOK = "/webhooks/:webhook_id/:webhook_token";
const inThread = { thread_id: snowflake.optional() };

export const webhookMessageRoutes = [
  route({
    method: "GET",
    path: `${WEBHOOK}/messages/:message_id`,
    operation: "get_webhook_message",
    access: webhookOrInteraction,
    query: z.object(inThread),
    handle: async ({ app, params, query }, found) => {
      const id = params.get("message_id");
      const { message } =
        found.webhook === null
          ? await findResponse(app, found.interaction, id)
          : await findPost(app, found.webhook, id, query.thread_id);
      return wireMessage(message, app.cdn);
    },
  }),
  route({
    method: "PATCH",
    path: `${WEBHOOK}/messages/:message_id`,
    operation: "update_webhook_message",
    access: webhookOrInteraction,
    limit: EDIT,
    body: messageEdit,
    files: () => {},
    query: z.object({ ...inThread, with_components: queryFlag.optional() }),
    handle: async ({ app, params, body, files, query }, found) => {
      if (found.webhook === null) {
        const { interaction } = found;
        const target = await findResponse(app, interaction, params.get("message_id"));
        return editResponse(app, interaction, target, body, files);
      }
      const { webhook } = found;
      const post = await findPost(app, webhook, params.get("message_id"), query.thread_id);
      return editPost(app, webhook, post, withComponents(webhook, body, query.with_components), files);
    },
  }),
  route({
    method: "DELETE",
    path: `${WEBHOOK}/messages/:message_id`,
    operation: "delete_webhook_message",
    access: webhookOrInteraction,
    limit: EDIT,
    query: z.object(inThread),
    handle: async ({ app, params, query }, found) => {
      if (found.webhook === null) {
        const target = await findResponse(app, found.interaction, params.get("message_id"));
        return removeResponse(app, found.interaction, target);
      }
      const { webhook } = found;
      await deletePost(app, webhook, await findPost(app, webhook, params.get("message_id"), query.thread_id));
    },
  }),
  route({
    method: "POST",
    path: `${WEBHOOK}/slack`,
    operation: "execute_slack_compatible_webhook",
    access: webhookToken,
    limit: EXECUTE,
    body: slackMessage,
    // Slack's form has none.
    files: () => {
      throw invalidField(["files"], "BASE_TYPE_INVALID", "Slack's form takes no files.");
    },
    query: z.object({ ...inThread, wait: queryFlag.optional() }),
    handle: async ({ app, body, query }, { webhook }) => {
      await postAsWebhook(app, webhook, fromSlack(body), [], query.thread_id);
      // What Slack answers, and what its senders look for.
      return new Response("ok", { headers: { "content-type": "text/plain; charset=utf-8" } });
    },
  }),
  route({
    method: "POST",
    path: `${WEBHOOK}/github`,
    operation: "execute_github_compatible_webhook",
    access: webhookToken,
    limit: EXECUTE,
    body: githubPayload,
    query: z.object({ ...inThread, wait: queryFlag.optional() }),
    handle: async ({ app, body, query, http }, { webhook }) => {
      const message = fromGithub(http.req.header("x-github-event"), body);
      if (message !== undefined) await postAsWebhook(app, webhook, message, [], query.thread_id);
    },
  }),
];
