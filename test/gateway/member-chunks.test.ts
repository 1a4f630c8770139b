import postgres from "postgres";
import { afterAll, expect, test } from "vitest";
import type { Json } from "../harness/client.ts";
import { addGateway, startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";

const platform = await startPlatform();
const sql = postgres(platform.stores.databaseUrl, { max: 1 });
afterAll(() => sql.end());
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const bot = await platform.bot(owner, guild.id, "8");
const EXTRA = 2500;
const GUILDS = 1;
const MEMBERS = 1 << 1;

// Members by the thousand, as no client would make them.
await sql`
  insert into users (id, username, bot) select 1000 + n, 'crowd ' || n, true from generate_series(1, ${EXTRA}::int) n`;
await sql`insert into server_members (server_id, user_id) select ${guild.id}, 1000 + n from generate_series(1, ${EXTRA}::int) n`;
await sql`update servers set member_count = member_count + ${EXTRA} where id = ${guild.id}`;

async function ask(socket: Socket, request: object): Promise<Json[]> {
  const nonce = Math.random().toString(36).slice(2);
  socket.send(8, { guild_id: guild.id, nonce, ...request });
  const first = await socket.event("GUILD_MEMBERS_CHUNK", (d) => d.nonce === nonce);
  const mine = () => socket.dispatches.filter(({ t, d }) => t === "GUILD_MEMBERS_CHUNK" && d.nonce === nonce);
  await socket.next(() => mine().length === first.d.chunk_count);
  return mine().map(({ d }) => d);
}

test("the whole list comes in chunks of a thousand, each member once, without turning the sequence back", async () => {
  const socket = await platform.socket(bot, { intents: GUILDS | MEMBERS | (1 << 9) });
  const talking = (async () => {
    for (let i = 0; i < 20; i++) await owner.post(`/channels/${guild.channelId}/messages`, { content: `${i}` });
  })();
  const chunks = await ask(socket, { query: "", limit: 0 });
  await talking;
  expect(chunks.map((d) => [d.chunk_index, d.chunk_count, d.members.length])).toEqual([
    [0, 3, 1000],
    [1, 3, 1000],
    [2, 3, EXTRA + 2 - 2000],
  ]);
  const ids = chunks.flatMap((d) => d.members.map(({ user }: Json) => user.id));
  expect(new Set(ids).size).toBe(EXTRA + 2);
  const sequence = socket.dispatches.map(({ s }) => s ?? 0);
  expect(sequence).toEqual([...sequence].sort((a, b) => a - b));
  socket.close();
});

test("by name, by ids, and those that aren't there", async () => {
  const socket = await platform.socket(bot, { intents: GUILDS });
  const [byName] = await ask(socket, { query: "CROWD 12", limit: 5 });
  expect(byName.members).toHaveLength(5);
  for (const { user } of byName.members) expect(user.username).toMatch(/^crowd 12/);
  const [many] = await ask(socket, { query: "crowd", limit: 1000 });
  expect(many.members).toHaveLength(100);
  const [byId] = await ask(socket, { user_ids: [owner.id, "5", bot.id] });
  expect(byId.members.map(({ user }: Json) => user.id).sort()).toEqual([owner.id, bot.id].sort());
  expect(byId.not_found).toEqual(["5"]);
  socket.close();
});

test("nothing for a guild one is not in, nor the whole list without the intent", async () => {
  const other = await platform.guild(await platform.person());
  const socket = await platform.socket(bot, { intents: GUILDS });
  socket.send(8, { guild_id: other.id, query: "", limit: 0, user_ids: [owner.id] });
  socket.send(8, { guild_id: guild.id, query: "", limit: 0 });
  await ask(socket, { user_ids: [owner.id] });
  expect(socket.dispatches.filter(({ t }) => t === "GUILD_MEMBERS_CHUNK")).toHaveLength(1);
  socket.send(8, { guild_id: "nonsense" });
  expect(await socket.closing()).toBe(4001);
});

test("the whole list is answered once in thirty seconds for each bot and guild, on all nodes; then RATE_LIMITED", async () => {
  const limited = await platform.bot(owner, guild.id, "8");
  const other = await platform.guild(owner);
  await owner.post(`/oauth2/authorize?client_id=${limited.id}&scope=bot&permissions=8`, {
    guild_id: other.id,
    authorize: true,
  });
  for (let i = 0; i < 2; i++) await addGateway(platform, { RATE_LIMITS: "on" });
  const intents = GUILDS | MEMBERS;
  const first = await platform.socket(limited, { gateway: 1, intents });
  await ask(first, { query: "", limit: 0 });
  await ask(first, { guild_id: other.id, query: "", limit: 0 });
  first.cut();
  const again = await Socket.open(platform.gatewayUrl(2));
  await again.resume(limited.token ?? "", first.sessionId, first.seq);
  again.send(8, { guild_id: guild.id, query: "", limit: 0, nonce: "once more" });
  const { d } = await again.event("RATE_LIMITED");
  expect(d).toEqual({
    opcode: 8,
    retry_after: expect.any(Number),
    meta: { guild_id: guild.id, nonce: "once more" },
  });
  expect(d.retry_after).toBeGreaterThan(0);
  expect(d.retry_after).toBeLessThanOrEqual(30);
  // Anything but the whole list is not counted.
  await ask(again, { query: "crowd", limit: 1 });
  await ask(again, { user_ids: [owner.id] });
  again.send(8, { guild_id: guild.id, query: "", limit: 0 });
  await again.event("RATE_LIMITED", ({ meta }) => !("nonce" in meta));
  again.close();
});
