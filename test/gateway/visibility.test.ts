import { expect, test } from "vitest";
import type { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import type { Socket } from "../harness/socket.ts";

const platform = await startPlatform({ gateways: 2 });
const owner = await platform.person("owner");
const VIEW = "1024";

/** A guild with a member on a socket of each node, and a text channel beside the first. */
async function scene() {
  const guild = await platform.guild(owner);
  const member = await platform.person("member");
  await platform.join(owner, guild, member);
  const channel = await owner.post(`/guilds/${guild.id}/channels`, { name: "second", type: 0 });
  const sockets = [await platform.socket(member, { gateway: 0 }), await platform.socket(member, { gateway: 1 })];
  const watcher = await platform.socket(owner, { gateway: 1 });
  return { guild, member, channelId: String(channel.id), sockets, watcher };
}

const say = async (channelId: string, content: string, as: Client = owner): Promise<string> =>
  (await as.post(`/channels/${channelId}/messages`, { content })).id;

/** Everything sent so far has arrived: a marker in a channel that all may view. */
async function settle(sockets: readonly Socket[], guild: { channelId: string }): Promise<void> {
  const id = await say(guild.channelId, "marker");
  await Promise.all(sockets.map((socket) => socket.event("MESSAGE_CREATE", (d) => d.id === id)));
}

const about = (socket: Socket, channelId: string): string[] =>
  socket.dispatches.filter(({ d }) => d.channel_id === channelId || d.id === channelId).map(({ t }) => t ?? "");

const deny = (channelId: string, target: string, type: 0 | 1) =>
  owner.put(`/channels/${channelId}/permissions/${target}`, { type, allow: "0", deny: VIEW });

test("who loses a channel by an overwrite gets CHANNEL_DELETE and nothing of it from then on", async () => {
  const { guild, channelId, sockets, watcher } = await scene();
  await say(channelId, "seen");
  await settle(sockets, guild);
  await deny(channelId, guild.id, 0);
  await say(channelId, "hidden");
  await settle([...sockets, watcher], guild);
  for (const socket of sockets) expect(about(socket, channelId)).toEqual(["MESSAGE_CREATE", "CHANNEL_DELETE"]);
  expect(about(watcher, channelId)).toEqual(["MESSAGE_CREATE", "CHANNEL_UPDATE", "MESSAGE_CREATE"]);
});

test("who gains a channel by an overwrite gets CHANNEL_CREATE and its messages from then on", async () => {
  const { guild, member, channelId, sockets } = await scene();
  await deny(channelId, guild.id, 0);
  await say(channelId, "hidden");
  await owner.put(`/channels/${channelId}/permissions/${member.id}`, { type: 1, allow: VIEW, deny: "0" });
  await say(channelId, "seen");
  await settle(sockets, guild);
  for (const socket of sockets) {
    expect(about(socket, channelId)).toEqual(["CHANNEL_DELETE", "CHANNEL_CREATE", "MESSAGE_CREATE"]);
  }
});

test("a role that is given and taken opens and closes a channel on every node", async () => {
  const { guild, member, channelId, sockets } = await scene();
  const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "insider" });
  await deny(channelId, guild.id, 0);
  await owner.put(`/channels/${channelId}/permissions/${role.id}`, { type: 0, allow: VIEW, deny: "0" });
  await settle(sockets, guild);
  for (const socket of sockets) expect(about(socket, channelId)).toEqual(["CHANNEL_DELETE"]);
  await owner.put(`/guilds/${guild.id}/members/${member.id}/roles/${role.id}`);
  await say(channelId, "seen");
  await owner.delete(`/guilds/${guild.id}/members/${member.id}/roles/${role.id}`);
  await say(channelId, "hidden");
  await settle(sockets, guild);
  for (const socket of sockets) {
    const expected = ["CHANNEL_DELETE", "CHANNEL_CREATE", "MESSAGE_CREATE", "CHANNEL_DELETE"];
    expect(about(socket, channelId)).toEqual(expected);
  }
});

