import type { Scenarios } from "../world.ts";

const NEWS = { name: "news", type: 5 };

export const announcementScenarios: Scenarios = {
  follow_channel: async ({ bot, newChannel }) => {
    const [source, target] = [await newChannel(NEWS), await newChannel()];
    return bot.request("POST", `/channels/${source.id}/followers`, { webhook_channel_id: target.id });
  },
  crosspost_message: async ({ bot, newChannel }) => {
    const source = await newChannel(NEWS);
    const message = await bot.post(`/channels/${source.id}/messages`, { content: "news" });
    return bot.request("POST", `/channels/${source.id}/messages/${message.id}/crosspost`);
  },
};
