import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { afterAll, describe, expect, test } from "vitest";
import { toLogEntry } from "../../core/event-log.ts";
import { insertEntries } from "../../core/outbox.ts";
import { startPlatform } from "../harness/platform.ts";

const WRITERS = 32;
const TRANSACTIONS = Number(process.env.OUTBOX_TRANSACTIONS ?? 5000);
const MAX_ROWS = 3;
const MAX_SLEEP_MS = 100;
const ROLLED_BACK = 0.3;

const platform = await startPlatform({ apis: 2 });
const person = await platform.person();
const guilds: { id: string; channelId: string }[] = [];
for (let i = 0; i < 4; i++) guilds.push(await platform.guild(person));
const sql = postgres(platform.stores.databaseUrl, { max: WRITERS, onnotice: () => {} });
const poller = postgres(platform.stores.databaseUrl, { max: 1 });
afterAll(() => Promise.all([sql.end(), poller.end()]));

/** The reader that must not be built: remembers the highest id it has seen and asks for what is above. */
async function watermarkPoller(over: () => boolean): Promise<Set<string>> {
  const seen = new Set<string>();
  let last = "0";
  for (let finished = false; !finished; await sleep(5)) {
    finished = over();
    const rows = await poller<{ id: string; content: string }[]>`
      select id, content from control where id > ${last} order by id`;
    for (const row of rows) seen.add(row.content);
    last = rows.at(-1)?.id ?? last;
  }
  return seen;
}

/** A message as events tell it; what is published here differs in its content alone. */
async function modelOf(channelId: string): Promise<object> {
  const listener = await platform.socket(person);
  await person.post(`/channels/${channelId}/messages`, { content: "model" });
  const { d } = await listener.event("MESSAGE_CREATE");
  listener.close();
  return d;
}

class RolledBack extends Error {}

describe("transactions that commit in another order than they number their rows", () => {
  test("every committed row becomes an event, once, in its transaction's order; a watermark would lose some", async () => {
    await sql`create table control (id bigint generated always as identity primary key, content text not null)`;
    const model = await modelOf(guilds[0]?.channelId ?? "");
    const socket = await platform.socket(person);
    const committed: { guildId: string; contents: string[] }[] = [];
    const rolledBack: string[] = [];
    let over = false;
    const control = watermarkPoller(() => over);

    const transaction = async (n: number) => {
      const guild = guilds[n % guilds.length];
      if (guild === undefined) throw new Error("no guild");
      const contents = Array.from({ length: 1 + (n % MAX_ROWS) }, (_, i) => `tx ${n} row ${i}`);
      const entries = contents.map((content) =>
        toLogEntry({
          t: "MESSAGE_CREATE",
          guildId: guild.id,
          channelId: guild.channelId,
          data: { ...model, guild_id: guild.id, channel_id: guild.channelId, content },
        }),
      );
      try {
        await sql.begin(async (tx) => {
          for (const [i, entry] of entries.entries()) {
            await insertEntries(tx, [entry]);
            await tx`insert into control (content) values (${contents[i] ?? ""})`;
            // Between rows too, so that the ids of several transactions interleave.
            await sleep((Math.random() * MAX_SLEEP_MS) / entries.length);
          }
          if (Math.random() < ROLLED_BACK) throw new RolledBack();
        });
        committed.push({ guildId: guild.id, contents });
      } catch (error) {
        if (!(error instanceof RolledBack)) throw error;
        rolledBack.push(...contents);
      }
    };
    let next = 0;
    const writer = async () => {
      for (let n = next++; n < TRANSACTIONS; n = next++) await transaction(n);
    };
    await Promise.all(Array.from({ length: WRITERS }, writer));
    over = true;
    const polled = await control;

    const contents = committed.flatMap((tx) => tx.contents);
    const written = new Set(contents);
    const arrived = () => socket.dispatches.flatMap(({ t, d }) => (t === "MESSAGE_CREATE" ? [String(d.content)] : []));
    for (const content of written) await socket.event("MESSAGE_CREATE", (d) => d.content === content);
    await socket.settled();
    const events = arrived();
    const lost = contents.filter((content) => !polled.has(content));
    console.log(
      `outbox: ${contents.length} rows committed, ${rolledBack.length} rolled back, ${events.length} events; ` +
        `a watermark lost ${lost.length}`,
    );
    expect(rolledBack.length).toBeGreaterThan(0);
    expect(events.filter((content) => !written.has(content))).toEqual([]);
    expect(events).toHaveLength(contents.length);
    expect(new Set(events).size).toBe(events.length);
    const position = new Map(events.map((content, i) => [content, i]));
    for (const tx of committed) {
      const positions = tx.contents.map((content) => position.get(content) ?? -1);
      expect(positions).toEqual([...positions].sort((a, b) => a - b));
    }
    // The relay commits a moment after it has published.
    await expect.poll(() => sql`select id from event_outbox`, { timeout: 10_000 }).toEqual([]);
    // The control: the same workload shows what is wrong with "greater than the last one seen".
    expect(lost.length).toBeGreaterThan(0);
    socket.close();
  });
});
