import { expect, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import type { Socket } from "../harness/socket.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const member = await platform.person("member");
const guild = await platform.guild(owner);
await platform.join(owner, guild, member);
const [GUILDS, REACTIONS, DM_REACTIONS] = [1, 1 << 10, 1 << 13];

const reactionEvents = (socket: Socket) =>
  socket.dispatches.filter(({ t }) => t?.startsWith("MESSAGE_REACTION_")).map(({ t, d }) => [t, d]);

test("each change is told once, with what it is about, to who asked for reactions", async () => {
  const bot = await platform.bot(owner, guild.id, "8");
  const asked = await platform.socket(bot, { intents: GUILDS | REACTIONS });
  const others = await platform.socket(bot, { intents: GUILDS | DM_REACTIONS });
  const path = `/channels/${guild.channelId}/messages`;
  const { id } = await owner.post(path, { content: "hello" });
  const reactions = `${path}/${id}/reactions`;
  for (let i = 0; i < 2; i++) await member.put(`${reactions}/👍/@me`);
  for (let i = 0; i < 2; i++) await member.delete(`${reactions}/👍/@me`);
  await owner.put(`${reactions}/👍/@me`);
  await owner.delete(`${reactions}/👍`);
  await owner.delete(`${reactions}/👍`);
  await owner.put(`${reactions}/👍/@me`);
  await owner.delete(reactions);
  await owner.delete(reactions);
  await asked.event("MESSAGE_REACTION_REMOVE_ALL");
  await Promise.all([asked.settled(), others.settled()]);

  const where = { channel_id: guild.channelId, message_id: id, guild_id: guild.id };
  const emoji = { id: null, name: "👍" };
  const normal = { burst: false, type: 0 };
  const add = (userId: string) => [
    "MESSAGE_REACTION_ADD",
    {
      ...where,
      emoji,
      ...normal,
      user_id: userId,
      message_author_id: owner.id,
      member: expect.objectContaining({ roles: [], user: expect.objectContaining({ id: userId }) }),
    },
  ];
  expect(reactionEvents(asked)).toEqual([
    add(member.id),
    ["MESSAGE_REACTION_REMOVE", { ...where, emoji, ...normal, user_id: member.id }],
    add(owner.id),
    ["MESSAGE_REACTION_REMOVE_EMOJI", { ...where, emoji }],
    add(owner.id),
    ["MESSAGE_REACTION_REMOVE_ALL", where],
  ]);
  expect(reactionEvents(others)).toEqual([]);
});

test("in a conversation both hear of it, and it names no guild", async () => {
  const bot = await platform.bot(owner, guild.id);
  const dm = await bot.post("/users/@me/channels", { recipient_id: member.id });
  const sockets = [
    await platform.socket(bot, { intents: DM_REACTIONS }),
    await platform.socket(member, { intents: DM_REACTIONS }),
  ];
  const deaf = await platform.socket(bot, { intents: REACTIONS });
  const { id } = await bot.post(`/channels/${dm.id}/messages`, { content: "hello" });
  await member.put(`/channels/${dm.id}/messages/${id}/reactions/👍/@me`);
  await member.delete(`/channels/${dm.id}/messages/${id}/reactions/👍/@me`);
  const data = { channel_id: dm.id, message_id: id, user_id: member.id, emoji: { id: null, name: "👍" } };
  for (const socket of sockets) {
    await socket.event("MESSAGE_REACTION_REMOVE");
    expect(reactionEvents(socket)).toEqual([
      ["MESSAGE_REACTION_ADD", { ...data, burst: false, type: 0, message_author_id: bot.id }],
      ["MESSAGE_REACTION_REMOVE", { ...data, burst: false, type: 0 }],
    ]);
  }
  await deaf.settled();
  expect(reactionEvents(deaf)).toEqual([]);
});

test("who can't see the channel hears of none", async () => {
  const hidden = await owner.post(`/guilds/${guild.id}/channels`, {
    name: "hidden",
    permission_overwrites: [{ id: guild.id, type: 0, allow: "0", deny: "1024" }],
  });
  const [inside, outside] = [await platform.socket(owner), await platform.socket(member)];
  const { id } = await owner.post(`/channels/${hidden.id}/messages`, { content: "secret" });
  await owner.put(`/channels/${hidden.id}/messages/${id}/reactions/👍/@me`);
  await inside.event("MESSAGE_REACTION_ADD");
  const marker = await owner.post(`/channels/${guild.channelId}/messages`, { content: "marker" });
  await outside.event("MESSAGE_CREATE", (d) => d.id === marker.id);
  expect(reactionEvents(outside)).toEqual([]);
});

test("an edit is told without reactions, as whose they are differs; REST shows them", async () => {
  const path = `/channels/${guild.channelId}/messages`;
  const { id } = await owner.post(path, { content: "hello" });
  await owner.put(`${path}/${id}/reactions/👍/@me`);
  const socket = await platform.socket(member);
  expect((await owner.patch(`${path}/${id}`, { content: "edited" })).reactions).toMatchObject([{ me: true }]);
  const { d } = await socket.event("MESSAGE_UPDATE", (message) => message.id === id);
  expect(d).toMatchObject({ content: "edited" });
  expect(d).not.toHaveProperty("reactions");
});

test("a pin is told as an update of the message, of the channel's pins, and by a message; a deleted one only as that", async () => {
  const path = `/channels/${guild.channelId}/messages`;
  const { id } = await owner.post(path, { content: "hello" });
  const socket = await platform.socket(member, { intents: 1 | (1 << 9) });
  await owner.put(`${path}/pins/${id}`);
  const [{ pinned_at: pinnedAt }] = (await owner.get(`${path}/pins`)).items;
  await owner.delete(`${path}/pins/${id}`);
  await owner.put(`${path}/pins/${id}`);
  await owner.delete(`${path}/${id}`);
  await socket.event("MESSAGE_DELETE");
  const where = { guild_id: guild.id, channel_id: guild.channelId };
  const dispatches = socket.dispatches.filter(({ d }) => d.channel_id === guild.channelId);
  expect(dispatches.map(({ t, d }) => [t, d.pinned ?? d.last_pin_timestamp ?? null])).toEqual([
    ["MESSAGE_UPDATE", true],
    ["CHANNEL_PINS_UPDATE", pinnedAt],
    ["MESSAGE_CREATE", false],
    ["MESSAGE_UPDATE", false],
    ["CHANNEL_PINS_UPDATE", null],
    ["MESSAGE_UPDATE", true],
    ["CHANNEL_PINS_UPDATE", expect.any(String)],
    ["MESSAGE_CREATE", false],
    ["MESSAGE_DELETE", null],
  ]);
  expect(dispatches[1]?.d).toEqual({ ...where, last_pin_timestamp: pinnedAt });
});
