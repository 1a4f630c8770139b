import { form } from "../../harness/forms.ts";
import type { Scenarios, World } from "../world.ts";

/** A webhook's message, and where it is found. */
async function posted({ platform, newWebhook }: World) {
  const { id, token } = await newWebhook();
  const anyone = platform.anonymous();
  const message = await anyone.post(`/webhooks/${id}/${token}?wait=true`, { content: "passed" });
  return { anyone, path: `/webhooks/${id}/${token}/messages/${message.id}` };
}

export const webhookScenarios: Scenarios = {
  get_webhook_message: async (world) => {
    const { anyone, path } = await posted(world);
    return anyone.request("GET", path);
  },
  update_webhook_message: async (world) => {
    const { anyone, path } = await posted(world);
    return anyone.request("PATCH", path, { content: "failed", embeds: [{ title: "Log" }] });
  },
  delete_webhook_message: async (world) => {
    const { anyone, path } = await posted(world);
    return anyone.request("DELETE", path);
  },
  execute_slack_compatible_webhook: async ({ platform, newWebhook }) => {
    const { id, token } = await newWebhook();
    const body = { text: "*passed*", attachments: [{ title: "Build", color: "good" }] };
    return platform.anonymous().request("POST", `/webhooks/${id}/${token}/slack`, body);
  },
  execute_github_compatible_webhook: async ({ platform, newWebhook }) => {
    const { id, token } = await newWebhook();
    const sender = { login: "octocat", html_url: "https://example.com/", avatar_url: "https://example.com/a.png" };
    const repository = { full_name: "octo/cat", html_url: "https://example.com/octo/cat" };
    const headers = { "x-github-event": "watch" };
    const path = `/webhooks/${id}/${token}/github?wait=true`;
    return platform.anonymous().request("POST", path, { action: "started", sender, repository }, headers);
  },
  create_webhook: ({ bot, channelId }) => bot.request("POST", `/channels/${channelId}/webhooks`, { name: "Builds" }),
  list_channel_webhooks: async ({ bot, channelId, newWebhook }) => {
    await newWebhook();
    return bot.request("GET", `/channels/${channelId}/webhooks`);
  },
  get_guild_webhooks: async ({ owner, channelId, bot, guildId, newWebhook }) => {
    await newWebhook();
    await owner.post(`/channels/${channelId}/webhooks`, { name: "A person's" });
    return bot.request("GET", `/guilds/${guildId}/webhooks`);
  },
  get_webhook: async ({ bot, newWebhook }) => bot.request("GET", `/webhooks/${(await newWebhook()).id}`),
  update_webhook: async ({ bot, newWebhook, newChannel }) => {
    const [webhook, channel] = [await newWebhook(), await newChannel()];
    return bot.request("PATCH", `/webhooks/${webhook.id}`, { name: "Renamed", channel_id: channel.id });
  },
  delete_webhook: async ({ bot, newWebhook }) => bot.request("DELETE", `/webhooks/${(await newWebhook()).id}`),
  get_webhook_by_token: async ({ platform, newWebhook }) => {
    const { id, token } = await newWebhook();
    return platform.anonymous().request("GET", `/webhooks/${id}/${token}`);
  },
  update_webhook_by_token: async ({ platform, newWebhook }) => {
    const { id, token } = await newWebhook();
    return platform.anonymous().request("PATCH", `/webhooks/${id}/${token}`, { name: "Renamed" });
  },
  delete_webhook_by_token: async ({ platform, newWebhook }) => {
    const { id, token } = await newWebhook();
    return platform.anonymous().request("DELETE", `/webhooks/${id}/${token}`);
  },
  execute_webhook: async ({ platform, newWebhook }) => {
    const { id, token } = await newWebhook();
    const anyone = platform.anonymous();
    const named = { content: "passed", username: "Builds", avatar_url: "http://127.0.0.1:1/a.png" };
    return [
      await anyone.request("POST", `/webhooks/${id}/${token}`, { content: "passed" }),
      await anyone.request("POST", `/webhooks/${id}/${token}?wait=true`, named),
      await anyone.request("POST", `/webhooks/${id}/${token}?wait=true`, { embeds: [{ description: "passed" }] }),
      await anyone.request("POST", `/webhooks/${id}/${token}?wait=true`, form({}, ["log.txt", "passed"])),
    ];
  },
};