test("a role that loses and regains VIEW_CHANNEL closes and opens the guild's channels", async () => {
  const { guild, channelId, sockets, watcher } = await scene();
  await owner.patch(`/guilds/${guild.id}/roles/${guild.id}`, { permissions: "0" });
  await say(channelId, "hidden");
  await owner.patch(`/guilds/${guild.id}/roles/${guild.id}`, { permissions: "68608" });
  await say(channelId, "seen");
  await settle([...sockets, watcher], guild);
  for (const socket of sockets) {
    expect(about(socket, channelId)).toEqual(["CHANNEL_DELETE", "CHANNEL_CREATE", "MESSAGE_CREATE"]);
  }
});

test("a deleted role takes its channels along", async () => {
  const { guild, member, channelId, sockets } = await scene();
  const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "insider" });
  await owner.put(`/guilds/${guild.id}/members/${member.id}/roles/${role.id}`);
  await owner.put(`/channels/${channelId}/permissions/${role.id}`, { type: 0, allow: VIEW, deny: "0" });
  await deny(channelId, guild.id, 0);
  await say(channelId, "seen");
  await owner.delete(`/guilds/${guild.id}/roles/${role.id}`);
  await say(channelId, "hidden");
  await settle(sockets, guild);
  for (const socket of sockets) {
    expect(about(socket, channelId).filter((t) => t !== "CHANNEL_UPDATE")).toEqual([
      "MESSAGE_CREATE",
      "CHANNEL_DELETE",
    ]);
  }
});

test("a channel that starts hidden is never heard of, and is missing from GUILD_CREATE", async () => {
  const { guild, member, sockets, watcher } = await scene();
  const hidden = await owner.post(`/guilds/${guild.id}/channels`, {
    name: "hidden",
    type: 0,
    permission_overwrites: [{ id: guild.id, type: 0, allow: "0", deny: VIEW }],
  });
  await say(hidden.id, "hidden");
  await owner.patch(`/channels/${hidden.id}`, { topic: "still hidden" });
  await settle([...sockets, watcher], guild);
  for (const socket of sockets) expect(about(socket, hidden.id)).toEqual([]);
  expect(about(watcher, hidden.id)).toEqual(["CHANNEL_CREATE", "MESSAGE_CREATE", "CHANNEL_UPDATE"]);
  const late = await platform.socket(member);
  const create = await late.event("GUILD_CREATE", (d) => d.id === guild.id);
  expect(create.d.channels.map((channel: { id: string }) => channel.id)).not.toContain(hidden.id);
  await owner.delete(`/channels/${hidden.id}`);
  await settle([...sockets, watcher], guild);
  expect(about(watcher, hidden.id).at(-1)).toBe("CHANNEL_DELETE");
  for (const socket of sockets) expect(about(socket, hidden.id)).toEqual([]);
});

test("a missed message of a channel that was hidden meanwhile does not come with RESUME", async () => {
  const { guild, member, channelId, sockets } = await scene();
  const [socket] = sockets;
  if (socket === undefined) throw new Error("no socket");
  const seq = socket.seq;
  socket.cut();
  await say(channelId, "missed");
  await deny(channelId, guild.id, 0);
  await say(channelId, "hidden");
  const { Socket } = await import("../harness/socket.ts");
  const again = await Socket.open(platform.gatewayUrl(1));
  await again.resume(member.token ?? "", socket.sessionId, seq);
  await settle([again], guild);
  expect(about(again, channelId)).toEqual(["CHANNEL_DELETE"]);
});

