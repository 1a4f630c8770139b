import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Client } from "../harness/client.ts";
import { addApi, addGateway, startPlatform } from "../harness/platform.ts";
import { endpoint } from "../harness/processes.ts";
import { Socket } from "../harness/socket.ts";
import { startTcpProxy } from "../harness/tcp-proxy.ts";

const VIEW_CHANNEL = "1024";
const AUTHENTICATION_FAILED = 4004;
const NODES = [0, 1, 2];
/** Of each who loses something, on each node: 108 sockets in all. */
const SOCKETS_EACH = 6;
/** 50 messages in a second, as far as the machine allows. */
const PAUSE_MS = 20;

const platform = await startPlatform({ gateways: 0, apis: 0 });
const sql = postgres(platform.stores.databaseUrl, { max: 1 });
afterAll(() => sql.end());

/** A way to Redis that can go mute. */
async function redisProxy() {
  const url = new URL(platform.stores.redisUrl);
  const proxy = await startTcpProxy(Number(url.port));
  url.port = String(proxy.port);
  return { ...proxy, env: { REDIS_URL: url.href } };
}

const nodes = await Promise.all(NODES.map(redisProxy));
for (const { env } of nodes) await addGateway(platform, env);
await addApi(platform);
const apiProxy = await redisProxy();
/** The API by which everything is taken away. */
const api = await endpoint("api", 1, { ...platform.stores.env, ...apiProxy.env });
platform.apis.push(api);

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
      const pause = sleep(PAUSE_MS);
      const message = await owner.post(`/channels/${guild.channelId}/messages`, { content: `message ${i}` });
      posted.push(message.id);
      await pause;
    }
  })();
});
afterAll(async () => {
  writing = false;
  await writer;
});

interface Revocation {
  what: string;
  whose: () => Promise<Client>;
  revoke: (victim: Client) => Promise<unknown>;
  /** Whether the change is in the database. */
  committed: (victim: Client) => Promise<boolean>;
  /** What a socket hears of it: the event, or null when it is closed. */
  told: "GUILD_DELETE" | "CHANNEL_DELETE" | null;
}

const person = async () => {
  const newcomer = await platform.person();
  await platform.join(owner, guild, newcomer);
  return newcomer;
};
const bot = () => platform.bot(owner, guild.id, VIEW_CHANNEL);
const viaThatApi = ({ token, id }: Client) => Object.assign(new Client(platform, token, id), { api: 1 });
const admin = viaThatApi(owner);
const isGone = async (rows: Promise<readonly unknown[]>) => (await rows).length === 0;
const isTokenGone = ({ token }: Client) => {
  const hash = createHash("sha256")
    .update((token ?? "").replace("Bot ", ""))
    .digest();
  return isGone(sql`
    select 1 from access_tokens where token_hash = ${hash} union all select 1 from bot_tokens where token_hash = ${hash}`);
};
const isMemberGone = ({ id }: Client) =>
  isGone(sql`select 1 from server_members where user_id = ${id} and server_id = ${guild.id}`);
const passwords = { password: "correct horse battery", new_password: "another horse battery" };
const deny = { type: 1, allow: "0", deny: VIEW_CHANNEL };

const revocations: Revocation[] = [
  {
    what: "a bot's token that is reset",
    whose: bot,
    revoke: ({ id }) => admin.post(`/applications/${id}/bot`),
    committed: isTokenGone,
    told: null,
  },
  {
    what: "a password that is changed",
    whose: person,
    revoke: (victim) => viaThatApi(victim).post("/auth/change-password", passwords),
    committed: isTokenGone,
    told: null,
  },
  {
    what: "a logout",
    whose: person,
    revoke: (victim) => viaThatApi(victim).post("/auth/logout"),
    committed: isTokenGone,
    told: null,
  },
  {
    what: "a kick",
    whose: person,
    revoke: ({ id }) => admin.delete(`/guilds/${guild.id}/members/${id}`),
    committed: isMemberGone,
    told: "GUILD_DELETE",
  },
  {
    what: "a ban",
    whose: bot,
    revoke: ({ id }) => admin.put(`/guilds/${guild.id}/bans/${id}`, {}),
    committed: isMemberGone,
    told: "GUILD_DELETE",
  },
  {
    what: "a channel that is denied",
    whose: person,
    revoke: ({ id }) => admin.put(`/channels/${guild.channelId}/permissions/${id}`, deny),
    committed: async ({ id }) => !(await isGone(sql`select 1 from permission_overwrites where target_id = ${id}`)),
    told: "CHANNEL_DELETE",
  },
];

type Listener = Revocation & { victim: Client; sockets: Socket[] };

