import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Client, Json } from "../harness/client.ts";
import { form, png } from "../harness/forms.ts";
import { startPlatform } from "../harness/platform.ts";
import { expectRefusal } from "./refusal.ts";

const platform = await startPlatform({ apis: 2 });
const owner = await platform.person("owner");
const member = await platform.person("member");
const guild = await platform.guild(owner);
await platform.join(owner, guild, member);
const messages = `/channels/${guild.channelId}/messages`;

/** Posts a message with files. */
const send = (body: object, ...files: Parameters<typeof form>[1][]): Promise<Json> =>
  owner.post(messages, form(body, ...files));
const patch = (id: string, body: object, ...files: Parameters<typeof form>[1][]): Promise<Json> =>
  owner.patch(`${messages}/${id}`, form(body, ...files));
const named = (message: Json): string[] => message.attachments.map(({ filename }: Json) => filename);
const fetched = async (url: string, headers: Record<string, string> = {}) => {
  const response = await fetch(url, { headers });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
};

describe("a message with files", () => {
  test("is told with them, to REST and to sockets, and their bytes are at their URLs", async () => {
    const socket = await platform.socket(member);
    const picture = png(30, 20);
    const message = await send({ content: "look" }, ["picture.png", picture], ["notes.txt", "some notes"]);
    expect(message.content).toBe("look");
    expect(message.attachments).toEqual([
      {
        id: expect.stringMatching(/^\d+$/),
        filename: "picture.png",
        size: picture.length,
        url: expect.stringContaining(`${platform.url()}/cdn/attachments/${guild.channelId}/`),
        proxy_url: message.attachments[0].url,
        content_type: "image/png",
        width: 30,
        height: 20,
      },
      expect.objectContaining({ filename: "notes.txt", size: 10, content_type: "text/plain; charset=utf-8" }),
    ]);
    expect((await socket.event("MESSAGE_CREATE")).d.attachments).toEqual(message.attachments);
    expect(await owner.get(`${messages}/${message.id}`)).toEqual(message);
    expect((await fetched(message.attachments[0].url)).bytes.equals(picture)).toBe(true);
    expect((await fetched(message.attachments[1].url)).bytes.toString()).toBe("some notes");
  });

  test("needs no text; a bot without MESSAGE_CONTENT is not told of them", async () => {
    const bot = await platform.bot(owner, guild.id, "8");
    const socket = await platform.socket(bot, { intents: 1 << 9 });
    const { id } = await send({}, ["a.txt", "a"]);
    expect((await socket.event("MESSAGE_CREATE", (d) => d.id === id)).d.attachments).toEqual([]);
  });

  test("says more of each by its n: name, description, title, order, spoiler", async () => {
    const attachments = [
      { id: 1, description: "the second" },
      { id: "0", filename: "other name.txt", title: "Titled", is_spoiler: true },
    ];
    const message = await send({ attachments }, ["first.txt", "1"], ["SPOILER_second.txt", "2"]);
    expect(message.attachments).toEqual([
      expect.objectContaining({ filename: "SPOILER_second.txt", description: "the second", flags: 8 }),
      expect.objectContaining({ filename: "other_name.txt", title: "Titled", flags: 8 }),
    ]);
  });

  test("may be a plain form without payload_json, as curl sends it", async () => {
    const data = new FormData();
    data.set("content", "plain");
    data.set("file", new Blob(["x"]), "x.txt");
    const message = await owner.post(messages, data);
    expect([message.content, named(message)]).toEqual(["plain", ["x.txt"]]);
  });

  test("is posted by a webhook too", async () => {
    const { id, token } = await owner.post(`/channels/${guild.channelId}/webhooks`, { name: "hook" });
    const body = form({ username: "Builds" }, ["log.txt", "passed"]);
    const message = await platform.anonymous().post(`/webhooks/${id}/${token}?wait=true`, body);
    expect(named(message)).toEqual(["log.txt"]);
    expect((await fetched(message.attachments[0].url)).bytes.toString()).toBe("passed");
  });

  test("is served by every API process", async () => {
    const message = await send({}, ["shared.txt", "shared"]);
    const elsewhere = message.attachments[0].url.replace(platform.url(0), platform.url(1));
    expect((await fetched(elsewhere)).bytes.toString()).toBe("shared");
  });

  test("with an enforced nonce, posted twice, is there once", async () => {
    const twice = [1, 2].map(() => send({ nonce: "files", enforce_nonce: true }, ["once.txt", "once"]));
    const [first, second] = await Promise.all(twice);
    expect(second).toEqual(first);
    expect(named(first)).toEqual(["once.txt"]);
  });
});

