import { form } from "../../harness/forms.ts";
import type { Scenarios } from "../world.ts";

export const webhookScenarios: Scenarios = {
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
    const named = { content: "passed", username: "Builds", avatar_url: "https://example.com/a.png" };
    return [
      await anyone.request("POST", `/webhooks/${id}/${token}`, { content: "passed" }),
      await anyone.request("POST", `/webhooks/${id}/${token}?wait=true`, named),
      await anyone.request("POST", `/webhooks/${id}/${token}?wait=true`, { embeds: [{ description: "passed" }] }),
      await anyone.request("POST", `/webhooks/${id}/${token}?wait=true`, form({}, ["log.txt", "passed"])),
    ];
  },
};