test("what a channel is called where one doesn't see it is not in its CHANNEL_DELETE, live nor by RESUME", async () => {
  const { guild, member, channelId, sockets } = await scene();
  const [socket, cut] = sockets;
  if (socket === undefined || cut === undefined) throw new Error("no socket");
  const shut = { id: guild.id, type: 0, allow: "0", deny: VIEW };
  const settings = { name: "never-seen", permission_overwrites: [shut] };
  const hidden = await owner.post(`/guilds/${guild.id}/channels`, settings);
  const { seq } = cut;
  cut.cut();
  await owner.patch(`/channels/${channelId}`, { name: "renamed", permission_overwrites: [shut] });
  await deny(hidden.id, member.id, 1);
  await settle([socket], guild);
  const { Socket } = await import("../harness/socket.ts");
  const again = await Socket.open(platform.gatewayUrl(1));
  await again.resume(member.token ?? "", cut.sessionId, seq);
  await settle([again], guild);
  expect(about(socket, channelId)).toEqual(["CHANNEL_DELETE"]);
  expect(about(again, channelId)).toEqual(["CHANNEL_DELETE"]);
  for (const name of ["renamed", "never-seen"]) {
    for (const each of [socket, again]) expect(JSON.stringify(each.received)).not.toContain(name);
  }
});

test("after role changes while away, all channels are told anew before what was missed, to those with GUILDS alone", async () => {
  const { guild, member, channelId, sockets } = await scene();
  const { Socket } = await import("../harness/socket.ts");
  for (const [intents, told] of [
    [53_608_447, true],
    [512, false],
  ] as const) {
    const socket = await platform.socket(member, { intents });
    const seq = socket.seq;
    socket.cut();
    const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "meanwhile" });
    await owner.put(`/guilds/${guild.id}/members/${member.id}/roles/${role.id}`);
    await say(channelId, "missed");
    const again = await Socket.open(platform.gatewayUrl(1));
    await again.resume(member.token ?? "", socket.sessionId, seq);
    await settle([again], guild);
    const numbers = again.dispatches.map(({ s }) => s ?? 0);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    const channels = again.dispatches.filter(({ t }) => t === "CHANNEL_CREATE");
    expect(channels.some(({ d }) => d.id === channelId)).toBe(told);
    // Under the number from before: who drops in between resumes from there and is told again.
    expect(again.dispatches.slice(0, channels.length).map(({ t, s }) => [t, s])).toEqual(
      channels.map(() => ["CHANNEL_CREATE", seq]),
    );
    again.close();
  }
  for (const socket of sockets) socket.close();
});

test("a kick ends with GUILD_DELETE and nothing of the guild after; an invite brings it back", async () => {
  const { guild, member, sockets, watcher } = await scene();
  await owner.delete(`/guilds/${guild.id}/members/${member.id}`);
  await say(guild.channelId, "without them");
  await settle([watcher], guild);
  for (const socket of sockets) {
    await socket.event("GUILD_DELETE", (d) => d.id === guild.id);
    await socket.settled();
    expect(socket.dispatches.at(-1)?.t).toBe("GUILD_DELETE");
  }
  expect(watcher.dispatches.some(({ t, d }) => t === "GUILD_MEMBER_REMOVE" && d.user.id === member.id)).toBe(true);
  await platform.join(owner, guild, member);
  await settle(sockets, guild);
  for (const socket of sockets) {
    const last = socket.dispatches.slice(-2).map(({ t }) => t);
    expect(socket.dispatches.filter(({ t }) => t === "GUILD_CREATE")).toHaveLength(2);
    expect(last.at(-1)).toBe("MESSAGE_CREATE");
  }
});

test("intents: a session gets only what it asked for", async () => {
  const { guild, watcher } = await scene();
  const bot = await platform.bot(owner, guild.id, "8");
  const GUILDS = 1;
  const MESSAGES = 1 << 9;
  const guildsOnly = await platform.socket(bot, { intents: GUILDS });
  const messagesOnly = await platform.socket(bot, { intents: MESSAGES });
  await owner.post(`/guilds/${guild.id}/channels`, { name: "third", type: 0 });
  const id = await say(guild.channelId, "for those who asked");
  await watcher.event("MESSAGE_CREATE", (d) => d.id === id);
  await Promise.all([guildsOnly.settled(), messagesOnly.settled()]);
  expect(guildsOnly.dispatches.map(({ t }) => t)).toEqual(["READY", "GUILD_CREATE", "CHANNEL_CREATE"]);
  expect(messagesOnly.dispatches.map(({ t }) => t)).toEqual(["READY", "MESSAGE_CREATE"]);
});

