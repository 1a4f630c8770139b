import postgres from "postgres";
import { afterAll, describe, expect, test } from "vitest";
import type { Client, Json } from "../harness/client.ts";
import { form } from "../harness/forms.ts";
import { addApi, startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";
import { expectShape } from "./shape.ts";

const platform = await startPlatform();
const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
afterAll(() => sql.end());
const [publisher, reader] = [await platform.person("publisher"), await platform.person("reader")];
const home = await platform.guild(publisher, "Home");
const away = await platform.guild(reader, "Away");
await platform.join(publisher, home, reader);
const CROSSPOSTED = 1;
const IS_CROSSPOST = 2;
const SOURCE_DELETED = 8;

const announcements = (name = "news"): Promise<Json> =>
  publisher.post(`/guilds/${home.id}/channels`, { name, type: 5 });
const target = (name = "feed"): Promise<Json> => reader.post(`/guilds/${away.id}/channels`, { name });
const follow = (sourceId: string, targetId: string): Promise<Json> =>
  reader.post(`/channels/${sourceId}/followers`, { webhook_channel_id: targetId });
const say = (channelId: string, body: object | FormData = { content: "news" }, as: Client = publisher): Promise<Json> =>
  as.post(`/channels/${channelId}/messages`, body);
const crosspost = (message: Json, as: Client = publisher): Promise<Json> =>
  as.post(`/channels/${message.channel_id}/messages/${message.id}/crosspost`);

/** A published message and its copy, and a socket that sees the copy. */
async function published(body: object | FormData = { content: "news" }) {
  const [source, feed] = [await announcements(), await target()];
  const { webhook_id } = await follow(source.id, feed.id);
  const socket = await platform.socket(reader);
  const message = await crosspost(await say(source.id, body));
  const { d: copy } = await socket.event(
    "MESSAGE_CREATE",
    (d) => d.channel_id === feed.id && d.webhook_id === webhook_id,
  );
  return { source, feed, socket, message, copy, webhookId: webhook_id };
}

describe("following", () => {
  test("makes a webhook in the other channel, says so there, and is logged there", async () => {
    const [source, feed] = [await announcements("big-news"), await target()];
    const socket = await platform.socket(reader);
    const answer = await follow(source.id, feed.id);
    expectShape("ChannelFollowerResponse", answer);
    expect(answer.channel_id).toBe(source.id);
    await socket.event("WEBHOOKS_UPDATE", (d) => d.channel_id === feed.id && d.guild_id === away.id);
    const { d: told } = await socket.event("MESSAGE_CREATE", (d) => d.channel_id === feed.id);
    expect(told).toMatchObject({ type: 12, content: "Home #big-news", author: { id: reader.id } });
    expect(told.message_reference).toEqual({ type: 0, channel_id: source.id, guild_id: home.id });
    const [webhook] = await reader.get(`/channels/${feed.id}/webhooks`);
    expectShape("ChannelFollowerWebhookResponse", webhook);
    expect(webhook).toMatchObject({
      id: answer.webhook_id,
      type: 2,
      name: "Home #big-news",
      channel_id: feed.id,
      guild_id: away.id,
      source_guild: { id: home.id, name: "Home", icon: null },
      source_channel: { id: source.id, name: "big-news" },
    });
    expect(webhook).not.toHaveProperty("token");
    const { audit_log_entries: entries, webhooks } = await reader.get(
      `/guilds/${away.id}/audit-logs?action_type=50&limit=1`,
    );
    expect(entries).toMatchObject([{ target_id: webhook.id, user_id: reader.id }]);
    expect(webhooks).toMatchObject([{ id: webhook.id, type: 2 }]);
    socket.close();
  });

  test("twice is following once; with the webhook it ends", async () => {
    const [source, feed] = [await announcements(), await target()];
    const first = await follow(source.id, feed.id);
    expect(await follow(source.id, feed.id)).toEqual(first);
    expect(await reader.get(`/channels/${feed.id}/webhooks`)).toHaveLength(1);
    await refused(Code.InvalidWebhookToken, reader, "POST", `/webhooks/${first.webhook_id}/guessed`, { content: "x" });
    await reader.patch(`/webhooks/${first.webhook_id}`, { name: "renamed" });
    await reader.delete(`/webhooks/${first.webhook_id}`);
    await crosspost(await say(source.id));
    const other = await target("other");
    await follow(source.id, other.id);
    const message = await crosspost(await say(source.id));
    await expect.poll(() => copiesOf(message.id)).toHaveLength(1);
    expect(await copiesIn(feed.id)).toEqual([]);
  });

  test("is for announcement channels that one sees, by channels in which one manages webhooks", async () => {
    const [source, feed] = [await announcements(), await target()];
    const path = `/channels/${source.id}/followers`;
    const body = { webhook_channel_id: feed.id };
    await refused(Code.MissingAccess, publisher, "POST", path, body);
    await platform.join(reader, away, publisher);
    await refused(Code.MissingPermissions, publisher, "POST", path, body);
    await refused(Code.CannotExecuteActionOnThisChannelType, reader, "POST", `/channels/${feed.id}/followers`, body);
    await refused(Code.UnknownChannel, reader, "POST", path, { webhook_channel_id: "1" });
    const voice = await reader.post(`/guilds/${away.id}/channels`, { name: "voice", type: 2 });
    await refused(Code.CannotExecuteActionOnThisChannelType, reader, "POST", path, { webhook_channel_id: voice.id });
    await refused(Code.InvalidFormBodyOrContentType, publisher, "POST", path, { webhook_channel_id: source.id });
    await publisher.put(`/channels/${source.id}/permissions/${home.id}`, { type: 0, deny: "1024" });
    await refused(Code.MissingAccess, reader, "POST", path, body);
  });

  test("tells where it comes from only while who follows is there", async () => {
    const owner = await platform.person("owner");
    const guild = await platform.guild(owner, "Left");
    await platform.join(owner, guild, reader);
    const source = await owner.post(`/guilds/${guild.id}/channels`, { name: "news", type: 5 });
    const feed = await target();
    const { webhook_id } = await follow(source.id, feed.id);
    await reader.delete(`/users/@me/guilds/${guild.id}`);
    const webhook = await reader.get(`/webhooks/${webhook_id}`);
    expect(webhook).toMatchObject({ type: 2 });
    expect(webhook).not.toHaveProperty("source_guild");
    expect(webhook).not.toHaveProperty("source_channel");
    const message = await owner.post(`/channels/${source.id}/messages`, { content: "still" });
    await crosspost(message, owner);
    await expect.poll(() => copiesIn(feed.id)).toMatchObject([{ content: "still" }]);
  });
});

const copiesOf = (messageId: string) => sql<{ id: string; channel_id: string }[]>`
  select id, channel_id from messages where reference_message_id = ${messageId} and flags & 2 <> 0`;
const copiesIn = async (channelId: string): Promise<Json[]> =>
  (await reader.get(`/channels/${channelId}/messages`)).filter((message: Json) => (message.flags & IS_CROSSPOST) !== 0);

describe("publishing", () => {
  test("brings a copy to those who follow, as their webhook's, that names its source and calls nobody", async () => {
    const content = `@everyone <@${reader.id}> look`;
    const { source, feed, socket, message, copy, webhookId } = await published(
      form({ content, embeds: [{ title: "embed" }] }, ["a.txt", "attached"]),
    );
    expect(message.flags).toBe(CROSSPOSTED);
    expectShape("MessageResponse", message);
    const read = await reader.get(`/channels/${feed.id}/messages/${copy.id}`);
    expectShape("MessageResponse", read);
    expect(copy).toMatchObject({ guild_id: away.id, id: copy.id, content, flags: IS_CROSSPOST });
    expect(read).toMatchObject({
      type: 0,
      content,
      flags: IS_CROSSPOST,
      webhook_id: webhookId,
      author: { id: webhookId, username: "Home #news", bot: true },
      message_reference: { type: 0, guild_id: home.id, channel_id: source.id, message_id: message.id },
      embeds: [{ title: "embed" }],
      mention_everyone: false,
      mentions: [],
      mention_roles: [],
    });
    expect(read.attachments).toHaveLength(1);
    const [attachment] = read.attachments;
    expect(await (await fetch(attachment.url)).text()).toBe("attached");
    await socket.event("MESSAGE_UPDATE", (d) => d.id === message.id && d.flags === CROSSPOSTED);
    socket.close();
  });

  test("is followed by what becomes of the source: edits, embeds hidden, deletion", async () => {
    const { source, feed, socket, message, copy } = await published(form({ content: "one" }, ["a.txt", "attached"]));
    const path = `/channels/${source.id}/messages/${message.id}`;
    await publisher.patch(path, { content: "two", embeds: [{ title: "new" }], flags: 4 });
    const { d: edited } = await socket.event("MESSAGE_UPDATE", (d) => d.id === copy.id);
    expect(edited).toMatchObject({ content: "two", flags: IS_CROSSPOST | 4, channel_id: feed.id });
    expect(edited.edited_timestamp).not.toBeNull();
    await publisher.patch(path, { flags: 0, attachments: [] });
    const shown = await socket.event("MESSAGE_UPDATE", (d) => d.id === copy.id && d.flags === IS_CROSSPOST);
    expect(shown.d).toMatchObject({ embeds: [{ title: "new" }], attachments: [] });
    await publisher.delete(path);
    const { d: gone } = await socket.event(
      "MESSAGE_UPDATE",
      (d) => d.id === copy.id && (d.flags & SOURCE_DELETED) !== 0,
    );
    expect(gone).toMatchObject({ content: "[Original Message Deleted]", embeds: [], attachments: [] });
    expect(await reader.get(`/channels/${feed.id}/messages/${copy.id}`)).toMatchObject({
      flags: IS_CROSSPOST | SOURCE_DELETED,
      content: "[Original Message Deleted]",
    });
    socket.close();
  });

  test("follows bulk deletes and bans too; a copy that is deleted stays so", async () => {
    const [source, feed] = [await announcements(), await target()];
    await follow(source.id, feed.id);
    const messages: Json[] = [];
    for (let i = 0; i < 3; i++) messages.push(await crosspost(await say(source.id, { content: `m${i}` })));
    await expect.poll(() => copiesIn(feed.id)).toHaveLength(3);
    const third = (await copiesIn(feed.id)).find((copy) => copy.content === "m2");
    await reader.delete(`/channels/${feed.id}/messages/${third.id}`);
    await publisher.post(`/channels/${source.id}/messages/bulk-delete`, { messages: messages.map(({ id }) => id) });
    await expect
      .poll(async () => (await copiesIn(feed.id)).map(({ content }) => content))
      .toEqual(["[Original Message Deleted]", "[Original Message Deleted]"]);

    const editor = await platform.person("editor");
    await platform.join(publisher, home, editor);
    const theirs = await say(source.id, { content: "by an editor" }, editor);
    await crosspost(theirs);
    await expect.poll(() => copiesOf(theirs.id)).toHaveLength(1);
    await publisher.put(`/guilds/${home.id}/bans/${editor.id}`, { delete_message_seconds: 3600 });
    await expect.poll(async () => (await copiesIn(feed.id))[0].flags).toBe(IS_CROSSPOST | SOURCE_DELETED);
  });

  test("is for who wrote it, or manages messages, once, and only what was said in an announcement channel", async () => {
    const source = await announcements();
    const message = await say(source.id);
    const path = (channelId: string, id: string) => `/channels/${channelId}/messages/${id}/crosspost`;
    const editor = await platform.person("editor");
    await platform.join(publisher, home, editor);
    await refused(Code.MissingPermissions, editor, "POST", path(source.id, message.id));
    const own = await say(source.id, { content: "own" }, editor);
    expect((await crosspost(own, editor)).flags).toBe(CROSSPOSTED);
    expect((await crosspost(message)).flags).toBe(CROSSPOSTED);
    await refused(Code.ThisMessageWasAlreadyCrossposted, publisher, "POST", path(source.id, message.id));
    await refused(Code.UnknownMessage, publisher, "POST", path(source.id, "1"));
    const plain = await say(home.channelId);
    await refused(Code.CannotExecuteActionOnThisChannelType, publisher, "POST", path(home.channelId, plain.id));
    await publisher.put(`/channels/${source.id}/messages/pins/${message.id}`);
    const [pin] = await publisher.get(`/channels/${source.id}/messages?limit=1`);
    await refused(Code.CannotExecuteActionOnSystemMessage, publisher, "POST", path(source.id, pin.id));
    await publisher.put(`/channels/${source.id}/permissions/${home.id}`, { type: 0, deny: "2048" });
    const second = await platform.person("silent");
    await platform.join(publisher, home, second);
    await refused(Code.MissingPermissions, second, "POST", path(source.id, message.id));
  });

  test("what came from elsewhere is not passed on", async () => {
    const [source, other] = [await announcements("one"), await announcements("two")];
    await publisher.post(`/channels/${source.id}/followers`, { webhook_channel_id: other.id });
    await publisher.post(`/channels/${other.id}/followers`, { webhook_channel_id: source.id });
    const message = await crosspost(await say(source.id));
    await expect.poll(() => copiesOf(message.id)).toHaveLength(1);
    const [copy] = await copiesOf(message.id);
    const path = `/channels/${other.id}/messages/${copy?.id}/crosspost`;
    await refused(Code.InvalidMessageType, publisher, "POST", path);
  });

  test("by two at once happens once", async () => {
    const [source, feed] = [await announcements(), await target()];
    await follow(source.id, feed.id);
    const message = await say(source.id);
    const path = `/channels/${source.id}/messages/${message.id}/crosspost`;
    const answers = await Promise.all(Array.from({ length: 5 }, () => publisher.request("POST", path)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400, 400]);
    await expect.poll(() => copiesOf(message.id)).toHaveLength(1);
    const later = await crosspost(await say(source.id));
    await expect.poll(() => copiesOf(later.id)).toHaveLength(1);
    expect(await copiesOf(message.id)).toHaveLength(1);
  });

  test("is limited to ten an hour by one, and by all in a channel, which ends as the hour goes on", async () => {
    await addApi(platform, { RATE_LIMITS: "on" });
    const [source, other] = [await announcements(), await announcements()];
    const editors = await Promise.all(Array.from({ length: 3 }, () => platform.person("editor")));
    for (const editor of editors) await platform.join(publisher, home, editor);
    const publish = async (editor: Client | undefined, channelId: string) => {
      if (editor === undefined) throw new Error("an editor is missing");
      editor.api = 0;
      const { id } = await say(channelId, { content: "limited" }, editor);
      editor.api = 1;
      return editor.request("POST", `/channels/${channelId}/messages/${id}/crosspost`);
    };
    for (let i = 0; i < 10; i++) expect((await publish(editors[i % 2], source.id)).status).toBe(200);
    const answer = await publish(editors[2], source.id);
    expect(answer).toMatchObject({ status: 429, body: { global: false } });
    expect(answer.headers.get("x-ratelimit-scope")).toBe("shared");
    expect(answer.body.retry_after).toBeGreaterThan(3000);
    expect(answer.body.retry_after).toBeLessThanOrEqual(3600);
    await sql`
      update crossposts set crossposted_at = now() - interval '1 hour' where message_id = (
        select min(message_id) from crossposts where channel_id = ${source.id})`;
    expect((await publish(editors[2], source.id)).status).toBe(200);

    for (let i = 0; i < 10; i++) expect((await publish(editors[2], other.id)).status).toBe(200);
    const own = await publish(editors[2], other.id);
    expect(own.status).toBe(429);
    expect(own.headers.get("x-ratelimit-scope")).toBe("user");
    expect(own.headers.get("x-ratelimit-limit")).toBe("10");
  });
});

test("a thousand followers get one copy each, in batches that others come between, and the plans use indexes", async () => {
  const source = await announcements();
  const feeds = await Promise.all(Array.from({ length: 4 }, (_, i) => target(`feed-${i}`)));
  await sql`
    insert into webhooks (id, type, server_id, channel_id, source_channel_id, name)
    select n, 2, ${away.id}, (${feeds.map(({ id }) => id)}::bigint[])[1 + n % 4], ${source.id}, 'follower'
    from generate_series(1, 1000) n`;
  const [large, small] = [await say(source.id, { content: "large" }), await announcements("small")];
  await follow(small.id, (await target("small")).id);
  await crosspost(large);
  const quick = await crosspost(await say(small.id));
  await expect.poll(() => copiesOf(quick.id), { timeout: 20_000 }).toHaveLength(1);
  await expect.poll(async () => (await copiesOf(large.id)).length, { timeout: 60_000 }).toBe(1000);
  // The small one, which was published later, did not wait for all of the large: ids tell the time.
  const [ofSmall, ofLarge] = [await copiesOf(quick.id), await copiesOf(large.id)];
  const last = ofLarge.reduce((most, { id }) => (BigInt(id) > most ? BigInt(id) : most), 0n);
  expect(BigInt(ofSmall[0]?.id ?? 0)).toBeLessThan(last);
  const doubles = await sql`
    select webhook_id from messages where reference_message_id = ${large.id} group by 1 having count(*) > 1`;
  expect([...doubles]).toEqual([]);
  await publisher.patch(`/channels/${source.id}/messages/${large.id}`, { content: "changed" });
  const changed = async () =>
    (await sql`select 1 from messages where reference_message_id = ${large.id} and content = 'changed'`).length;
  await expect.poll(changed, { timeout: 60_000 }).toBe(1000);
  await sql`analyze messages`;
  const plans = await Promise.all([
    sql`explain select id from webhooks where source_channel_id = ${source.id} and id > 500 order by id limit 50`,
    sql`explain select msg.id from messages msg where msg.reference_message_id = ${large.id} and msg.flags & 2 <> 0
      and not msg.deleted and msg.id > 5 order by msg.id limit 50`,
  ]);
  const texts = plans.map((rows) => rows.map((row) => row["QUERY PLAN"]).join("\n"));
  expect(texts[0]).toContain("webhooks_followers");
  expect(texts[1]).toContain("messages_crossposts");
});
