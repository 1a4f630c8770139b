import { GatewayIntentBits } from "discord-api-types/v10";
import postgres from "postgres";
import { afterAll, expect, test } from "vitest";
import type { Client, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { ALL_INTENTS, type BothWays, differences, listenBothWays, nothingWaits, typesOf } from "./both-ways.ts";

/** Changes of chance to one guild; a failure names its seed. */
const STEPS = Number(process.env.STEPS ?? 100);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));

const VIEW_CHANNEL = 1n << 10n;
const MANAGE_THREADS = 1n << 34n;
const ADMINISTRATOR = 1n << 3n;
const [TEXT, VOICE, CATEGORY, PUBLIC, PRIVATE] = [0, 2, 4, 11, 12];
const { Guilds, GuildMessages, GuildVoiceStates, DirectMessages } = GatewayIntentBits;

const platform = await startPlatform();
const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
const bots: BothWays[] = [];
afterAll(async () => {
  for (const { receiver } of bots) receiver.close();
  await sql.end();
});

let state = SEED;
const chance = (one: number): boolean => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32 < one;
};
function pick<T>(list: readonly T[]): T | undefined {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return list[Math.floor((state / 2 ** 32) * list.length)];
}

const owner = await platform.person("owner");
const member = await platform.person("member");
const guild = await platform.guild(owner);
await platform.join(owner, guild, member);
const path = `/guilds/${guild.id}`;
const voice = await platform.socket(owner);

/** What there is of the guild; what was deleted with something else stays here, and is refused. */
const channels: { id: string; type: number }[] = [{ id: guild.channelId, type: TEXT }];
const threads: string[] = [];
const roles: string[] = [];
const messages: { id: string; channelId: string }[] = [];
/** What the last step did. */
let calls: string[] = [];

/** Who may see something by URL is judged when it is sent: the next call comes after. */
async function call(method: string, url: string, body?: unknown, by: Client = owner): Promise<Json> {
  const answer = await by.request(method, url, body);
  calls.push(`${answer.status} ${method} ${url} ${JSON.stringify(body)}`);
  await nothingWaits(sql);
  return answer.status < 300 ? (answer.body ?? {}) : undefined;
}

const someone = (): Client => pick([member, ...bots.map(({ bot }) => bot)]) ?? member;
const channelOf = (...types: number[]): string => pick(channels.filter(({ type }) => types.includes(type)))?.id ?? "0";
const place = (): string => pick([channelOf(TEXT), pick(threads) ?? guild.channelId]) ?? guild.channelId;
const overwrite = () => {
  const whose = pick([
    { id: guild.id, type: 0 },
    { id: someone().id, type: 1 },
    ...roles.map((id) => ({ id, type: 0 })),
  ]);
  const bits = pick([
    { allow: "0", deny: String(VIEW_CHANNEL) },
    { allow: String(VIEW_CHANNEL), deny: "0" },
    { allow: String(MANAGE_THREADS), deny: "0" },
  ]);
  return { id: guild.id, type: 0, ...whose, ...bits };
};
const granted = () => String(pick([0n, VIEW_CHANNEL, VIEW_CHANNEL | MANAGE_THREADS, ADMINISTRATOR]));
const keep = <T>(list: T[], made: T | undefined) => (made === undefined ? 0 : list.push(made));

async function makeChannel(type: number, body: object): Promise<void> {
  const made = await call("POST", `${path}/channels`, { name: "channel", type, ...body });
  keep(channels, made && { id: made.id, type });
}
async function say(by: Client): Promise<void> {
  const channelId = place();
  // Who is called into an archived thread that a node doesn't know may be told twice that it is in it, by socket alone.
  const content = threads.includes(channelId) ? "hello" : `for <@${someone().id}>`;
  const made = await call("POST", `/channels/${channelId}/messages`, { content }, by);
  keep(messages, made && { id: made.id, channelId });
}
async function onMessage(does: (url: string) => Promise<unknown>): Promise<void> {
  const { channelId, id } = pick(messages) ?? { channelId: guild.channelId, id: "0" };
  await does(`/channels/${channelId}/messages/${id}`);
}
async function startThread(url: string, body: object = {}): Promise<void> {
  const made = await call("POST", `${url}/threads`, { name: "thread", ...body }, pick([owner, member]));
  keep(threads, made?.id);
}
const inThread = (does: (url: string) => Promise<unknown>) => does(`/channels/${pick(threads) ?? "0"}`);
const add = (bot: Client) =>
  call("POST", `/oauth2/authorize?client_id=${bot.id}&scope=bot&permissions=${pick([0n, VIEW_CHANNEL])}`, {
    guild_id: guild.id,
    authorize: true,
  });
/** The owner may join every channel, so that something comes of it; where it is already, that it is there. */
async function speak(): Promise<void> {
  const room = channelOf(VOICE);
  if (room === "0") return;
  const told = voice.dispatches.length;
  voice.send(4, { guild_id: guild.id, channel_id: room, self_mute: chance(0.5), self_deaf: false });
  calls.push(`voice in ${room}`);
  const joined = () =>
    voice.dispatches.slice(told).some(({ t, d }) => t === "VOICE_STATE_UPDATE" && d.channel_id === room);
  await expect.poll(joined, { timeout: 20_000, interval: 10 }).toBe(true);
}

