import type { Json } from "../../harness/client.ts";
import { form } from "../../harness/forms.ts";
import { makeStage, type Stage } from "../../harness/interactions.ts";
import type { Platform } from "../../harness/platform.ts";
import type { Scenarios } from "../world.ts";

const BUTTON = { type: 1, components: [{ type: 2, style: 1, label: "Go", custom_id: "go" }] };
const EPHEMERAL = 64;

async function stageOf(platform: Platform): Promise<{ stage: Stage; command: () => Promise<Json> }> {
  const stage = await makeStage(platform);
  const { id } = await stage.command({ name: "ping" });
  return { stage, command: () => stage.use(2, { id }) };
}

/** A command that was answered, and where its answer is. */
async function answered(platform: Platform, data: object = { content: "pong" }) {
  const { stage, command } = await stageOf(platform);
  const told = await command();
  await stage.answer(told, { type: 4, data });
  return { stage, anyone: platform.anonymous(), path: `/webhooks/${stage.bot.id}/${told.token}/messages/@original` };
}

const withResponse = "?with_response=true";

export const interactionScenarios: Scenarios = {
  create_interaction_response: async ({ platform }) => {
    const { stage, command } = await stageOf(platform);
    const modal = {
      custom_id: "m",
      title: "t",
      components: [{ type: 18, label: "l", component: { type: 4, custom_id: "t", style: 1 } }],
    };
    const said = { content: "pong", components: [BUTTON] };
    const shown = await stage.answer(await command(), { type: 4, data: said }, withResponse);
    const press = () =>
      stage.use(3, { component_type: 2, custom_id: "go" }, { message_id: shown.body.resource.message.id });
    const asked = await command();
    const opened = await stage.answer(asked, { type: 9, data: modal }, withResponse);
    const submitted = await stage.use(5, {
      id: asked.id,
      custom_id: "m",
      components: [{ type: 18, component: { type: 4, custom_id: "t", value: "x" } }],
    });
    return [
      shown,
      opened,
      await stage.answer(await command(), { type: 4, data: { content: "pong" } }),
      await stage.answer(await command(), { type: 4, data: { content: "psst", flags: EPHEMERAL } }, withResponse),
      await stage.answer(await command(), form({ type: 4, data: {} }, ["log.txt", "pong"]), withResponse),
      await stage.answer(await command(), { type: 5 }, withResponse),
      await stage.answer(await press(), { type: 4, data: { content: "pressed" } }, withResponse),
      await stage.answer(await press(), { type: 6 }, withResponse),
      await stage.answer(await press(), { type: 7, data: { content: "changed" } }, withResponse),
      await stage.answer(submitted, { type: 4, data: { content: "thanks" } }, withResponse),
    ];
  },
  get_original_webhook_message: async ({ platform }) => {
    const { anyone, path } = await answered(platform);
    const secret = await answered(platform, { content: "psst", flags: EPHEMERAL });
    return [await anyone.request("GET", path), await anyone.request("GET", secret.path)];
  },
  update_original_webhook_message: async ({ platform }) => {
    const { anyone, path } = await answered(platform);
    const secret = await answered(platform, { content: "psst", flags: EPHEMERAL });
    return [
      await anyone.request("PATCH", path, { content: "changed", embeds: [{ title: "t" }], components: [BUTTON] }),
      await anyone.request("PATCH", secret.path, { content: "changed" }),
    ];
  },
  delete_original_webhook_message: async ({ platform }) => {
    const { anyone, path } = await answered(platform);
    return anyone.request("DELETE", path);
  },
};
