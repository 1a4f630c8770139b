import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Client } from "../harness/client.ts";
import { addGateway, startPlatform } from "../harness/platform.ts";
import type { Socket } from "../harness/socket.ts";
import { startTcpProxy } from "../harness/tcp-proxy.ts";

const VIEW_CHANNEL = "1024";
const AUTHENTICATION_FAILED = 4004;

const platform = await startPlatform({ gateways: 2, apis: 2 });
const redis = new URL(platform.stores.redisUrl);
const proxy = await startTcpProxy(Number(redis.port));
redis.port = String(proxy.port);
// The third node reaches Redis through the proxy, which can go mute.
await addGateway(platform, { REDIS_URL: redis.href });
const NODES = [0, 1, 2];
const SOCKETS_EACH = 2;

const owner = await platform.person("owner");
const guild = await platform.guild(owner);
/** Somebody on each node whose rights nobody touches. */
let controls: Socket[] = [];
/** Ids of messages whose POST began after the one at this index was answered. */
const posted: string[] = [];
let writing = true;
let writer: Promise<void> = Promise.resolve();

beforeAll(async () => {
  controls = await Promise.all(NODES.map((gateway) => platform.socket(owner, { gateway })));
  writer = (async () => {
    for (let i = 0; writing; i++) {
      const message = await owner.post(`/channels/${guild.channelId}/messages`, { content: `message ${i}` });
      posted.push(message.id);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
});
afterAll(async () => {
  writing = false;
  await writer;
});

const person = async () => {
  const newcomer = await platform.person();
  await platform.join(owner, guild, newcomer);
  return newcomer;
};

interface Case {
  what: string;
  whose: () => Promise<Client>;
  revoke: (victim: Client) => Promise<unknown>;
  closes: boolean;
}

const cases: Case[] = [
  {
    what: "a bot's token that is reset",
    whose: () => platform.bot(owner, guild.id, VIEW_CHANNEL),
    revoke: (bot) => owner.post(`/applications/${bot.id}/bot`),
    closes: true,
  },
  {
    what: "a password that is changed",
    whose: person,
    revoke: (victim) =>
      victim.post("/auth/change-password", {
        password: "correct horse battery",
        new_password: "another horse battery",
      }),
    closes: true,
  },
  { what: "a logout", whose: person, revoke: (victim) => victim.post("/auth/logout"), closes: true },
  {
    what: "a kick",
    whose: person,
    revoke: (victim) => owner.delete(`/guilds/${guild.id}/members/${victim.id}`),
    closes: false,
  },
  {
    what: "a ban",
    whose: () => platform.bot(owner, guild.id, VIEW_CHANNEL),
    revoke: (victim) => owner.put(`/guilds/${guild.id}/bans/${victim.id}`, {}),
    closes: false,
  },
  {
    what: "a channel that is denied",
    whose: person,
    revoke: (victim) =>
      owner.put(`/channels/${guild.channelId}/permissions/${victim.id}`, { type: 1, allow: "0", deny: VIEW_CHANNEL }),
    closes: false,
  },
];

describe.each([
  ["all nodes hear at once", false],
  ["a node's Redis goes mute before it", true],
] as const)("from the answer on, sockets get nothing any more: %s", (_, mute) => {
  test.each(cases)("$what", { timeout: 120_000 }, async ({ whose, revoke, closes }) => {
    const victim = await whose();
    const places = NODES.flatMap((gateway) => Array.from({ length: SOCKETS_EACH }, () => gateway));
    const sockets = await Promise.all(places.map((gateway) => platform.socket(victim, { gateway })));
    const before = posted.length;
    await expect.poll(() => posted.length).toBeGreaterThan(before + 2);
    // The tokens and rights were good: everyone gets what is said.
    for (const socket of sockets) await socket.event("MESSAGE_CREATE", (d) => d.id === posted[before + 1]);

    if (mute) proxy.mute();
    await revoke(victim);
    // One may have been under way.
    const from = posted.length + 1;
    await expect.poll(() => posted.length, { timeout: 30_000 }).toBeGreaterThan(from + 20);
    const last = posted.at(-1);
    for (const control of controls) {
      await expect
        .poll(() => control.dispatches.some(({ d }) => d.id === last), { timeout: 60_000, interval: 200 })
        .toBe(true);
    }
    const forbidden = new Set(posted.slice(from));
    for (const socket of sockets) {
      const got = socket.dispatches.filter(({ t, d }) => t === "MESSAGE_CREATE" && forbidden.has(d.id));
      expect(got.map(({ d }) => d.content)).toEqual([]);
      if (closes) expect(await socket.closing()).toBe(AUTHENTICATION_FAILED);
      else expect(socket.closed).toBeNull();
      socket.close();
    }
  });
});
