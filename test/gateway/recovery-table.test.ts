import { Redis } from "ioredis";
import { afterAll, describe, expect, test } from "vitest";
import { guildLog, redisKeys } from "../../core/redis-keys.ts";
import type { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";

// The smallest log there may be. Redis trims in blocks of a hundred entries.
const platform = await startPlatform({ gateways: 2, env: { RESUME_MAX_EVENTS: "100" } });
const redis = new Redis(platform.stores.redisUrl);
afterAll(() => redis.quit());
const person = await platform.person();
const RESUMED = "RESUMED";
const AFRESH = "INVALID_SESSION";

interface Away {
  bot: Client;
  guildId: string;
  sessionId: string;
  /** The number of its last GUILD_CREATE. */
  startedAt: number;
  /** Numbers and contents of what it got live. */
  got: { s: number; content: string }[];
  say(count: number): Promise<void>;
  stream(): Promise<string>;
}

/** A bot in a guild of its own that has got some messages and is away now. */
async function away(live: number): Promise<Away> {
  const guild = await platform.guild(person);
  const bot = await platform.bot(person, guild.id, "8");
  const socket = await platform.socket(bot, { gateway: 0 });
  const startedAt = socket.seq;
  let said = 0;
  const say = async (count: number) => {
    for (let i = 0; i < count; i++) {
      said += 1;
      await person.post(`/channels/${guild.channelId}/messages`, { content: `message ${said}` });
    }
  };
  await say(live);
  if (live > 0) await socket.event("MESSAGE_CREATE", (d) => d.content === `message ${live}`);
  const got = messages(socket);
  socket.cut();
  const stream = async () => redisKeys.log((await redis.get(redisKeys.epoch)) ?? "", guildLog(guild.id));
  return { bot, guildId: guild.id, sessionId: socket.sessionId, startedAt, got, say, stream };
}

function messages(socket: Socket): { s: number; content: string }[] {
  const created = socket.dispatches.filter(({ t }) => t === "MESSAGE_CREATE");
  return created.map(({ s, d }) => ({ s: s ?? 0, content: String(d.content) }));
}

/** Comes back on the other node: how it ends, and which messages came. */
async function comeBack({ bot, sessionId }: Away, seq: number): Promise<[string, string[]]> {
  const socket = await Socket.open(platform.gatewayUrl(1));
  const answer = await socket.resume(bot.token ?? "", sessionId, seq);
  if (answer.op === 9) expect(answer.d).toBe(false);
  const contents = messages(socket).map(({ content }) => content);
  socket.close();
  return [answer.t ?? AFRESH, contents];
}

const numbered = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `message ${from + i}`);

describe("a session that comes back", () => {
  test("when nothing ever happened: goes on", async () => {
    const session = await away(0);
    await redis.del(await session.stream());
    expect(await comeBack(session, session.startedAt)).toEqual([RESUMED, []]);
  });

  test("from the eighth of ten: gets two", async () => {
    const session = await away(10);
    expect(await comeBack(session, session.got[7]?.s ?? 0)).toEqual([RESUMED, numbered(9, 10)]);
  });

  test("from more events ago than are kept: starts afresh", async () => {
    const session = await away(1);
    await session.say(350);
    expect(await redis.xlen(await session.stream())).toBeLessThan(350);
    expect(await comeBack(session, session.got[0]?.s ?? 0)).toEqual([AFRESH, []]);
  });

  test("from before what is left of the log: starts afresh; from its very edge: gets all", async () => {
    const session = await away(5);
    await redis.xtrim(await session.stream(), "MAXLEN", 2);
    const again = { ...session };
    // The session stays resumable for a client that had more.
    expect(await comeBack(again, session.got[2]?.s ?? 0)).toEqual([RESUMED, numbered(4, 5)]);
    expect(await comeBack(session, session.got[1]?.s ?? 0)).toEqual([AFRESH, []]);
  });

  test("from the future: is closed with 4007, and the session is over", async () => {
    const session = await away(1);
    const socket = await Socket.open(platform.gatewayUrl(1));
    socket.send(6, {
      token: session.bot.token?.replace(/^Bot /, ""),
      session_id: session.sessionId,
      seq: Number(await redis.get(redisKeys.seq)) + 1000,
    });
    expect(await socket.closing()).toBe(4007);
    expect(await comeBack(session, session.got[0]?.s ?? 0)).toEqual([AFRESH, []]);
  });

  test("from where it was: gets nothing", async () => {
    const session = await away(3);
    expect(await comeBack(session, session.got[2]?.s ?? 0)).toEqual([RESUMED, []]);
  });

  test("from its start: gets all; from zero: starts afresh, for it never had its guilds", async () => {
    const session = await away(3);
    expect(await comeBack(session, session.startedAt)).toEqual([RESUMED, numbered(1, 3)]);
    expect(await comeBack(session, 0)).toEqual([AFRESH, []]);
  });

  test("to a log that has expired: starts afresh if it missed something, else goes on", async () => {
    const missed = await away(3);
    await missed.say(1);
    await redis.pexpire(await missed.stream(), 1);
    await expect.poll(async () => redis.exists(await missed.stream())).toBe(0);
    expect(await comeBack(missed, missed.got[2]?.s ?? 0)).toEqual([AFRESH, []]);

    const complete = await away(3);
    await redis.pexpire(await complete.stream(), 1);
    await expect.poll(async () => redis.exists(await complete.stream())).toBe(0);
    expect(await comeBack(complete, complete.got[2]?.s ?? 0)).toEqual([RESUMED, []]);
  });

  test("to an expired log that has begun again: starts afresh, though the log has events after its own", async () => {
    const session = await away(3);
    await session.say(1);
    await redis.del(await session.stream());
    await session.say(1);
    expect(await comeBack(session, session.got[2]?.s ?? 0)).toEqual([AFRESH, []]);
  });

  test("while others write: goes on without a gap that is none", async () => {
    const session = await away(1);
    const writing = session.say(60);
    for (let i = 0; i < 10; i++) {
      const [how, contents] = await comeBack(session, session.got[0]?.s ?? 0);
      expect([how, contents]).toEqual([RESUMED, numbered(2, contents.length + 1)]);
    }
    await writing;
  });
});

test("everything in Redis that grows with guilds and events goes by itself, the last numbers later than the logs", async () => {
  const session = await away(3);
  const epoch = (await redis.get(redisKeys.epoch)) ?? "";
  const last = await redis.ttl(redisKeys.last(epoch, guildLog(session.guildId)));
  expect(last).toBeGreaterThan(20 * 86_400);
  const lasting = [];
  for (const key of await redis.keys("*")) if ((await redis.ttl(key)) === -1) lasting.push(key);
  const names = new Set(lasting.map((key) => key.replace(/\d+$/, "")));
  expect([...names].filter((name) => /:(last|log|done|ver|session):/.test(name))).toEqual([]);
});

test("a session of another epoch starts afresh", async () => {
  const session = await away(3);
  await redis.set(redisKeys.epoch, "another");
  // A node that hasn't noticed yet closes the socket, with a code on which clients try again.
  await expect
    .poll(() => comeBack(session, session.got[2]?.s ?? 0).catch(() => "not yet"), { timeout: 20_000 })
    .toEqual([AFRESH, []]);
});
