import type { Json } from "../../harness/client.ts";
import { form, png } from "../../harness/forms.ts";
import type { Scenarios } from "../world.ts";

/** An embed with every field that may be given. */
const EMBED = {
  title: "Title",
  description: "Text",
  url: "https://example.com/",
  timestamp: "2026-01-02T03:04:05.678Z",
  color: 0x3498db,
  footer: { text: "Footer", icon_url: "https://example.com/footer.png" },
  image: { url: "https://example.com/image.png" },
  thumbnail: { url: "https://example.com/thumbnail.png" },
  author: { name: "Author", url: "https://example.com/author", icon_url: "https://example.com/author.png" },
  fields: [{ name: "Name", value: "Value", inline: true }],
};

/** Files of each kind, one shown by an embed, one with everything said of it. */
const WITH_FILES = () =>
  form(
    {
      embeds: [{ image: { url: "attachment://shown.png" }, footer: { text: "f", icon_url: "attachment://shown.png" } }],
      attachments: [{ id: 0, filename: "Naïve name.png", description: "alt", title: "title", is_spoiler: true }],
    },
    ["a.png", png(3, 2)],
    ["shown.png", png(2, 2)],
    ["log.txt", "text"],
  );
const VOICE = () =>
  form({ flags: 8192, attachments: [{ id: 0, duration_secs: 1.5, waveform: "AAAA" }] }, ["voice.ogg", "OggS\0"]);

const POLL = {
  question: { text: "Which?" },
  answers: [{ poll_media: { text: "one", emoji: { name: "🔥" } } }, { poll_media: { text: "two" } }],
};
const reactions = (channelId: string, message: Json, rest = "") =>
  `/channels/${channelId}/messages/${message.id}/reactions${rest}`;

const BUTTON = { type: 2, style: 1, label: "Go", custom_id: "go", emoji: { name: "🔥" } };
const ROWS = (userId: string) => [
  { type: 1, components: [BUTTON, { type: 2, style: 5, label: "Docs", url: "https://example.com/docs" }] },
  { type: 1, components: [{ type: 3, custom_id: "3", options: [{ label: "a", value: "a", description: "A" }] }] },
  { type: 1, components: [{ type: 5, custom_id: "5", default_values: [{ id: userId, type: "user" }] }] },
  { type: 1, components: [{ type: 7, custom_id: "7", placeholder: "Who?" }] },
  { type: 1, components: [{ type: 8, custom_id: "8", channel_types: [0] }] },
];
/** A message that is laid out by every component that there is for it. */
const LAID_OUT = () => {
  const media = { url: "attachment://a.png" };
  const inside = [
    { type: 10, content: "# Title" },
    { type: 9, components: [{ type: 10, content: "text" }], accessory: BUTTON },
    { type: 9, components: [{ type: 10, content: "text" }], accessory: { type: 11, media } },
    { type: 12, items: [{ media }, { media: { url: "https://example.com/a.png" }, description: "A" }] },
    { type: 13, file: { url: "attachment://log.txt" } },
    { type: 14 },
    { type: 1, components: [{ type: 6, custom_id: "6" }] },
  ];
  const components = [{ type: 17, accent_color: 1, components: inside }];
  return form({ flags: 1 << 15, components }, ["a.png", png(2, 2)], ["log.txt", "passed"]);
};

