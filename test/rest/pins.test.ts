import postgres from "postgres";
import { afterAll, describe, expect, test } from "vitest";
import type { Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";

const platform = await startPlatform();
const sql = postgres(platform.stores.databaseUrl, { max: 1 });
afterAll(() => sql.end());
const owner = await platform.person("owner");
const member = await platform.person("member");
const guild = await platform.guild(owner);
await platform.join(owner, guild, member);

/** A channel with messages of these contents; `pins` is its new form, `old` the deprecated one. */
async function channelOf(...contents: string[]) {
  const { id } = await owner.post(`/guilds/${guild.id}/channels`, { name: "pins" });
  const ids: string[] = [];
  for (const content of contents) ids.push((await owner.post(`/channels/${id}/messages`, { content })).id);
  return {
    id,
    ids,
    messages: `/channels/${id}/messages`,
    pins: `/channels/${id}/messages/pins`,
    old: `/channels/${id}/pins`,
  };
}
const contentsOf = (page: Json) => page.items.map(({ message }: Json) => message.content);

describe("a pin", () => {
  test.each(["pins", "old"] as const)(
    "by %s is shown newest first in both lists, and taken away again",
    async (form) => {
      const at = await channelOf("one", "two", "three");
      for (const id of [at.ids[1], at.ids[0], at.ids[1]]) await owner.put(`${at[form]}/${id}`);
      const page = await owner.get(at.pins);
      expect(contentsOf(page)).toEqual(["one", "two"]);
      expect(page).toMatchObject({
        has_more: false,
        items: [{ message: { pinned: true } }, { message: { pinned: true } }],
      });
      expect((await owner.get(at.old)).map(({ content }: Json) => content)).toEqual(["one", "two"]);
      expect(await owner.get(`/channels/${at.id}`)).toMatchObject({ last_pin_timestamp: page.items[0].pinned_at });
      for (let i = 0; i < 2; i++) await owner.delete(`${at[form]}/${at.ids[0]}`);
      expect(contentsOf(await owner.get(at.pins))).toEqual(["two"]);
      expect((await owner.get(`${at.messages}/${at.ids[0]}`)).pinned).toBe(false);
      await owner.delete(`${at[form]}/${at.ids[1]}`);
      expect(await owner.get(`/channels/${at.id}`)).not.toHaveProperty("last_pin_timestamp");
    },
  );

  test("is told in the channel by a message that points to it, once", async () => {
    const at = await channelOf("one");
    for (let i = 0; i < 2; i++) await owner.put(`${at.pins}/${at.ids[0]}`);
    const [told, one] = await owner.get(at.messages);
    expect(one).toMatchObject({ id: at.ids[0], pinned: true, edited_timestamp: null });
    expect(told).toMatchObject({
      type: 6,
      author: { id: owner.id },
      content: "",
      message_reference: { type: 0, message_id: at.ids[0], channel_id: at.id, guild_id: guild.id },
    });
    expect(await owner.get(at.messages)).toHaveLength(2);
    await refused(Code.CannotExecuteActionOnSystemMessage, owner, "PUT", `${at.pins}/${told.id}`);
    await owner.delete(`${at.messages}/${told.id}`);
  });

  test("needs PIN_MESSAGES; managing messages is not enough", async () => {
    const at = await channelOf("one");
    const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "r", permissions: String(1 << 13) });
    await owner.put(`/guilds/${guild.id}/members/${member.id}/roles/${role.id}`);
    await refused(Code.MissingPermissions, member, "PUT", `${at.pins}/${at.ids[0]}`);
    await owner.patch(`/guilds/${guild.id}/roles/${role.id}`, { permissions: String(1n << 51n) });
    await member.put(`${at.pins}/${at.ids[0]}`);
    await member.delete(`${at.old}/${at.ids[0]}`);
  });

  test("is of a message of this channel that is there", async () => {
    const [at, other] = [await channelOf("one", "two"), await channelOf()];
    await refused(Code.UnknownMessage, owner, "PUT", `${other.pins}/${at.ids[0]}`);
    await owner.put(`${at.pins}/${at.ids[0]}`);
    await owner.put(`${at.pins}/${at.ids[1]}`);
    await owner.delete(`${at.messages}/${at.ids[0]}`);
    expect(contentsOf(await owner.get(at.pins))).toEqual(["two"]);
    await refused(Code.UnknownMessage, owner, "DELETE", `${at.pins}/${at.ids[0]}`);
  });

  test("in a conversation is either's to make, and names no guild", async () => {
    const dm = await owner.post("/users/@me/channels", { recipient_id: member.id });
    const { id } = await owner.post(`/channels/${dm.id}/messages`, { content: "one" });
    await member.put(`/channels/${dm.id}/messages/pins/${id}`);
    expect(contentsOf(await owner.get(`/channels/${dm.id}/messages/pins`))).toEqual(["one"]);
    const [told] = await owner.get(`/channels/${dm.id}/messages`);
    expect(told.message_reference).toEqual({ type: 0, message_id: id, channel_id: dm.id });
    expect((await owner.get(`/channels/${dm.id}`)).last_pin_timestamp).toEqual(expect.any(String));
  });
});

test("pins are listed page by page, each once", async () => {
  const at = await channelOf(..."abcdefg");
  await Promise.all(at.ids.map((id) => owner.put(`${at.pins}/${id}`)));
  const seen: string[] = [];
  for (let before = "", more = true; more; ) {
    const page = await owner.get(`${at.pins}?limit=2${before}`);
    expect(page.items.length).toBeLessThanOrEqual(2);
    seen.push(...contentsOf(page));
    more = page.has_more;
    before = `&before=${encodeURIComponent(page.items.at(-1).pinned_at)}`;
  }
  expect([...seen].sort()).toEqual([..."abcdefg"]);
  for (const query of ["limit=0", "limit=51", "before=yesterday", "before=5"]) {
    await refused(Code.InvalidFormBodyOrContentType, owner, "GET", `${at.pins}?${query}`);
  }
});

test("without READ_MESSAGE_HISTORY there are none", async () => {
  const at = await channelOf("one");
  await owner.put(`${at.pins}/${at.ids[0]}`);
  await owner.put(`/channels/${at.id}/permissions/${guild.id}`, { type: 0, allow: "0", deny: String(1 << 16) });
  expect(await member.get(at.pins)).toEqual({ items: [], has_more: false });
  expect(await member.get(at.old)).toEqual([]);
});

test("a channel takes 250 pins, also when they are made at once", async () => {
  const at = await channelOf(..."abcde");
  await sql`
    insert into messages (id, channel_id, author_id, content, pinned_at)
    select ${at.id}::bigint + n, ${at.id}, ${owner.id}, n::text, now() - n * interval '1 s' from generate_series(1, 248) n`;
  const answers = await Promise.all(at.ids.map((id) => owner.request("PUT", `${at.pins}/${id}`)));
  const wrong = answers.filter(({ status }) => status !== 204);
  expect(wrong.map(({ status, body }) => [status, body.code])).toEqual(
    Array.from({ length: 3 }, () => [400, Code.MaximumNumberOfPinsReachedForTheChannel]),
  );
  expect(await owner.get(at.old)).toHaveLength(50);
  const [{ n }] = await sql<[{ n: number }]>`
    select count(*)::int as n from messages where channel_id = ${at.id} and pinned_at is not null`;
  expect(n).toBe(250);
});
