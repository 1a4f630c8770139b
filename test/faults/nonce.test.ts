import { connect } from "node:net";
import postgres from "postgres";
import { afterAll, describe, expect, test } from "vitest";
import { Client, type Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform({ apis: 2 });
const person = await platform.person();
const guild = await platform.guild(person);
const messages = `/channels/${guild.channelId}/messages`;
const socket = await platform.socket(person);
const sql = postgres(platform.stores.databaseUrl, { max: 1 });
afterAll(async () => {
  socket.close();
  await sql.end();
});

const clients = [0, 1].map((api) => {
  const client = new Client(platform, person.token, person.id);
  client.api = api;
  return client;
});
const clientOf = (i: number): Client => clients[i % clients.length] ?? person;

const post = (i: number, nonce: string, content: string, path = messages): Promise<Json> =>
  clientOf(i).post(path, { content, nonce, enforce_nonce: true });

const rows = async (content: string) =>
  (await sql<{ id: string }[]>`select id from messages where content = ${content}`).map(({ id }) => id);

/** The events of messages with this content, once everything that was published before has come. */
async function events(content: string): Promise<string[]> {
  const { id } = await person.post(messages, { content: "the last one" });
  await socket.event("MESSAGE_CREATE", (d) => d.id === id);
  return socket.dispatches.filter(({ t, d }) => t === "MESSAGE_CREATE" && d.content === content).map(({ d }) => d.id);
}

describe("one nonce, enforced", () => {
  test("posted fifty times at once over two API processes: one row, one event, one id for all", async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => post(i, "fifty", "fifty at once")));
    const [id] = answers.map((answer) => answer.id);
    expect(new Set(answers.map((answer) => answer.id))).toEqual(new Set([id]));
    for (const answer of answers) expect(answer).toMatchObject({ content: "fifty at once", nonce: "fifty" });
    expect(await rows("fifty at once")).toEqual([id]);
    expect(await events("fifty at once")).toEqual([id]);
  });

  test("twenty nonces, each posted five times at once: twenty messages", async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) => post(i, `n${i % 20}`, `content ${i % 20}`)),
    );
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(20);
    for (let n = 0; n < 20; n++) expect(await rows(`content ${n}`)).toHaveLength(1);
  });

  test("sent anew after the connection was cut, at whatever moment: the same message", async () => {
    for (let round = 0; round < 20; round++) {
      const content = `cut ${round}`;
      const body = JSON.stringify({ content, nonce: content, enforce_nonce: true });
      await sendAndCut(platform.url(round % 2), body, round);
      const answers = [await post(round, content, content), await post(round + 1, content, content)];
      expect(answers[0].id).toBe(answers[1].id);
      expect(await rows(content)).toEqual([answers[0].id]);
      expect(await events(content)).toEqual([answers[0].id]);
    }
  });

  test("sent anew after the first API process died between storing and telling: the event comes all the same", async () => {
    const content = "stored, not told";
    const answer = await person.post(messages, { content: "a model" });
    const id = String(BigInt(answer.id) + 1n);
    // What a process leaves that is killed just after its commit.
    await sql`insert into messages (id, channel_id, author_id, content)
      values (${id}, ${guild.channelId}, ${person.id}, ${content})`;
    await sql`insert into message_nonces (author_id, channel_id, nonce, message_id)
      values (${person.id}, ${guild.channelId}, 'untold', ${id})`;
    expect((await post(0, "untold", content)).id).toBe(id);
    expect((await post(1, "untold", content)).id).toBe(id);
    expect(await events(content)).toEqual([id]);
  });

  test("in a conversation of two: one event for each", async () => {
    const other = await platform.person();
    const dm = await person.post("/users/@me/channels", { recipient_id: other.id });
    const theirs = await platform.socket(other);
    const path = `/channels/${dm.id}/messages`;
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => post(i, "dm", "in private", path)));
    const { id: last } = await person.post(path, { content: "last" });
    for (const one of [socket, theirs]) {
      await one.event("MESSAGE_CREATE", (d) => d.id === last);
      const seen = one.dispatches.filter(({ t, d }) => t === "MESSAGE_CREATE" && d.content === "in private");
      expect(seen.map(({ d }) => d.id)).toEqual([answers[0].id]);
    }
    theirs.close();
  });

  test("is the author's and the channel's own", async () => {
    const other = await platform.person();
    await platform.join(person, guild, other);
    const channel = await person.post(`/guilds/${guild.id}/channels`, { name: "second" });
    const body = { content: "own", nonce: "own", enforce_nonce: true };
    const ids = [
      (await person.post(messages, body)).id,
      (await other.post(messages, body)).id,
      (await person.post(`/channels/${channel.id}/messages`, body)).id,
    ];
    expect(new Set(ids).size).toBe(3);
  });

  test("is free again when it is older than the few minutes it is kept", async () => {
    const first = await post(0, "old", "old");
    await sql`update message_nonces set created_at = now() - interval '6 minutes' where nonce = 'old'`;
    const answers = await Promise.all(Array.from({ length: 10 }, (_, i) => post(i, "old", "old")));
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(1);
    expect(answers[0].id).not.toBe(first.id);
  });
});

test("a nonce that is not enforced stops nothing and comes back with answer and event", async () => {
  const body = { content: "not enforced", nonce: "free" };
  const answers = await Promise.all([person.post(messages, body), person.post(messages, body)]);
  expect(answers[0].id).not.toBe(answers[1].id);
  expect(await events("not enforced")).toHaveLength(2);
  const { d } = await socket.event("MESSAGE_CREATE", (message) => message.id === answers[0].id);
  expect(d.nonce).toBe("free");
});

/** Sends a POST and cuts the connection without a word, after some turns of the event loop. */
function sendAndCut(origin: string, body: string, turns: number): Promise<void> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(origin);
    const head = [
      `POST /api/v10${messages} HTTP/1.1`,
      `Host: ${hostname}`,
      `Authorization: ${person.token}`,
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    const cut = (left: number): unknown =>
      left > 0 ? setImmediate(() => cut(left - 1)) : connection.resetAndDestroy();
    const connection = connect(Number(port), hostname, () => {
      connection.write(`${head.join("\r\n")}\r\n\r\n${body}`, () => cut(turns * 2));
    });
    connection.on("error", () => {});
    connection.on("close", () => resolve());
  });
}
