import postgres from "postgres";
import { afterAll, expect, test } from "vitest";
import type { Client, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { ALL_INTENTS, type BothWays, bySocket, byUrl, listenBothWays, nothingWaits, type Told } from "./both-ways.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

const VIEW_CHANNEL = "1024";
const TYPES = ["VOICE_STATE_UPDATE"];

const platform = await startPlatform();
const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
const receivers: Receiver[] = [];
afterAll(async () => {
  for (const receiver of receivers) receiver.close();
  await sql.end();
});

const owner = await platform.person("owner");
const manager = await platform.person("manager");
const guild = await platform.guild(owner);
await platform.join(owner, guild, manager);
const role = await owner.post(`/guilds/${guild.id}/roles`, {
  name: "manager",
  permissions: String((1 << 29) | (1 << 5)),
});
await owner.put(`/guilds/${guild.id}/members/${manager.id}/roles/${role.id}`);
const bot = await platform.bot(owner, guild.id, VIEW_CHANNEL);

const room = async (name: string, hiddenFrom: readonly Client[] = []): Promise<string> => {
  const overwrites = hiddenFrom.map(({ id }) => ({ id, type: 1, allow: "0", deny: VIEW_CHANNEL }));
  const made = await owner.post(`/guilds/${guild.id}/channels`, { name, type: 2, permission_overwrites: overwrites });
  return made.id;
};
const [seen, alsoSeen] = [await room("seen"), await room("also seen")];
const [hidden, alsoHidden] = [await room("hidden", [bot, manager]), await room("also hidden", [bot, manager])];

async function subscription(client: Client, more: object = {}): Promise<Receiver> {
  const receiver = await startReceiver();
  receivers.push(receiver);
  const settings = { url: receiver.url, event_types: TYPES, ...more };
  const { id } = await client.post(`/guilds/${guild.id}/event-subscriptions`, settings);
  await sql`update event_endpoints set status = 2 where id = ${id}`;
  return receiver;
}

const places = (events: readonly Told[]) => events.map(({ data }) => data.channel_id);
const states = ({ socket }: BothWays) => bySocket(socket).filter(({ type }) => type === "VOICE_STATE_UPDATE");

test("a move is told by URL as by socket: of a channel that can't be seen, no more than that somebody left for it", async () => {
  const both = await listenBothWays(platform, sql, bot, ALL_INTENTS, TYPES);
  receivers.push(both.receiver);
  const ofManager = await subscription(manager);
  const ofOneChannel = await subscription(owner, { channel_ids: [seen] });
  const person = await platform.person();
  await platform.join(owner, guild, person);
  const socket = await platform.socket(person);
  const go = async (channelId: string | null) => {
    const before = socket.dispatches.length;
    socket.send(4, { guild_id: guild.id, channel_id: channelId, self_mute: false, self_deaf: false });
    const isIt = (t: string | null, d: Json) => t === "VOICE_STATE_UPDATE" && d.channel_id === channelId;
    await expect.poll(() => socket.dispatches.slice(before).some(({ t, d }) => isIt(t, d))).toBe(true);
  };

  for (const to of [seen, alsoSeen, hidden, alsoHidden, seen, hidden, null, hidden, seen]) await go(to);
  await owner.patch(`/guilds/${guild.id}/members/${person.id}`, { channel_id: hidden });
  await owner.patch(`/guilds/${guild.id}/members/${person.id}`, { mute: true });
  await owner.patch(`/guilds/${guild.id}/members/${person.id}`, { channel_id: alsoSeen });

  const told = [seen, alsoSeen, null, seen, null, seen, null, alsoSeen];
  await nothingWaits(sql);
  await expect.poll(() => places(states(both))).toEqual(told);
  expect(byUrl(both.receiver)).toEqual(states(both));
  expect(byUrl(ofManager)).toEqual(states(both));
  expect(places(byUrl(ofOneChannel))).toEqual([seen, alsoSeen, seen, hidden, seen, hidden]);
  const everything = [both.receiver, ofManager].flatMap(({ received }) => received.map(({ body }) => body)).join();
  for (const secret of [hidden, alsoHidden]) expect(everything).not.toContain(secret);
});

test("who may see where somebody went is judged when it is sent, of both channels", async () => {
  const late = await subscription(manager);
  late.answer = (_request, response) => response.writeHead(503).end();
  const person = await platform.person();
  await platform.join(owner, guild, person);
  const socket = await platform.socket(person);
  for (const channel_id of [seen, alsoSeen]) {
    socket.send(4, { guild_id: guild.id, channel_id, self_mute: false, self_deaf: false });
  }
  await expect.poll(() => late.received.length).toBe(2);
  late.received.length = 0;
  late.answer = (_request, response) => response.writeHead(204).end();
  await owner.put(`/channels/${alsoSeen}/permissions/${manager.id}`, { type: 1, allow: "0", deny: VIEW_CHANNEL });
  await sql`update webhook_queue set next_attempt_at = now() where state = 'retry'`;
  await nothingWaits(sql);
  expect(places(byUrl(late))).toEqual([seen, null]);
  socket.close();
});
