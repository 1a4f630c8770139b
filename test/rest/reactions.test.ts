import postgres from "postgres";
import { afterAll, describe, expect, test } from "vitest";
import type { Client, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";

const platform = await startPlatform();
const sql = postgres(platform.stores.databaseUrl, { max: 1 });
afterAll(() => sql.end());
const owner = await platform.person("owner");
const member = await platform.person("member");
const guild = await platform.guild(owner);
await platform.join(owner, guild, member);
const messages = `/channels/${guild.channelId}/messages`;

const say = async (as = owner): Promise<string> => (await as.post(messages, { content: "hello" })).id;
const reactions = (id: string) => `${messages}/${id}/reactions`;
const react = (client: Client, id: string, emoji: string) =>
  client.request("PUT", `${reactions(id)}/${encodeURIComponent(emoji)}/@me`);
const unreact = (client: Client, id: string, emoji: string) =>
  client.request("DELETE", `${reactions(id)}/${encodeURIComponent(emoji)}/@me`);
const shown = async (client: Client, id: string): Promise<Json[]> =>
  (await client.get(`${messages}/${id}`)).reactions ?? [];
/** Emoji and how often, in their order. */
const counts = async (id: string) => (await shown(owner, id)).map(({ emoji, count }) => [emoji.name, count]);
const EMOJIS = [..."😀😁😂😃😄😅😆😇😈😉😊😋😌😍😎😏😐😑😒😓😔"];

/** Custom emoji can't be made by a route yet. */
let emojiIds = 1000;
async function customEmoji(guildId: string, name = "party"): Promise<string> {
  emojiIds += 1;
  await sql`insert into emojis (id, server_id, name, animated) values (${emojiIds}, ${guildId}, ${name}, true)`;
  return String(emojiIds);
}

/** A channel where members may only do this. */
async function channelWith(allow: bigint): Promise<string> {
  const overwrite = { id: guild.id, type: 0, allow: String(allow), deny: String(((1n << 53n) - 1n) & ~allow) };
  const channel = await owner.post(`/guilds/${guild.id}/channels`, { name: "r", permission_overwrites: [overwrite] });
  return channel.id;
}

describe("a reaction", () => {
  test("is shown on the message with who asks told apart, and made twice is one", async () => {
    const id = await say();
    for (let i = 0; i < 2; i++) expect((await react(member, id, "🔥")).status).toBe(204);
    const reaction = {
      emoji: { id: null, name: "🔥" },
      count: 1,
      count_details: { burst: 0, normal: 1 },
      burst_colors: [],
      me: true,
      me_burst: false,
    };
    expect(await shown(member, id)).toEqual([reaction]);
    expect(await shown(owner, id)).toEqual([{ ...reaction, me: false }]);
    const listed = (await member.get(messages)).find((message: Json) => message.id === id);
    expect(listed.reactions).toEqual([reaction]);
    const reply = await member.post(messages, { content: "reply", message_reference: { message_id: id } });
    expect(reply.referenced_message.reactions).toEqual([reaction]);
  });

  test("with another spelling of the same emoji is the same", async () => {
    const id = await say();
    await react(owner, id, "❤");
    await react(member, id, "❤️");
    expect(await counts(id)).toEqual([["❤️", 2]]);
    expect((await owner.get(`${reactions(id)}/${encodeURIComponent("❤")}`)).length).toBe(2);
  });

  test("keeps its emoji's place as long as one is left, and comes last when it returns", async () => {
    const id = await say();
    for (const emoji of ["🔥", "👍", "🎉"]) await react(owner, id, emoji);
    await react(member, id, "🔥");
    await unreact(owner, id, "🔥");
    expect(await counts(id)).toEqual([["🔥", 1], ["👍", 1], ["🎉", 1]]); // biome-ignore format: a table
    await unreact(member, id, "🔥");
    await react(member, id, "🔥");
    expect(await counts(id)).toEqual([["👍", 1], ["🎉", 1], ["🔥", 1]]); // biome-ignore format: a table
  });

  test("of twenty-five people at once, each of them twice, is one for each; and none when all take it back", async () => {
    const id = await say();
    const people = await Promise.all(Array.from({ length: 25 }, () => platform.bot(owner, guild.id, "66624")));
    const twice = [...people, ...people];
    const answers = await Promise.all(twice.map((person) => react(person, id, "👍")));
    expect(answers.map(({ status }) => status)).toEqual(twice.map(() => 204));
    expect(await counts(id)).toEqual([["👍", 25]]);
    const users = await owner.get(`${reactions(id)}/👍?limit=100`);
    expect(users.map((user: Json) => user.id).sort()).toEqual(people.map((person) => person.id).sort());
    await Promise.all(twice.map((person) => unreact(person, id, "👍")));
    expect(await shown(owner, id)).toEqual([]);
  });

  test("with a twenty-first emoji is refused, also when twenty-one come at once; joining one that is there is not", async () => {
    const id = await say();
    const answers = await Promise.all(EMOJIS.map((emoji) => react(owner, id, emoji)));
    const wrong = answers.filter(({ status }) => status !== 204);
    expect(wrong.map(({ status, body }) => [status, body.code])).toEqual([[400, Code.MaximumNumberOfReactionsReached]]);
    const there = await counts(id);
    expect(there).toHaveLength(20);
    expect((await react(member, id, String(there[0]?.[0]))).status).toBe(204);
  });

  test("with what is no emoji, or on what is no message, is refused", async () => {
    const id = await say();
    for (const emoji of ["x", "🔥🔥", "party:1", "%ff"]) {
      await refused(Code.UnknownEmoji, owner, "PUT", `${reactions(id)}/${encodeURIComponent(emoji)}/@me`);
    }
    await refused(Code.UnknownEmoji, owner, "PUT", `${reactions(id)}/%ff/@me`);
    await refused(Code.UnknownMessage, owner, "PUT", `${reactions("1")}/👍/@me`);
    const deleted = await say();
    await owner.delete(`${messages}/${deleted}`);
    await refused(Code.UnknownMessage, owner, "PUT", `${reactions(deleted)}/👍/@me`);
    const elsewhere = await channelWith(0n);
    await refused(Code.UnknownMessage, owner, "PUT", `/channels/${elsewhere}/messages/${id}/reactions/👍/@me`);
  });

  test("needs to read history, and ADD_REACTIONS only for an emoji that is new", async () => {
    const [VIEW, HISTORY, ADD] = [1n << 10n, 1n << 16n, 1n << 6n];
    const put = async (allow: bigint) => {
      const channelId = await channelWith(VIEW | allow);
      const { id } = await owner.post(`/channels/${channelId}/messages`, { content: "hello" });
      await owner.put(`/channels/${channelId}/messages/${id}/reactions/👍/@me`);
      const by = (emoji: string) =>
        member.request("PUT", `/channels/${channelId}/messages/${id}/reactions/${emoji}/@me`);
      return [(await by("👍")).status, (await by("🔥")).status];
    };
    expect(await put(0n)).toEqual([403, 403]);
    expect(await put(ADD)).toEqual([403, 403]);
    expect(await put(HISTORY)).toEqual([204, 403]);
    expect(await put(HISTORY | ADD)).toEqual([204, 204]);
  });
});

describe("a custom emoji", () => {
  test("of the guild is shown with its own name, and outlives its deletion", async () => {
    const id = await say();
    const emoji = await customEmoji(guild.id);
    expect((await react(member, id, `any_name:${emoji}`)).status).toBe(204);
    const [reaction] = await shown(member, id);
    expect(reaction).toMatchObject({ emoji: { id: emoji, name: "party", animated: true }, count: 1, me: true });
    await sql`delete from emojis where id = ${emoji}`;
    expect((await react(owner, id, `party:${emoji}`)).status).toBe(204);
    expect(await owner.get(`${reactions(id)}/party:${emoji}`)).toHaveLength(2);
    for (const client of [owner, member]) expect((await unreact(client, id, `party:${emoji}`)).status).toBe(204);
    expect(await shown(owner, id)).toEqual([]);
    await refused(Code.UnknownEmoji, owner, "PUT", `${reactions(id)}/party:${emoji}/@me`);
  });

  test("of another guild needs membership there and USE_EXTERNAL_EMOJIS here", async () => {
    const other = await platform.guild(owner);
    const emoji = `party:${await customEmoji(other.id)}`;
    const id = await say();
    await refused(Code.UnknownEmoji, member, "PUT", `${reactions(id)}/${emoji}/@me`);
    await platform.join(owner, other, member);
    expect((await react(member, id, emoji)).status).toBe(204);
    const strict = await channelWith(BigInt(1 << 6) | BigInt(1 << 10) | BigInt(1 << 16));
    const message = await owner.post(`/channels/${strict}/messages`, { content: "x" });
    const path = `/channels/${strict}/messages/${message.id}/reactions/${emoji}/@me`;
    await refused(Code.MissingPermissions, member, "PUT", path);
    await owner.put(path);
    await member.put(path);
  });
});

describe("taking reactions away", () => {
  test("one's own, and what isn't there is no fault", async () => {
    const id = await say();
    await react(owner, id, "👍");
    for (let i = 0; i < 2; i++) expect((await unreact(member, id, "👍")).status).toBe(204);
    expect(await counts(id)).toEqual([["👍", 1]]);
    await refused(Code.UnknownEmoji, owner, "DELETE", `${reactions(id)}/party:5/@me`);
  });

  test("another's, all of an emoji, and all, by who manages messages only", async () => {
    const id = await say();
    for (const emoji of ["👍", "🔥", "🎉"]) for (const client of [owner, member]) await react(client, id, emoji);
    for (const path of [`/👍/${owner.id}`, "/👍", ""]) {
      await refused(Code.MissingPermissions, member, "DELETE", `${reactions(id)}${path}`);
    }
    await owner.delete(`${reactions(id)}/👍/${member.id}`);
    expect(await counts(id)).toEqual([["👍", 1], ["🔥", 2], ["🎉", 2]]); // biome-ignore format: a table
    await owner.delete(`${reactions(id)}/🔥`);
    expect(await counts(id)).toEqual([["👍", 1], ["🎉", 2]]); // biome-ignore format: a table
    await owner.delete(reactions(id));
    expect(await shown(owner, id)).toEqual([]);
    await refused(Code.UnknownUser, owner, "DELETE", `${reactions(id)}/👍/1`);
  });

  test("in a conversation only one's own", async () => {
    const dm = await owner.post("/users/@me/channels", { recipient_id: member.id });
    const message = await owner.post(`/channels/${dm.id}/messages`, { content: "hello" });
    const path = `/channels/${dm.id}/messages/${message.id}/reactions`;
    for (const client of [owner, member]) await client.put(`${path}/👍/@me`);
    for (const one of [`/👍/${owner.id}`, "/👍", ""]) {
      await refused(Code.CannotExecuteActionOnDMChannel, member, "DELETE", `${path}${one}`);
    }
    await member.delete(`${path}/👍/${member.id}`);
    expect((await owner.get(`/channels/${dm.id}/messages/${message.id}`)).reactions).toMatchObject([{ count: 1 }]);
  });
});

test("who reacted is listed by id, in pages; super reactions are none", async () => {
  const id = await say();
  const bots = await Promise.all(Array.from({ length: 5 }, () => platform.bot(owner, guild.id, "66624")));
  for (const bot of bots) await react(bot, id, "👍");
  const ids = bots.map((bot) => bot.id).sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
  const list = async (query: string) =>
    (await owner.get(`${reactions(id)}/👍${query}`)).map((user: Json) => String(user.id));
  expect(await list("")).toEqual(ids);
  expect(await list("?limit=2")).toEqual(ids.slice(0, 2));
  expect(await list(`?limit=2&after=${ids[1]}`)).toEqual(ids.slice(2, 4));
  expect(await list("?type=1")).toEqual([]);
  expect(await owner.get(`${reactions(id)}/🔥`)).toEqual([]);
  for (const query of ["limit=0", "limit=101", "after=x", "type=2"]) {
    await refused(Code.InvalidFormBodyOrContentType, owner, "GET", `${reactions(id)}/👍?${query}`);
  }
});
