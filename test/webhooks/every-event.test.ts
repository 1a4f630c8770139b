import postgres from "postgres";
import { afterAll, expect, test } from "vitest";
import { EVENTS, isEventName } from "../../core/events.ts";
import {
  APPLICATION_WEBHOOK_EVENTS,
  GUILD_WEBHOOK_EVENTS,
  isDeliverable,
  SOCKETS_ONLY,
} from "../../core/webhook-events.ts";
import { changeConversation, changeEverything } from "../gateway/everything.ts";
import type { Client, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import type { Socket } from "../harness/socket.ts";
import { ALL_INTENTS, bySocket, byUrl, comparable, listenBothWays, nothingWaits, UNPRIVILEGED } from "./both-ways.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

const platform = await startPlatform();
const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
const receivers: Receiver[] = [];
afterAll(async () => {
  for (const receiver of receivers) receiver.close();
  await sql.end();
});

const names = Object.keys(EVENTS).filter(isEventName);
const deliverable = names.filter(isDeliverable);

/** A bot that listens by socket and by URL, to all that there is. */
async function listening(owner: Client, guildId: string, permissions: string, privileged = true) {
  const bot = await platform.bot(owner, guildId, permissions);
  const both = await listenBothWays(platform, sql, bot, privileged ? ALL_INTENTS : UNPRIVILEGED);
  receivers.push(both.receiver);
  return both;
}

const told = (receiver: Receiver, guildId = ""): string[] =>
  byUrl(receiver).flatMap(({ type, data }) => lines(type, data, guildId));
const sent = (socket: Socket, guildId: string): string[] =>
  bySocket(socket).flatMap(({ type, data }) => lines(type, data, guildId));
/** Of other guilds, which a bot is in for a moment, what is not sent by then is not sent any more. */
function lines(type: string, data: Json, guildId: string): string[] {
  const of = type === "GUILD_CREATE" ? data.id : (data.guild_id ?? guildId);
  return guildId !== "" && of !== guildId ? [] : [comparable({ type, data })];
}

test("every event can be asked for by an application, or it is said why not", async () => {
  for (const name of names.filter((each) => !each.startsWith("$"))) {
    expect([name, APPLICATION_WEBHOOK_EVENTS.includes(name)]).toEqual([name, SOCKETS_ONLY[name] === undefined]);
  }
  const bot = await platform.bot(await platform.person());
  for (const [type, reason] of Object.entries(SOCKETS_ONLY)) {
    const answer = await bot.request("PATCH", "/applications/@me", { event_webhooks_types: [type] });
    expect(answer.body.errors.event_webhooks_types[0]._errors[0].message).toContain(reason);
  }
});

test("an application's URL gets exactly what its bot's socket gets, a guild's what its maker's does", async () => {
  const owner = await platform.person("owner");
  const member = await platform.person("member");
  const guild = await platform.guild(owner);
  await platform.join(owner, guild, member);
  const seeing = await listening(owner, guild.id, "8");
  const blind = await listening(owner, guild.id, "0");
  const plain = await listening(owner, guild.id, "8", false);
  const ofGuild = { receiver: await startReceiver(), socket: await platform.socket(owner) };
  receivers.push(ofGuild.receiver);
  const { id: subscription } = await owner.post(`/guilds/${guild.id}/event-subscriptions`, {
    url: ofGuild.receiver.url,
    event_types: GUILD_WEBHOOK_EVENTS,
  });
  await sql`update event_endpoints set status = 2 where id = ${subscription}`;
  // Until every process has seen that somebody asks for typing and presences.
  await expect
    .poll(async () => {
      await owner.post(`/channels/${guild.channelId}/typing`);
      return [...receivers].map((receiver) => told(receiver).some((each) => each.startsWith("TYPING_START")));
    })
    .toEqual([true, true, true, true]);
  await nothingWaits(sql);
  for (const { socket } of [seeing, blind, plain, ofGuild]) {
    await socket.settled();
    socket.received.length = 0;
  }
  for (const receiver of receivers) receiver.received.length = 0;

  await changeEverything(platform, { owner, member, bot: seeing.bot, blind: [blind.bot] }, guild);
  const command = await seeing.bot.post(`/applications/${seeing.bot.id}/commands`, {
    name: "ping",
    description: "Pong",
  });
  await owner.put(`/applications/${seeing.bot.id}/guilds/${guild.id}/commands/${command.id}/permissions`, {
    permissions: [{ id: member.id, type: 2, permission: false }],
  });
  await plain.bot.patch(`/guilds/${guild.id}/members/@me`, { nick: "Its own membership" });
  const secret = await owner.post(`/channels/${guild.channelId}/threads`, { name: "private", type: 12 });
  for (const one of [blind, plain]) {
    // Who may see it is judged when it is sent.
    await nothingWaits(sql);
    await owner.put(`/channels/${secret.id}/thread-members/${one.bot.id}`);
    await one.socket.event("THREAD_MEMBERS_UPDATE", (d) => d.id === secret.id && d.added_members?.length === 1);
    await nothingWaits(sql);
    await owner.delete(`/channels/${secret.id}/thread-members/${one.bot.id}`);
  }
  const dm = await seeing.bot.post("/users/@me/channels", { recipient_id: owner.id });
  await changeConversation(owner, seeing.bot);

  for (const { socket } of [seeing, blind, plain, ofGuild]) await socket.settled();
  const inGuild = sent(ofGuild.socket, guild.id).filter(
    (each) => GUILD_WEBHOOK_EVENTS.includes(each.split(" ")[0] ?? "") && !each.includes(dm.id),
  );
  await expect.poll(() => told(ofGuild.receiver, guild.id).sort(), { timeout: 20_000 }).toEqual(inGuild.sort());

  await owner.delete(`/guilds/${guild.id}`);
  for (const { socket, receiver } of [seeing, blind, plain]) {
    await socket.event("GUILD_DELETE", (d) => d.id === guild.id);
    const received = () => told(receiver, guild.id).sort();
    await expect.poll(received, { timeout: 20_000 }).toEqual(sent(socket, guild.id).sort());
  }
  const heard = new Set(told(seeing.receiver).map((each) => each.split(" ")[0]));
  expect([...deliverable, "THREAD_MEMBER_UPDATE"].filter((name) => !heard.has(name))).toEqual([]);
});