describe("a forward", () => {
  test("has the files of what it forwards, which outlive it, in its snapshot", async () => {
    const original = await send(
      { embeds: [{ image: { url: "attachment://a.png" } }] },
      ["a.png", png(2, 2)],
      ["b.txt", "b"],
    );
    const reference = { type: 1, message_id: original.id, channel_id: guild.channelId };
    const forward = await owner.post(messages, { message_reference: reference });
    expect(forward.attachments).toEqual([]);
    const [{ message: snapshot }] = forward.message_snapshots;
    expect(snapshot.attachments).toEqual(original.attachments);
    expect(snapshot.embeds).toEqual(original.embeds);
    await owner.delete(`${messages}/${original.id}`);
    expect((await fetched(snapshot.attachments[0].url)).status).toBe(200);
    expect(await owner.get(`${messages}/${forward.id}`)).toEqual(forward);
    await owner.delete(`${messages}/${forward.id}`);
    expect((await fetched(snapshot.attachments[0].url)).status).toBe(404);
    const own = form({ message_reference: { ...reference, message_id: forward.id } }, ["own.txt", "x"]);
    expectRefusal(await owner.request("POST", messages, own), 400, 50035);
  });
});

test("a post of a forum begins with files", async () => {
  const forum = await owner.post(`/guilds/${guild.id}/channels`, { name: "forum", type: 15 });
  const body = { name: "post", message: { content: "first", attachments: [{ id: 0, description: "d" }] } };
  const thread = await owner.post(`/channels/${forum.id}/threads`, form(body, ["a.txt", "a"]));
  expect(thread.message.attachments).toMatchObject([{ filename: "a.txt", description: "d" }]);
  const again = await owner.get(`/channels/${thread.id}/messages/${thread.id}`);
  expect(again.attachments).toEqual(thread.message.attachments);
  const inText = form({ name: "thread", type: 11 }, ["a.txt", "a"]);
  expectRefusal(await owner.request("POST", `/channels/${guild.channelId}/threads`, inText), 400, 50024);
});

describe("embeds", () => {
  test("show files by attachment://, which are then not told as attachments", async () => {
    const embeds = [
      {
        title: "t",
        image: { url: "attachment://a.png" },
        author: { name: "n", icon_url: "attachment://b.png" },
        thumbnail: { url: "attachment://missing.png" },
      },
    ];
    const message = await send({ embeds }, ["a.png", png(4, 5)], ["b.png", png(1, 1)], ["c.png", png(1, 1)]);
    expect(named(message)).toEqual(["c.png"]);
    const [embed] = message.embeds;
    expect(embed.image).toMatchObject({ url: expect.stringContaining("/a.png?ex="), width: 4, height: 5 });
    expect(embed.author.icon_url).toContain("/b.png?ex=");
    expect(embed.thumbnail.url).toBe("attachment://missing.png");
    expect((await fetched(embed.image.url)).status).toBe(200);
    const edited = await owner.patch(`${messages}/${message.id}`, { embeds: [] });
    expect(named(edited)).toEqual(["a.png", "b.png", "c.png"]);
  });
});

describe("an edit", () => {
  test("keeps the files it names, drops the others, adds what comes", async () => {
    const before = await send({}, ["keep.txt", "k"], ["drop.txt", "d"]);
    const [keep, drop] = before.attachments;
    const unchanged = await owner.patch(`${messages}/${before.id}`, { content: "only text" });
    expect(unchanged.attachments).toEqual(before.attachments);
    const socket = await platform.socket(member);
    const attachments = [{ id: keep.id, description: "kept" }, { id: "0" }];
    const after = await patch(before.id, { attachments }, ["new.txt", "n"]);
    expect(named(after)).toEqual(["keep.txt", "new.txt"]);
    expect(after.attachments[0]).toEqual({ ...keep, description: "kept" });
    expect((await socket.event("MESSAGE_UPDATE")).d.attachments).toEqual(after.attachments);
    expect((await fetched(drop.url)).status).toBe(404);
    expect((await fetched(keep.url)).status).toBe(200);
  });

  test("without a list adds what comes to what is there", async () => {
    const before = await send({}, ["old.txt", "o"]);
    expect(named(await patch(before.id, { content: "more" }, ["new.txt", "n"]))).toEqual(["old.txt", "new.txt"]);
  });

  test("may not leave a message empty, nor name files of other messages", async () => {
    const mine = await send({}, ["mine.txt", "m"]);
    const other = await send({}, ["other.txt", "o"]);
    const path = `${messages}/${mine.id}`;
    expectRefusal(await owner.request("PATCH", path, { attachments: [] }), 400, 50006);
    const foreign = { attachments: [{ id: mine.attachments[0].id }, { id: other.attachments[0].id }] };
    const answer = await owner.request("PATCH", path, foreign);
    expectRefusal(answer, 400, 50035);
    expect(answer.body.errors.attachments[1]._errors[0].code).toBe("ATTACHMENT_NOT_FOUND");
    expect(await owner.get(path)).toEqual(mine);
  });
});