async function listen(revocation: Revocation): Promise<Listener> {
  const victim = await revocation.whose();
  const places = NODES.flatMap((gateway) => Array.from({ length: SOCKETS_EACH }, () => gateway));
  const sockets = await Promise.all(places.map((gateway) => platform.socket(victim, { gateway })));
  return { ...revocation, victim, sockets };
}

const hasHeard = ({ told }: Listener, socket: Socket) =>
  told === null ? socket.closed?.code === AUTHENTICATION_FAILED : socket.dispatches.some(({ t }) => t === told);
const revokeAll = (listeners: readonly Listener[]) =>
  Promise.all(listeners.map(({ revoke, victim }) => revoke(victim)));

const faults: [string, { harm(): void; atOnce: boolean; kills: boolean }][] = [
  ["all nodes hear at once", { harm: () => {}, atOnce: true, kills: false }],
  ["a node's Redis goes mute before it", { harm: () => nodes[2]?.mute(), atOnce: true, kills: false }],
  ["every node's does", { harm: () => void nodes.map(({ mute }) => mute()), atOnce: true, kills: false }],
  ["the API's does, and another API has to tell", { harm: () => apiProxy.mute("all"), atOnce: false, kills: false }],
  // Before it gives up telling, it is dead.
  [
    "and the API is killed before it has told anybody",
    { harm: () => apiProxy.mute("all"), atOnce: false, kills: true },
  ],
];

test.each(faults)(
  "who loses a token, a guild or a channel gets nothing of it any more: %s",
  { timeout: 180_000 },
  async (_, { harm, atOnce, kills }) => {
    const listeners = await Promise.all(revocations.map(listen));
    const before = posted.length;
    await expect.poll(() => posted.length).toBeGreaterThan(before + 2);
    // The tokens and rights were good: everyone gets what is said.
    for (const { sockets } of listeners) {
      for (const socket of sockets) await socket.event("MESSAGE_CREATE", (d) => d.id === posted[before + 1]);
    }

    harm();
    const answers = revokeAll(listeners);
    if (kills) {
      answers.catch(() => {});
      const committed = () => Promise.all(listeners.map((each) => each.committed(each.victim)));
      await expect.poll(committed, { interval: 10 }).toEqual(listeners.map(() => true));
      process.kill(api.pid(), "SIGKILL");
    } else await answers;
    const answeredAt = Date.now();
    const untold = () => listeners.flatMap((each) => each.sockets.filter((socket) => !hasHeard(each, socket)));
    if (!atOnce) await expect.poll(() => untold().length).toBe(0);
    // One may have been under way.
    const from = posted.length + 1;
    await expect.poll(() => untold().length).toBe(0);
    console.log(
      `the last of ${listeners.flatMap(({ sockets }) => sockets).length} sockets heard of it after ${Date.now() - answeredAt} ms`,
    );

    await expect.poll(() => posted.length, { timeout: 30_000 }).toBeGreaterThan(from + 20);
    const last = posted.at(-1);
    for (const control of controls) {
      await expect
        .poll(() => control.dispatches.some(({ d }) => d.id === last), { timeout: 60_000, interval: 200 })
        .toBe(true);
    }
    const forbidden = new Set(posted.slice(from));
    for (const { what, told, sockets } of listeners) {
      for (const socket of sockets) {
        const got = socket.dispatches.filter(({ t, d }) => t === "MESSAGE_CREATE" && forbidden.has(d.id));
        expect(
          got.map(({ d }) => d.content),
          what,
        ).toEqual([]);
        if (told !== null) expect(socket.closed, what).toBeNull();
        socket.close();
      }
    }
  },
);

test("a token that is taken away while sockets come with it, new ones and some that resume, leaves none of them open", async () => {
  for (let round = 0; round < 5; round++) {
    const victim = await person();
    const before = await Promise.all(Array.from({ length: 10 }, (_, i) => platform.socket(victim, { gateway: i % 3 })));
    for (const socket of before) socket.cut();
    const token = (victim.token ?? "").replace("Bot ", "");
    const sockets = await Promise.all(
      Array.from({ length: 20 }, (_, i) => Socket.open(platform.gatewayUrl((i + 1) % 3))),
    );
    for (const [i, socket] of sockets.entries()) {
      const from = before[i];
      // A few at a time, so that the logout comes before some and after others.
      setTimeout(
        () =>
          from === undefined
            ? socket.send(2, { token, intents: 513, properties: {} })
            : socket.send(6, { token, session_id: from.sessionId, seq: from.seq }),
        (i % 10) * 5,
      );
    }
    await sleep(round * 10);
    await victim.post("/auth/logout");
    await expect.poll(() => sockets.filter(({ closed }) => closed === null).length).toBe(0);
    expect(new Set(sockets.map(({ closed }) => closed?.code))).toEqual(new Set([AUTHENTICATION_FAILED]));
  }
});
