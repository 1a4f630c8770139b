import { expect, test } from "vitest";
import type { Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const joinsOf = async (channelId: string): Promise<string[]> =>
  (await owner.get(`/channels/${channelId}/messages`))
    .filter(({ type }: Json) => type === 7)
    .map(({ author }: Json) => author.id);

test("who joins is welcomed in the system channel, person or bot; who made the guild is not", async () => {
  const guild = await platform.guild(owner);
  const watcher = await platform.socket(owner);
  const member = await platform.person("member");
  const own = await platform.socket(member);
  await platform.join(owner, guild, member);
  const bot = await platform.bot(owner, guild.id);
  expect(await joinsOf(guild.channelId)).toEqual([bot.id, member.id]);
  const { d } = await watcher.event("MESSAGE_CREATE", ({ author }) => author.id === member.id);
  expect(d).toMatchObject({
    type: 7,
    content: "",
    channel_id: guild.channelId,
    guild_id: guild.id,
    member: { roles: [], joined_at: expect.any(String) },
  });
  await own.event("MESSAGE_CREATE", ({ id }) => id === d.id);
  expect(own.dispatches.map(({ t }) => t).slice(0, 3)).toEqual(["READY", "GUILD_CREATE", "MESSAGE_CREATE"]);
  const names = watcher.dispatches
    .filter(({ t, d }) => t !== "PRESENCE_UPDATE" && (d.user ?? d.author)?.id === member.id)
    .map(({ t }) => t);
  expect(names).toEqual(["GUILD_MEMBER_ADD", "MESSAGE_CREATE"]);
});

test("nobody is welcomed twice for one membership, where it is turned off, or where there is no system channel", async () => {
  const guild = await platform.guild(owner);
  const [one, other, third] = await Promise.all(["one", "other", "third"].map((name) => platform.person(name)));
  if (!one || !other || !third) throw new Error("somebody is missing");
  await platform.join(owner, guild, one);
  await platform.join(owner, guild, one);
  await owner.patch(`/guilds/${guild.id}`, { system_channel_flags: 1 });
  await platform.join(owner, guild, other);
  await owner.patch(`/guilds/${guild.id}`, { system_channel_flags: 62, system_channel_id: null });
  await platform.join(owner, guild, third);
  expect(await joinsOf(guild.channelId)).toEqual([one.id]);
});

test("a system message can be reacted to and deleted, but not edited, replied to or pinned", async () => {
  const guild = await platform.guild(owner);
  const member = await platform.person("member");
  await platform.join(owner, guild, member);
  const path = `/channels/${guild.channelId}/messages`;
  const [{ id }] = await owner.get(path);
  const system = Code.CannotExecuteActionOnSystemMessage;
  await member.put(`${path}/${id}/reactions/👋/@me`);
  await refused(system, member, "PATCH", `${path}/${id}`, { content: "x" });
  await refused(system, owner, "PATCH", `${path}/${id}`, { flags: 4 });
  await refused(system, owner, "PUT", `${path}/pins/${id}`);
  const reply = await owner.request("POST", path, { content: "hi", message_reference: { message_id: id } });
  expect(reply.body.errors.message_reference._errors[0].code).toBe("REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE");
  await owner.delete(`${path}/${id}`);
  expect(await joinsOf(guild.channelId)).toEqual([]);
});

test("what the documentation calls undeletable stays", async () => {
  const { default: postgres } = await import("postgres");
  const sql = postgres(platform.stores.databaseUrl, { max: 1 });
  const guild = await platform.guild(owner);
  const path = `/channels/${guild.channelId}/messages`;
  const { id } = await owner.post(path, { content: "x" });
  const { id: second } = await owner.post(path, { content: "y" });
  await sql`update messages set type = 21 where id = ${id}`;
  await sql.end();
  await refused(Code.CannotExecuteActionOnSystemMessage, owner, "DELETE", `${path}/${id}`);
  await owner.post(`${path}/bulk-delete`, { messages: [id, second] });
  expect((await owner.get(path)).map((message: Json) => message.id)).toEqual([id]);
});
