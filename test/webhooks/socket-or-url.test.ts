import { GatewayIntentBits } from "discord-api-types/v10";
import postgres from "postgres";
import { afterAll, expect, test } from "vitest";
import type { Client, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import {
  ALL_INTENTS,
  type BothWays,
  bySocket,
  byUrl,
  differences,
  listenBothWays,
  nothingWaits,
  typesOf,
} from "./both-ways.ts";

const platform = await startPlatform();
const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
const bots: BothWays[] = [];
afterAll(async () => {
  for (const { receiver } of bots) receiver.close();
  await sql.end();
});

const VIEW_CHANNEL = 1n << 10n;
const VIEW_AUDIT_LOG = 1n << 7n;
const OPEN = { allow: String(VIEW_CHANNEL), deny: "0" };
const SHUT = { allow: "0", deny: String(VIEW_CHANNEL) };
const { Guilds, GuildMessages, DirectMessages } = GatewayIntentBits;

const owner = await platform.person("owner");
const member = await platform.person("member");
const guild = await platform.guild(owner);
await platform.join(owner, guild, member);
const path = `/guilds/${guild.id}`;

async function listener(permissions: bigint, intents: number): Promise<BothWays> {
  const bot = await platform.bot(owner, guild.id, String(permissions));
  const both = await listenBothWays(platform, sql, bot, intents, typesOf(intents));
  bots.push(both);
  return both;
}
/** One that sees much, and one that sees little. */
const seeing = await listener(VIEW_CHANNEL | VIEW_AUDIT_LOG, ALL_INTENTS);
const plain = await listener(VIEW_CHANNEL, Guilds | GuildMessages | DirectMessages);

/** Does something and waits until it is told by either way: who may see it by URL is judged when it is sent. */
async function told<T>(work: Promise<T>): Promise<T> {
  const result = await work;
  await nothingWaits(sql);
  return result;
}
const say = async (channelId: string, content: string): Promise<string> =>
  (await told(owner.post(`/channels/${channelId}/messages`, { content }))).id;
const channel = async (body: object): Promise<string> => (await told(owner.post(`${path}/channels`, body))).id;
const permit = (channelId: string, id: string, type: 0 | 1, bits: object) =>
  told(owner.put(`/channels/${channelId}/permissions/${id}`, { type, ...bits }));
const unpermit = (channelId: string, id: string) => told(owner.delete(`/channels/${channelId}/permissions/${id}`));

async function talk(text: string): Promise<void> {
  const id = await say(text, "hello");
  await say(text, `hello <@${plain.bot.id}>`);
  const message = `/channels/${text}/messages/${id}`;
  await told(owner.put(`${message}/reactions/👍/@me`));
  await told(owner.delete(`${message}/reactions/👍`));
  await told(owner.patch(message, { content: "edited" }));
  await told(owner.put(`/channels/${text}/messages/pins/${id}`));
  await told(owner.post(`/channels/${text}/typing`));
  await told(owner.post(`/channels/${text}/webhooks`, { name: "hook" }));
  const invite = await told(owner.post(`/channels/${text}/invites`, {}));
  await told(owner.delete(`/invites/${invite.code}`));
  const dm = await told(plain.bot.post("/users/@me/channels", { recipient_id: owner.id }));
  await say(dm.id, "just the two of us");
}

async function useThreads(text: string): Promise<void> {
  const { id: open } = await told(owner.post(`/channels/${text}/threads`, { name: "public", type: 11 }));
  await say(open, "in a thread");
  await told(member.put(`/channels/${open}/thread-members/@me`));
  await told(owner.put(`/channels/${open}/thread-members/${plain.bot.id}`));
  const { id: secret } = await told(owner.post(`/channels/${text}/threads`, { name: "private", type: 12 }));
  await say(secret, "for nobody else");
  await told(owner.put(`/channels/${secret}/thread-members/${seeing.bot.id}`));
  await say(secret, "for one bot");
  for (const thread of [open, secret]) {
    for (const archived of [true, false]) await told(owner.patch(`/channels/${thread}`, { archived }));
  }
  await told(owner.delete(`/channels/${secret}/thread-members/${seeing.bot.id}`));
  await say(secret, "for nobody else");
  await told(owner.delete(`/channels/${secret}`));
  const { id: shared } = await told(owner.post(`/channels/${text}/threads`, { name: "shared", type: 12 }));
  await told(owner.put(`/channels/${shared}/thread-members/${seeing.bot.id}`));
  for (const thread of [shared, open]) await told(owner.delete(`/channels/${thread}`));
}

/** Channels go out of view and come back, by all that decides it. */
async function hideAndShow(text: string): Promise<void> {
  await permit(text, plain.bot.id, 1, SHUT);
  await say(text, "not for all");
  await told(owner.patch(`/channels/${text}`, { topic: "not for all" }));
  await unpermit(text, plain.bot.id);
  const overwrites = [{ id: plain.bot.id, type: 1, ...SHUT }];
  await told(owner.patch(`/channels/${text}`, { name: "a secret", permission_overwrites: overwrites }));

  const role = await told(owner.post(`${path}/roles`, { name: "role", permissions: "0" }));
  const forRole = [
    { id: guild.id, type: 0, ...SHUT },
    { id: role.id, type: 0, ...OPEN },
  ];
  const shown = await channel({ name: "of a role", permission_overwrites: forRole });
  const rolesOf = ({ bot }: BothWays) => `${path}/members/${bot.id}/roles/${role.id}`;
  for (const both of bots) await told(owner.put(rolesOf(both)));
  await say(shown, "for the role");
  await told(owner.delete(rolesOf(plain)));
  await say(shown, "for one of them");
  await told(owner.put(rolesOf(plain)));
  await told(owner.delete(`${path}/roles/${role.id}`));

  const category = await channel({ name: "category", type: 4 });
  const child = await channel({ name: "child", parent_id: category });
  await permit(category, guild.id, 0, SHUT);
  await unpermit(category, guild.id);
  await permit(category, plain.bot.id, 1, SHUT);
  await told(owner.patch(`${path}/channels`, [{ id: child, parent_id: null }]));
  const back = [{ id: child, parent_id: category, lock_permissions: true }];
  await unpermit(child, plain.bot.id);
  await told(owner.patch(`${path}/channels`, back));
  await told(owner.delete(`/channels/${child}`));

  const roles: Json[] = await owner.get(`${path}/roles`);
  const grant = (id: string, permissions: string) => told(owner.patch(`${path}/roles/${id}`, { permissions }));
  const everyone = roles.find(({ id }) => id === guild.id);
  const own = roles.find(({ tags }) => tags?.bot_id === plain.bot.id);
  await grant(everyone.id, "0");
  for (const permissions of ["0", String(VIEW_CHANNEL)]) await grant(own.id, permissions);
  await grant(everyone.id, everyone.permissions);
}

async function speak(): Promise<void> {
  const lobby = await channel({ name: "lobby", type: 2 });
  const studio = await channel({ name: "studio", type: 2 });
  for (const { bot } of bots) await permit(studio, bot.id, 1, SHUT);
  const socket = await platform.socket(member);
  for (const channel_id of [lobby, studio, lobby, null]) {
    const before = socket.received.length;
    socket.send(4, { guild_id: guild.id, channel_id, self_mute: false, self_deaf: false });
    await expect.poll(() => socket.received.slice(before).some(({ t }) => t === "VOICE_STATE_UPDATE")).toBe(true);
    await told(Promise.resolve());
  }
  socket.close(1000);
}

async function changeMembers(): Promise<void> {
  for (const { id } of [member, plain.bot]) await told(owner.patch(`${path}/members/${id}`, { nick: "nick" }));
  await told(owner.put(`${path}/bans/${member.id}`));
  await told(owner.delete(`${path}/bans/${member.id}`));
  const other = await platform.guild(owner, "Another");
  const add = ({ bot }: BothWays) => `/oauth2/authorize?client_id=${bot.id}&scope=bot&permissions=${VIEW_CHANNEL}`;
  for (const both of bots) await told(owner.post(add(both), { guild_id: other.id, authorize: true }));
  await say(other.channelId, "hello, bots");
  for (const { bot } of bots) await told(owner.delete(`/guilds/${other.id}/members/${bot.id}`));
}

/** Presences and typing are written a moment later. */
async function same(): Promise<void> {
  for (const both of bots) {
    await expect.poll(() => differences(both), { timeout: 20_000 }).toEqual({ bySocket: [], byUrl: [] });
  }
}

test("whatever happens, a bot's URL is told what its session is: no more, no less, and nothing else", async () => {
  // Until every process has seen that somebody asks for typing and presences, and what came before is told.
  const typedBy = ({ id }: Client) => byUrl(seeing.receiver).some(({ data }) => data.user_id === id);
  const type = (by: Client) => by.post(`/channels/${guild.channelId}/typing`);
  await expect.poll(() => type(owner).then(() => typedBy(owner)), { timeout: 20_000 }).toBe(true);
  await type(member);
  await expect.poll(() => typedBy(member)).toBe(true);
  await told(seeing.socket.event("TYPING_START", ({ user_id }) => user_id === member.id));
  for (const { socket, receiver } of bots) {
    socket.received.length = 0;
    receiver.received.length = 0;
  }
  const text = await channel({ name: "text" });
  await talk(text);
  await useThreads(text);
  await hideAndShow(text);
  await speak();
  await changeMembers();
  await same();
  await told(owner.delete(path));
  for (const { socket } of bots) await socket.settled();
  await same();
  expect(new Set(byUrl(seeing.receiver).map(({ type }) => type)).size).toBeGreaterThan(30);
  // It lost the channel in the moment in which that got the name.
  expect(JSON.stringify([byUrl(plain.receiver), bySocket(plain.socket)])).not.toContain("a-secret");
});