test("a bot without MESSAGE_CONTENT sees content only where it is spoken to", async () => {
  const { guild } = await scene();
  const bot = await platform.bot(owner, guild.id, "8");
  const socket = await platform.socket(bot, { intents: 1 | (1 << 9) | (1 << 12) });
  const contents = async (id: string) => (await socket.event("MESSAGE_CREATE", (d) => d.id === id)).d.content;
  expect(await contents(await say(guild.channelId, "secret"))).toBe("");
  expect(await contents(await say(guild.channelId, `hello <@${bot.id}>`))).toBe(`hello <@${bot.id}>`);
  expect(await contents(await say(guild.channelId, "my own", bot))).toBe("my own");
  const dm = await owner.post("/users/@me/channels", { recipient_id: bot.id });
  expect(await contents(await say(dm.id, "in private"))).toBe("in private");
});

test("in a burst each bot without MESSAGE_CONTENT gets every message once, in order, whole where it is spoken to", async () => {
  const { guild, watcher } = await scene();
  const bots = [await platform.bot(owner, guild.id, "8"), await platform.bot(owner, guild.id, "8")];
  const sockets = await Promise.all(
    bots.flatMap((bot) => [0, 1].map((gateway) => platform.socket(bot, { gateway, intents: 1 | (1 << 9) }))),
  );
  const spoken = Array.from({ length: 60 }, (_, n) => `${n} ${n % 3 === 2 ? "to all" : `<@${bots[n % 3]?.id}>`}`);
  await Promise.all(spoken.map((content) => say(guild.channelId, content)));
  await settle([...sockets, watcher], guild);
  const messages = (socket: Socket) =>
    socket.dispatches.filter(({ t, d }) => t === "MESSAGE_CREATE" && d.type === 0).map(({ d }) => d);
  const all = messages(watcher);
  expect(all.map(({ content }) => content).sort()).toEqual([...spoken, "marker"].sort());
  for (const [i, socket] of sockets.entries()) {
    const bot = bots[i < 2 ? 0 : 1];
    const due = all.map(({ id, content }) => ({ id, content: content.includes(`<@${bot?.id}>`) ? content : "" }));
    expect(messages(socket).map(({ id, content }) => ({ id, content }))).toEqual(due);
  }
});

test("a direct message reaches the two and nobody else", async () => {
  const { guild, member, sockets, watcher } = await scene();
  const stranger = await platform.person("stranger");
  await platform.join(owner, guild, stranger);
  const strange = await platform.socket(stranger);
  const dm = await owner.post("/users/@me/channels", { recipient_id: member.id });
  const id = await say(dm.id, "between us");
  for (const socket of [...sockets, watcher]) await socket.event("MESSAGE_CREATE", (d) => d.id === id);
  await settle([strange], guild);
  expect(about(strange, dm.id)).toEqual([]);
  expect((await stranger.request("GET", `/channels/${dm.id}/messages`)).body.code).toBe(10003);
});

test("a bot without MESSAGE_CONTENT sees no content through a reply or a forward either", async () => {
  const { guild, watcher } = await scene();
  const bot = await platform.bot(owner, guild.id, "8");
  const socket = await platform.socket(bot, { intents: 1 | (1 << 9) });
  const path = `/channels/${guild.channelId}/messages`;
  const secret = await owner.post(path, { content: "secret", embeds: [{ title: "secret" }] });
  const reference = { message_id: secret.id, channel_id: guild.channelId };
  const reply = await owner.post(path, { content: "secret", message_reference: reference });
  const forward = await owner.post(path, { message_reference: { ...reference, type: 1 } });
  for (const { id } of [reply, forward]) {
    const whole = await watcher.event("MESSAGE_CREATE", (d) => d.id === id);
    expect(JSON.stringify(whole)).toContain("secret");
    const stripped = await socket.event("MESSAGE_CREATE", (d) => d.id === id);
    expect(JSON.stringify(stripped)).not.toContain("secret");
    expect(Object.keys(stripped.d)).toEqual(Object.keys(whole.d));
  }
});
