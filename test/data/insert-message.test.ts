import postgres from "postgres";
import { afterAll, expect, test, vi } from "vitest";
import { joinAll, makeGuilds, makePeople } from "../../loadtest/bench/world.ts";
import { insertMessage, type NewMessage } from "../../src/store/insert-message.ts";
import { startStores } from "../harness/platform.ts";

const { databaseUrl } = await startStores();
const sql = postgres(databaseUrl, { max: 4, onnotice: () => {} });
afterAll(() => sql.end({ timeout: 1 }));

const [author] = await makePeople(sql, 1);
if (author === undefined) throw new Error("no people");
const [one, other] = await makeGuilds(sql, 2, author);
if (one === undefined || other === undefined) throw new Error("no guilds");
await joinAll(sql, one, [author]);

let made = 0;
const message = (channelId: string): NewMessage => ({
  id: String(10n ** 17n + BigInt(++made)),
  place: { type: "guild", id: channelId },
  authorId: author.id,
  type: 0,
  flags: 0,
  content: `number ${made}`,
  embeds: [],
  components: [],
  tts: false,
  mentionEveryone: false,
  mentions: [],
  mentionRoles: [],
  reference: null,
  createdAt: new Date(),
  enforcedNonce: null,
});
const insert = (each: NewMessage) => insertMessage(sql, each, "g:1", []);
const stored = async (all: readonly NewMessage[]) =>
  (
    await sql<
      { content: string }[]
    >`select content from messages where id = any(${all.map(({ id }) => id)}) order by id`
  ).map(({ content }) => content);

test("messages of one turn are stored by one statement, each with its own content", async () => {
  const all = [one, other, one].map(({ channelId }) => message(channelId));
  const outcomes = await Promise.all(all.map(insert));
  expect(outcomes).toEqual(all.map(({ id }) => ({ made: true, id, outboxPending: false })));
  expect(await stored(all)).toEqual(all.map(({ content }) => content));
  const [row] = await sql<[{ n: number }]>`
    select count(distinct xmin::text)::int as n from messages where id = any(${all.map(({ id }) => id)})`;
  expect(row.n).toBe(1);
});

test("one whose channel is gone fails alone", async () => {
  const all = [one.channelId, "1", other.channelId].map(message);
  const outcomes = await Promise.allSettled(all.map(insert));
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(await stored(all)).toEqual([all[0]?.content, all[2]?.content]);
});

test("when they wait in a circle with a change of channels, each is stored after all", async () => {
  const all = [one, other].map(({ channelId }) => message(channelId));
  let inserting: Promise<unknown> = Promise.resolve();
  await sql.begin(async (tx) => {
    // Not this one: Postgres ends whichever looks first.
    await tx`set local deadlock_timeout = '60s'`;
    await tx`select 1 from channels where id = ${other.channelId} for update`;
    inserting = Promise.all(all.map(insert));
    await vi.waitFor(async () => {
      const waiting = await sql`
        select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%insert into messages%'`;
      expect(waiting.length).toBe(1);
    });
    await tx`select 1 from channels where id = ${one.channelId} for update`;
  });
  await inserting;
  expect(await stored(all)).toEqual(all.map(({ content }) => content));
});