describe("voice messages", () => {
  const ogg = Buffer.concat([Buffer.from("OggS"), Buffer.alloc(100)]);
  const metadata = { id: 0, duration_secs: 1.5, waveform: "AAAA" };
  const voice = (change: object, ...files: Parameters<typeof form>[1][]) =>
    owner.request("POST", messages, form({ flags: 8192, attachments: [metadata], ...change }, ...files));

  test("are one audio file with its length and waveform", async () => {
    const { body } = await voice({}, ["voice-message.ogg", ogg]);
    expect(body.flags).toBe(8192);
    expect(body.attachments).toMatchObject([{ content_type: "audio/ogg", duration_secs: 1.5, waveform: "AAAA" }]);
    expectRefusal(await owner.request("PATCH", `${messages}/${body.id}`, { content: "edited" }), 400, 50162);
  });

  test("are refused with anything else", async () => {
    expectRefusal(await voice({ content: "text" }, ["v.ogg", ogg]), 400, 50159);
    expectRefusal(await voice({}, ["v.ogg", "OGG? no"]), 400, 50160);
    expectRefusal(await voice({}, ["v.ogg", ogg], ["w.ogg", ogg]), 400, 50160);
    expectRefusal(await voice({ attachments: [] }, ["v.ogg", ogg]), 400, 50161);
  });

  test("need their permission", async () => {
    const quiet = await owner.post(`/guilds/${guild.id}/channels`, {
      name: "no-voice",
      permission_overwrites: [{ id: guild.id, type: 0, allow: "0", deny: String(1n << 46n) }],
    });
    const body = form({ flags: 8192, attachments: [metadata] }, ["v.ogg", ogg]);
    expectRefusal(await member.request("POST", `/channels/${quiet.id}/messages`, body), 400, 50173);
  });
});

describe("files are refused", () => {
  const post = (body: FormData, client: Client = owner) => client.request("POST", messages, body);
  const many = (n: number) => Array.from({ length: n }, (_, i): [string, string] => [`${i}.txt`, "x"]);

  test("from who may not attach any, before one is read; text may be sent", async () => {
    const shut = await owner.post(`/guilds/${guild.id}/channels`, {
      name: "no-files",
      permission_overwrites: [{ id: guild.id, type: 0, allow: "0", deny: String(1 << 15) }],
    });
    const path = `/channels/${shut.id}/messages`;
    expectRefusal(await member.request("POST", path, form({ content: "x" }, ["a.txt", "a"])), 403, 50013);
    const text = await member.post(path, form({ content: "only text" }));
    expectRefusal(await member.request("PATCH", `${path}/${text.id}`, form({}, ["a.txt", "a"])), 403, 50013);
  });

  test("beyond ten", async () => {
    expect(named(await owner.post(messages, form({}, ...many(10))))).toHaveLength(10);
    expectRefusal(await post(form({}, ...many(11))), 400, 30015);
    const nine = await send({}, ...many(9));
    const path = `${messages}/${nine.id}`;
    expectRefusal(await owner.request("PATCH", path, form({}, ...many(2))), 400, 30015);
  });

  test("when the list names one that did not come", async () => {
    const answer = await post(form({ attachments: [{ id: 5 }] }, ["a.txt", "a"]));
    expectRefusal(answer, 400, 50035);
    expect(answer.body.errors.attachments[0]._errors[0].code).toBe("ATTACHMENT_NOT_FOUND");
  });

  test("with what is wrong in the body beside them", async () => {
    expectRefusal(await post(form({ content: "x".repeat(2001) }, ["a.txt", "a"])), 400, 50035);
    const data = new FormData();
    data.set("payload_json", "{");
    data.set("files[0]", new Blob(["x"]), "x.txt");
    expectRefusal(await post(data), 400, 50109);
  });

  test("and nothing of them is left", async () => {
    expect(await readdir(join(platform.stores.dir, "files/incoming"))).toEqual([]);
  });
});
