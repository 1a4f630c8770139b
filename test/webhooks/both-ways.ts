import { ApplicationWebhookEventType, GatewayIntentBits } from "discord-api-types/v10";
import type postgres from "postgres";
import { expect } from "vitest";
import { EVENTS, isEventName } from "../../core/events.ts";
import { APPLICATION_WEBHOOK_EVENTS, SOCKETS_ONLY } from "../../core/webhook-events.ts";
import type { Client, Json } from "../harness/client.ts";
import type { Platform } from "../harness/platform.ts";
import type { Socket } from "../harness/socket.ts";
import { type Receiver, startReceiver, verifiesAsDiscord } from "./receiver.ts";

const PRIVILEGED = GatewayIntentBits.GuildMembers | GatewayIntentBits.GuildPresences | GatewayIntentBits.MessageContent;
export const ALL_INTENTS = 53_608_447;
export const UNPRIVILEGED = ALL_INTENTS & ~PRIVILEGED;

/** What gateways dispatch as well. */
const OF_URLS: readonly string[] = Object.values(ApplicationWebhookEventType);
const DISPATCHES = APPLICATION_WEBHOOK_EVENTS.filter((type) => !OF_URLS.includes(type));

/** What a session with these intents is told of, and of its own memberships whatever it asks for. */
export const typesOf = (intents: number): string[] =>
  DISPATCHES.filter((type) => {
    const intent = isEventName(type) ? EVENTS[type].intent : 0;
    return intent === 0 || (intent & intents) !== 0 || /^(GUILD_MEMBER|THREAD_MEMBERS)_UPDATE$/.test(type);
  });

/** A bot that listens by socket and by URL. */
export interface BothWays {
  /** What it asked for by URL. */
  types: readonly string[];
  bot: Client;
  receiver: Receiver;
  socket: Socket;
}

/** @param intents what the session asks for, and of what is privileged, what the application has */
export async function listenBothWays(
  platform: Platform,
  sql: postgres.Sql,
  bot: Client,
  intents: number,
  types: readonly string[] = DISPATCHES,
): Promise<BothWays> {
  if ((intents & PRIVILEGED) === 0) await sql`update applications set flags = 0 where id = ${bot.id}`;
  const receiver = await startReceiver();
  const key = Buffer.from((await bot.get("/applications/@me")).verify_key, "hex");
  receiver.answer = (request, response) => response.writeHead(verifiesAsDiscord(request, key) ? 204 : 401).end();
  const settings = { event_webhooks_url: receiver.url, event_webhooks_status: 2, event_webhooks_types: types };
  await bot.patch("/applications/@me", settings);
  return { types, bot, receiver, socket: await platform.socket(bot, { intents }) };
}

export interface Told {
  type: string;
  data: Json;
}

/** What came by URL, once each, in the order of what happened. */
export function byUrl({ received }: Receiver): Told[] {
  const byId = new Map(
    received.map(({ headers, body }): [string, Json] => [headers["webhook-id"] ?? "", JSON.parse(body)]),
  );
  const events: (Told & { sequence: number })[] = [...byId.values()].flatMap(({ event }) => event ?? []);
  return events.sort((one, other) => one.sequence - other.sequence).map(({ type, data }) => ({ type, data }));
}

/** What came by socket, without what sockets alone get. */
export const bySocket = ({ dispatches }: Socket): Told[] =>
  dispatches.flatMap(({ t, d }) => (t === null || t in SOCKETS_ONLY ? [] : [{ type: t, data: d }]));

/**
 * What must be the same by either way. A node doesn't follow the messages of channels, nor what is counted of threads; with
 * a session the bot itself comes online in a guild that it is added to.
 */
export function comparable({ type, data }: Told): string {
  const { last_message_id, last_pin_timestamp, ...channel } = data;
  const { presences, ...guild } = data;
  if (type === "THREAD_CREATE" && data.member !== undefined) return `${type} ${JSON.stringify([data.id, data.member])}`;
  if (type === "GUILD_CREATE") return `${type} ${JSON.stringify(guild)}`;
  return `${type} ${JSON.stringify(type.startsWith("CHANNEL_") ? channel : data)}`;
}

/** What a bot was told by one way alone. */
export function differences({ types, socket, receiver }: BothWays): { bySocket: string[]; byUrl: string[] } {
  const here = bySocket(socket).flatMap((told) => (types.includes(told.type) ? comparable(told) : []));
  const there = byUrl(receiver).map(comparable);
  return { bySocket: without(here, there), byUrl: without(there, here) };
}

/** Each of the others takes one away. */
function without(some: readonly string[], others: readonly string[]): string[] {
  const rest = [...others];
  return some.filter((one) => {
    const at = rest.indexOf(one);
    if (at !== -1) rest.splice(at, 1);
    return at === -1;
  });
}

/** Resolves when everything was sent: who may see something is judged when it is. */
export const nothingWaits = (sql: postgres.Sql) =>
  expect.poll(async () => (await sql`select from webhook_queue`).length, { timeout: 20_000, interval: 20 }).toBe(0);
