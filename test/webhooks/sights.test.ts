import postgres from "postgres";
import { afterAll, expect, test } from "vitest";
import type { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { byUrl, nothingWaits } from "./both-ways.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

const VIEW_CHANNEL = "1024";
const MANAGER = String((1 << 29) | (1 << 5));
const TYPES = ["CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE"];

const platform = await startPlatform();
const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
const receivers: Receiver[] = [];
afterAll(async () => {
  for (const receiver of receivers) receiver.close();
  await sql.end();
});

const owner = await platform.person("owner");

/** A guild with a manager, who sees one of its channels by a role only. */
async function scene() {
  const guild = await platform.guild(owner);
  const manager = await platform.person("manager");
  await platform.join(owner, guild, manager);
  const path = `/guilds/${guild.id}`;
  const role = async (permissions: string) => (await owner.post(`${path}/roles`, { name: "role", permissions })).id;
  const [manages, sees] = [await role(MANAGER), await role("0")];
  const roles = `${path}/members/${manager.id}/roles`;
  for (const id of [manages, sees]) await owner.put(`${roles}/${id}`);
  const overwrites = [
    { id: guild.id, type: 0, allow: "0", deny: VIEW_CHANNEL },
    { id: sees, type: 0, allow: VIEW_CHANNEL, deny: "0" },
  ];
  const made = await owner.post(`${path}/channels`, { name: "for the role", permission_overwrites: overwrites });
  return { guild, manager, path, sees: `${roles}/${sees}`, channelId: String(made.id) };
}

async function subscribed(client: Client, guildId: string, more: object = {}): Promise<Receiver> {
  const receiver = await startReceiver();
  receivers.push(receiver);
  const settings = { url: receiver.url, event_types: TYPES, ...more };
  const { id } = await client.post(`/guilds/${guildId}/event-subscriptions`, settings);
  await sql`update event_endpoints set status = 2 where id = ${id}`;
  return receiver;
}

const told = (receiver: Receiver) => byUrl(receiver).map(({ type, data }) => [type, data.id]);

test("who set up a guild's URL loses a channel and gets it back: the URL is told, and none that doesn't see it so", async () => {
  const { guild, manager, path, sees, channelId } = await scene();
  const ofManager = await subscribed(manager, guild.id);
  const ofOther = await subscribed(manager, guild.id, { channel_ids: [guild.channelId] });
  const ofOwner = await subscribed(owner, guild.id);
  const lost = ["CHANNEL_DELETE", channelId];
  const back = ["CHANNEL_CREATE", channelId];
  const member = `${path}/members/${manager.id}`;
  for (const change of [() => owner.delete(sees), () => owner.put(sees), () => owner.patch(member, { roles: [] })]) {
    await change();
    await nothingWaits(sql);
  }
  expect(told(ofManager)).toEqual([lost, back, lost]);
  expect(byUrl(ofManager)[0]?.data).toMatchObject({ name: "for-the-role", guild_id: guild.id });
  await owner.patch(path, { owner_id: manager.id });
  await nothingWaits(sql);
  expect(told(ofManager)).toEqual([lost, back, lost, back]);
  expect(told(ofOwner)).toEqual([lost]);
  expect(told(ofOther)).toEqual([]);
});

test("a channel that came into view and went before it was told is not told of, one that went is", async () => {
  const { guild, manager, sees, channelId } = await scene();
  await owner.delete(sees);
  const receiver = await subscribed(manager, guild.id);
  receiver.answer = (_request, response) => response.writeHead(503).end();
  await owner.patch(`/channels/${guild.channelId}`, { topic: "the first waits" });
  await expect.poll(() => receiver.received.length).toBe(1);
  await owner.put(sees);
  await expect.poll(() => receiver.received.length).toBe(2);
  await owner.delete(sees);
  await expect.poll(() => receiver.received.length).toBe(3);
  receiver.received.length = 0;
  receiver.answer = (_request, response) => response.writeHead(204).end();
  await sql`update webhook_queue set next_attempt_at = now() where state = 'retry'`;
  await nothingWaits(sql);
  expect(told(receiver)).toEqual([
    ["CHANNEL_UPDATE", guild.channelId],
    ["CHANNEL_DELETE", channelId],
  ]);
});

test("nothing is stored for URLs that did not ask, nor of a change that is refused", async () => {
  const { guild, manager, sees, channelId } = await scene();
  const receiver = await subscribed(manager, guild.id, { event_types: ["CHANNEL_UPDATE"] });
  await owner.delete(sees);
  await owner.put(sees);
  const asking = await subscribed(manager, guild.id);
  const refused = await owner.request("PATCH", `/channels/${channelId}`, { permission_overwrites: [], parent_id: "1" });
  expect(refused.status).toBe(400);
  await nothingWaits(sql);
  expect([...told(receiver), ...told(asking)]).toEqual([]);
});