export const messageScenarios: Scenarios = {
  create_message: async ({ bot, owner, member, channelId, newRole, newMessage, dm }) => {
    const path = `/channels/${channelId}/messages`;
    const first = await newMessage();
    const role = await newRole();
    const mentions = `<@${member.id}> <@&${role.id}> @everyone`;
    return [
      await bot.request("POST", path, { content: mentions, tts: true, nonce: "1", enforce_nonce: true }),
      await bot.request("POST", path, { embeds: [EMBED], flags: 1 << 12 }),
      await bot.request("POST", path, WITH_FILES()),
      await bot.request("POST", path, VOICE()),
      await bot.request("POST", path, { content: "rows", components: ROWS(member.id) }),
      await bot.request("POST", path, LAID_OUT()),
      await bot.request("POST", path, { poll: POLL }),
      await bot.request("POST", path, { content: "reply", message_reference: { message_id: first.id } }),
      await owner.request("POST", path, { content: mentions }),
      // No forward: it is of type 1 by the documentation, and Discord's schema has no such type.
      await bot.request("POST", `/channels/${(await dm()).id}/messages`, { content: "in a conversation" }),
    ];
  },
  list_messages: async ({ bot, channelId, newMessage, newWebhook, platform }) => {
    const message = await newMessage({ embeds: [EMBED] });
    const reply = await newMessage({ content: "reply", message_reference: { message_id: message.id } });
    const deleted = await newMessage();
    await newMessage({ content: "reply to nothing", message_reference: { message_id: deleted.id } });
    await bot.delete(`/channels/${channelId}/messages/${deleted.id}`);
    const { id, token } = await newWebhook();
    await platform.anonymous().post(`/webhooks/${id}/${token}`, { content: "from a webhook" });
    return [
      await bot.request("GET", `/channels/${channelId}/messages?limit=100`),
      await bot.request("GET", `/channels/${channelId}/messages?around=${reply.id}&limit=3`),
    ];
  },
  get_message: async ({ bot, channelId, newMessage }) => {
    const message = await newMessage();
    await bot.put(reactions(channelId, message, "/👍/@me"));
    return bot.request("GET", `/channels/${channelId}/messages/${message.id}`);
  },
  update_message: async ({ bot, channelId, newMessage }) => {
    const { id } = await newMessage();
    const path = `/channels/${channelId}/messages/${id}`;
    return [
      await bot.request("PATCH", path, { content: "edited", embeds: [EMBED] }),
      await bot.request("PATCH", path, WITH_FILES()),
    ];
  },
  delete_message: async ({ bot, channelId, newMessage }) =>
    bot.request("DELETE", `/channels/${channelId}/messages/${(await newMessage()).id}`),
  bulk_delete_messages: async ({ bot, channelId, newMessage }) => {
    const messages = [(await newMessage()).id, (await newMessage()).id];
    return bot.request("POST", `/channels/${channelId}/messages/bulk-delete`, { messages });
  },
  add_my_message_reaction: async ({ bot, channelId, newMessage }) =>
    bot.request("PUT", reactions(channelId, await newMessage(), "/👩🏽‍🚀/@me")),
  delete_my_message_reaction: async ({ bot, channelId, newMessage }) => {
    const path = reactions(channelId, await newMessage(), "/👍/@me");
    await bot.put(path);
    return bot.request("DELETE", path);
  },
  delete_user_message_reaction: async ({ bot, member, channelId, newMessage }) => {
    const message = await newMessage();
    await member.put(reactions(channelId, message, "/👍/@me"));
    return bot.request("DELETE", reactions(channelId, message, `/👍/${member.id}`));
  },
  list_message_reactions_by_emoji: async ({ bot, member, channelId, newMessage }) => {
    const message = await newMessage();
    for (const client of [bot, member]) await client.put(reactions(channelId, message, "/👍/@me"));
    return [
      await bot.request("GET", reactions(channelId, message, "/👍")),
      await bot.request("GET", reactions(channelId, message, "/👍?type=1&limit=1&after=1")),
    ];
  },
  delete_all_message_reactions: async ({ bot, channelId, newMessage }) =>
    bot.request("DELETE", reactions(channelId, await newMessage())),
  delete_all_message_reactions_by_emoji: async ({ bot, channelId, newMessage }) =>
    bot.request("DELETE", reactions(channelId, await newMessage(), "/👍")),
  get_answer_voters: async ({ bot, member, channelId }) => {
    const { id } = await bot.post(`/channels/${channelId}/messages`, { poll: POLL });
    await member.put(`/channels/${channelId}/polls/${id}/answers/@me`, { answer_ids: [1] });
    return bot.request("GET", `/channels/${channelId}/polls/${id}/answers/1?limit=1&after=1`);
  },
  poll_expire: async ({ bot, member, channelId }) => {
    const { id } = await bot.post(`/channels/${channelId}/messages`, { poll: POLL });
    await member.put(`/channels/${channelId}/polls/${id}/answers/@me`, { answer_ids: [1] });
    return bot.request("POST", `/channels/${channelId}/polls/${id}/expire`);
  },
  list_pins: async ({ bot, channelId, newMessage }) => {
    for (let i = 0; i < 2; i++) await bot.put(`/channels/${channelId}/messages/pins/${(await newMessage()).id}`);
    return bot.request("GET", `/channels/${channelId}/messages/pins?limit=1`);
  },
  create_pin: async ({ bot, channelId, newMessage }) =>
    bot.request("PUT", `/channels/${channelId}/messages/pins/${(await newMessage()).id}`),
  delete_pin: async ({ bot, channelId, newMessage }) => {
    const path = `/channels/${channelId}/messages/pins/${(await newMessage()).id}`;
    await bot.put(path);
    return bot.request("DELETE", path);
  },
  deprecated_list_pins: async ({ bot, channelId, newMessage }) => {
    await bot.put(`/channels/${channelId}/pins/${(await newMessage()).id}`);
    return bot.request("GET", `/channels/${channelId}/pins`);
  },
  deprecated_create_pin: async ({ bot, channelId, newMessage }) =>
    bot.request("PUT", `/channels/${channelId}/pins/${(await newMessage()).id}`),
  deprecated_delete_pin: async ({ bot, channelId, newMessage }) =>
    bot.request("DELETE", `/channels/${channelId}/pins/${(await newMessage()).id}`),
  trigger_typing_indicator: async ({ bot, channelId, dm }) => [
    await bot.request("POST", `/channels/${channelId}/typing`),
    await bot.request("POST", `/channels/${(await dm()).id}/typing`),
  ],
};