const STEPS_OF_CHANCE: readonly (() => Promise<unknown>)[] = [
  () => makeChannel(TEXT, { permission_overwrites: [overwrite()] }),
  () => makeChannel(TEXT, { parent_id: channelOf(CATEGORY) }),
  () => makeChannel(pick([VOICE, CATEGORY]) ?? VOICE, {}),
  () => call("PATCH", `/channels/${channelOf(TEXT)}`, { topic: `topic ${state}` }),
  () => call("PATCH", `/channels/${channelOf(TEXT, VOICE)}`, { permission_overwrites: [overwrite(), overwrite()] }),
  () => {
    const { id, ...bits } = overwrite();
    return call("PUT", `/channels/${channelOf(TEXT, VOICE, CATEGORY)}/permissions/${id}`, bits);
  },
  () => call("DELETE", `/channels/${channelOf(TEXT, VOICE, CATEGORY)}/permissions/${overwrite().id}`),
  () => {
    const moved = { id: channelOf(TEXT), parent_id: channelOf(CATEGORY), lock_permissions: chance(0.5) };
    return call("PATCH", `${path}/channels`, [moved]);
  },
  async () => {
    // With a voice channel its users go a moment later.
    const id = channelOf(TEXT, CATEGORY);
    if (id !== guild.channelId && chance(0.3)) await call("DELETE", `/channels/${id}`);
  },
  async () => keep(roles, (await call("POST", `${path}/roles`, { name: "role", permissions: granted() }))?.id),
  () => call("PATCH", `${path}/roles/${pick([guild.id, ...roles])}`, { permissions: granted() }),
  () => call("PUT", `${path}/members/${someone().id}/roles/${pick(roles)}`),
  () => call("PUT", `${path}/members/${someone().id}/roles/${pick(roles)}`),
  () => call("DELETE", `${path}/members/${someone().id}/roles/${pick(roles)}`),
  async () => (chance(0.3) ? call("DELETE", `${path}/roles/${pick(roles)}`) : undefined),
  () => say(owner),
  () => say(member),
  () => onMessage((url) => call(chance(0.6) ? "PUT" : "DELETE", `${url}/reactions/👍/@me`)),
  () => onMessage((url) => call("PATCH", url, { content: "edited" })),
  () => onMessage((url) => call("DELETE", url)),
  () => onMessage((url) => startThread(url)),
  () => startThread(`/channels/${channelOf(TEXT)}`, { type: pick([PUBLIC, PRIVATE]) }),
  () => inThread((url) => call(chance(0.7) ? "PUT" : "DELETE", `${url}/thread-members/${someone().id}`)),
  () => inThread((url) => call(chance(0.7) ? "PUT" : "DELETE", `${url}/thread-members/@me`, undefined, someone())),
  () => inThread((url) => call("PATCH", url, chance(0.3) ? { name: "renamed" } : { archived: chance(0.5) })),
  () => inThread(async (url) => (chance(0.3) ? call("DELETE", url) : undefined)),
  () => speak(),
  () => call("PATCH", `${path}/members/${owner.id}`, { channel_id: channelOf(VOICE) }),
  () => call("PATCH", `${path}/members/${someone().id}`, { nick: `nick ${state}` }),
  () => call("PATCH", path, { name: `guild ${state}` }),
  () => call("POST", `/channels/${channelOf(TEXT)}/invites`, { unique: true }),
  () => add(pick(bots)?.bot ?? member),
  async () => {
    const bot = pick(bots)?.bot;
    if (bot === undefined || chance(0.5)) return;
    await call("DELETE", `${path}/members/${bot.id}`);
    await say(owner);
    await add(bot);
  },
];

test(`a bot's URL is told what its session is, whatever happens: SEED=${SEED}`, {
  timeout: 60_000 + 2000 * STEPS,
}, async () => {
  for (const [permissions, intents] of [
    [VIEW_CHANNEL, ALL_INTENTS],
    [VIEW_CHANNEL | MANAGE_THREADS, ALL_INTENTS],
    // A guild that comes is told by URL as for all intents that the application may use.
    [0n, Guilds | GuildMessages | GuildVoiceStates | DirectMessages],
  ] as const) {
    const bot = await platform.bot(owner, guild.id, String(permissions));
    // What is not kept reaches URLs when it is asked for, a second later.
    const types = typesOf(intents).filter((type) => type !== "PRESENCE_UPDATE" && type !== "TYPING_START");
    bots.push(await listenBothWays(platform, sql, bot, intents, types));
  }
  await nothingWaits(sql);
  for (const { socket, receiver } of bots) {
    await socket.settled();
    socket.received.length = 0;
    receiver.received.length = 0;
  }
  for (let step = 0; step < STEPS; step += 1) {
    calls = [];
    await pick(STEPS_OF_CHANCE)?.();
    for (const both of bots) {
      const nothing = { bySocket: [], byUrl: [] };
      await expect
        .poll(() => differences(both), { timeout: 10_000, interval: 10, message: calls.join("\n") })
        .toEqual(nothing);
    }
  }
});
