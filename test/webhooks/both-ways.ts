import { ApplicationWebhookEventType, GatewayIntentBits } from "discord-api-types/v10";
import type postgres from "postgres";
import { expect } from "vitest";
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
export const DISPATCHES = APPLICATION_WEBHOOK_EVENTS.filter((type) => !OF_URLS.includes(type));

/** A bot that listens by socket and by URL. */
export interface BothWays {
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
  return { bot, receiver, socket: await platform.socket(bot, { intents }) };
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

/** What must be the same by either way. A node doesn't follow the messages of channels, nor what is counted of threads. */
export function comparable({ type, data }: Told): string {
  const { last_message_id, last_pin_timestamp, ...shown } = data;
  if (type === "THREAD_CREATE" && data.member !== undefined) return `${type} ${JSON.stringify([data.id, data.member])}`;
  return `${type} ${JSON.stringify(type.startsWith("CHANNEL_") ? shown : data)}`;
}

/** Resolves when everything was sent: who may see something is judged when it is. */
export const nothingWaits = (sql: postgres.Sql) =>
  expect.poll(async () => (await sql`select from webhook_queue`).length, { timeout: 20_000, interval: 20 }).toBe(0);
