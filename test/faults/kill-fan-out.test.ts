import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { expect, test } from "vitest";
import type { Json } from "../harness/client.ts";
import { startProcesses } from "../harness/processes.ts";
import { ResumingReader } from "./resuming-reader.ts";

const FOLLOWERS = 1500;

test("no follower is left out or served twice when the API processes are killed -9 in the middle of it", async () => {
  const dir = await mkdtemp(join(tmpdir(), "guildhall-fan-out-"));
  const platform = await startProcesses(dir, { apis: 2, gateways: 1 });
  const sql = postgres(platform.databaseUrl, { max: 1, onnotice: () => {} });
  let token: string | undefined;
  const ask = async (method: string, path: string, body: object = {}): Promise<Json> => {
    const headers = { "content-type": "application/json", ...(token === undefined ? {} : { authorization: token }) };
    const url = `${platform.apis[0]}/api/v10${path}`;
    const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return response.json();
  };
  const counts = async (content: string): Promise<number> =>
    (await sql`select 1 from messages where flags & 2 <> 0 and content = ${content}`).length;
  /** Kills one API after the other as soon as some copies are there, and waits until all are. */
  async function killAmid(content: string): Promise<number> {
    let kills = 0;
    for (const name of ["api 0", "api 1", "api 0"]) {
      const before = await counts(content);
      if (before === FOLLOWERS) break;
      await expect.poll(() => counts(content), { interval: 5 }).toBeGreaterThan(before);
      await platform.killAndRestart(name);
      kills += 1;
    }
    await expect.poll(() => counts(content), { timeout: 90_000 }).toBe(FOLLOWERS);
    return kills;
  }
  try {
    const account = { username: "publisher", email: "publisher@example.com", password: "correct horse battery" };
    token = (await ask("POST", "/auth/register", account)).token;
    const guild = await ask("POST", "/guilds", { name: "Published" });
    const news = await ask("POST", `/guilds/${guild.id}/channels`, { name: "news", type: 5 });
    const feed = await ask("POST", `/guilds/${guild.id}/channels`, { name: "feed" });
    await sql`
      insert into webhooks (id, type, server_id, channel_id, source_channel_id, name)
      select n, 2, ${guild.id}, ${feed.id}, ${news.id}, 'follower' from generate_series(1, ${FOLLOWERS}::int) n`;
    const reader = new ResumingReader(platform.gateways, token ?? "");
    await reader.start();
    const message = await ask("POST", `/channels/${news.id}/messages`, { content: "published" });
    await ask("POST", `/channels/${news.id}/messages/${message.id}/crosspost`);
    expect(await killAmid("published")).toBeGreaterThan(0);
    const copies = await sql<{ id: string; webhook_id: string }[]>`
      select id, webhook_id from messages where reference_message_id = ${message.id} and flags & 2 <> 0`;
    expect(new Set(copies.map((copy) => copy.webhook_id)).size).toBe(FOLLOWERS);
    const ids = copies.map((copy) => copy.id);
    await reader.hears(ids);
    expect(ids.filter((id) => !reader.heard.has(id))).toEqual([]);
    expect([reader.repeated, reader.backwards, reader.startedAfresh]).toEqual([[], [], 0]);

    await ask("PATCH", `/channels/${news.id}/messages/${message.id}`, { content: "changed" });
    expect(await killAmid("changed")).toBeGreaterThan(0);
    await reader.stop();
  } finally {
    await sql.end();
    await platform.stop();
    await rm(dir, { recursive: true, force: true });
  }
}, 240_000);
