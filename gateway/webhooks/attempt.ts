import { z } from "zod";
import type { Egress, EgressResponse } from "../../core/egress.ts";
import { EgressRefused } from "../../core/egress-rules.ts";
import { EVENTS, isEventName } from "../../core/events.ts";
import {
  channelPermissions,
  guildPermissions,
  has,
  isThread,
  Permission,
  threadPermissions,
} from "../../core/permissions.ts";
import { unseal } from "../../core/secret.ts";
import { postSigned } from "../../core/webhook-endpoint.ts";
import { overwriteFacts } from "../../core/wire/channel.ts";
import type { Delivery, Outcome, Target } from "./deliveries.ts";
import { retryDelayMs } from "./retry-schedule.ts";

const ENABLED = 2;
const MAX_ERROR_LENGTH = 500;

export interface AttemptOptions {
  /** Opens the applications' private keys. */
  secret: Buffer;
  egress: Egress;
  timeoutMs: number;
  retryDelaysMs: readonly number[];
  /** Breaks the attempt off; it is made again. */
  signal: AbortSignal;
}

/**
 * Why a delivery must not be sent as things stand, or undefined. What changed since the event counts: who may no
 * longer see a channel gets nothing of it any more, not even what was said before.
 */
export function reasonToDrop(delivery: Delivery, target: Target, now: number): string | undefined {
  if (target.url === null || target.status !== ENABLED) return "the application has no enabled URL";
  if (!target.types.includes(delivery.event_type)) return "the application is not subscribed to this event";
  if (delivery.server_id === null) return delivery.channel_id === null ? undefined : "the channel is of no guild";
  if (target.guild === null || target.bot === null) return "the bot is not in the guild";
  const needs = isEventName(delivery.event_type) ? EVENTS[delivery.event_type].needs : null;
  if (needs !== null && !has(guildPermissions(target.guild, target.bot, now), Permission[needs])) {
    return `the bot doesn't have the permission ${needs}`;
  }
  if (delivery.channel_id === null) return undefined;
  const channel = target.channel ?? deletedChannel(delivery);
  if (channel === undefined) return "the channel is gone";
  const overwrites = overwriteFacts(channel.overwrites);
  const permissions = isThread(channel.type)
    ? threadPermissions(target.guild, target.bot, overwrites, now, channel.type, channel.joined)
    : channelPermissions(target.guild, target.bot, overwrites, now, channel.type);
  return has(permissions, Permission.VIEW_CHANNEL) ? undefined : "the bot may not view the channel";
}

const bitfield = z.string().regex(/^\d{1,20}$/);
const channelInEvent = z.object({
  type: z.number(),
  permission_overwrites: z.array(
    z.object({ id: z.string(), type: z.union([z.literal(0), z.literal(1)]), allow: bitfield, deny: bitfield }),
  ),
});

/** The event of a deletion is all that is left to tell who could view the channel. */
function deletedChannel(delivery: Delivery): NonNullable<Target["channel"]> | undefined {
  if (delivery.event_type !== "CHANNEL_DELETE") return undefined;
  const parsed = channelInEvent.safeParse(JSON.parse(delivery.data));
  if (!parsed.success) return undefined;
  return { type: parsed.data.type, overwrites: parsed.data.permission_overwrites, joined: false };
}

/** The body as Discord sends it; the event's data is not parsed but put in as it was stored. */
function eventPayload(delivery: Delivery): string {
  const event = `"type":${JSON.stringify(delivery.event_type)},"timestamp":"${delivery.created_at.toISOString()}"`;
  const head = `"version":1,"application_id":"${delivery.application_id}","type":1`;
  return `{${head},"event":{${event},"data":${delivery.data}}}`;
}

/** Sends a delivery once. The delivery's id is the webhook-id, so that a receiver knows a repeat for one. */
export async function attempt(
  delivery: Delivery,
  url: string,
  sealedSeed: Buffer,
  options: AttemptOptions,
): Promise<Outcome> {
  const { secret, egress, timeoutMs, retryDelaysMs, signal } = options;
  try {
    const endpoint = { url, applicationId: delivery.application_id, seed: unseal(secret, sealedSeed) };
    const response = await postSigned(egress, endpoint, delivery.id, eventPayload(delivery), { timeoutMs, signal });
    return judge(delivery, response, retryDelaysMs);
  } catch (error) {
    if (signal.aborted) return { state: "pending", status: null, error: "broken off by a shutdown", retryInMs: 0 };
    const reason = error instanceof Error ? error.message : String(error);
    // The name may resolve otherwise tomorrow, so this is retried too.
    const why = error instanceof EgressRefused ? `refused: ${reason}` : reason;
    return failed(delivery, null, why, undefined, retryDelaysMs);
  }
}

function judge(delivery: Delivery, response: EgressResponse, retryDelaysMs: readonly number[]): Outcome {
  const { status } = response;
  if (status >= 200 && status < 300) return { state: "delivered", status, error: null };
  const error = `answered ${status}: ${response.body}`;
  if (status === 410) return { state: "dead", status, error: cut(error) };
  return failed(delivery, status, error, response.headers["retry-after"], retryDelaysMs);
}

function failed(
  delivery: Delivery,
  status: number | null,
  error: string,
  retryAfter: string | undefined,
  retryDelaysMs: readonly number[],
): Outcome {
  const retryInMs = retryDelayMs(retryDelaysMs, delivery.attempts, retryAfter, Math.random());
  if (retryInMs === undefined) return { state: "dead", status, error: cut(error) };
  return { state: "pending", status, error: cut(error), retryInMs };
}

/** Postgres has no NUL in text. */
function cut(text: string): string {
  return text.replaceAll("\0", "").slice(0, MAX_ERROR_LENGTH);
}
