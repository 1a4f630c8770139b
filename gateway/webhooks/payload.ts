import { GatewayIntentBits } from "discord-api-types/v10";
import { z } from "zod";
import { EVENTS, isEventName } from "../../core/events.ts";
import {
  channelPermissions,
  guildPermissions,
  has,
  isThread,
  Permission,
  threadPermissions,
} from "../../core/permissions.ts";
import { TEST_EVENT } from "../../core/webhook-events.ts";
import { overwriteFacts } from "../../core/wire/channel.ts";
import { contentless } from "../frames.ts";
import { intentsOf } from "../intents.ts";
import { asLeft } from "../voice-delivery.ts";
import { ageMs, type QueuedDelivery } from "./queue.ts";
import type { Target } from "./targets.ts";

const ENABLED = 2;
/** Clients show it for ten seconds; a receiver that was away for a moment may still take it. */
const TYPING_MS = 60_000;

/** What is sent of a delivery as things stand, or why nothing is. */
type Verdict = { data: string } | { reason: string };

/** @param left the delivery's target in the voice channel that somebody left, if that is what happened */
export function judge(
  delivery: QueuedDelivery,
  data: string,
  target: Target,
  left: Target | undefined,
  now: number,
): Verdict {
  const reason = reasonToDrop(delivery, target, now);
  if (reason === undefined) return { data };
  if (left === undefined || reasonToDrop(delivery, left, now) !== undefined) return { reason };
  return { data: JSON.stringify(asLeft(JSON.parse(data))) };
}

/**
 * Why a delivery must not be sent as things stand, or undefined. What changed since the event counts: who may no
 * longer see a channel gets nothing of it any more, not even what was said before.
 */
function reasonToDrop(delivery: QueuedDelivery, target: Target, now: number): string | undefined {
  const { event_type: type, server_id: guildId, channel_id: channelId } = delivery;
  if (target.url === null) return "the endpoint has no URL";
  if (type === TEST_EVENT) return undefined;
  if (target.status !== ENABLED) return "the endpoint is switched off";
  if (!target.types.includes(type)) return "the endpoint is not subscribed to this event";
  if (type === "TYPING_START" && ageMs(delivery) > TYPING_MS) return "nobody is typing any more";
  // The application's own, or of a conversation with its bot.
  if (guildId === "0") return undefined;
  const rule = isEventName(type) ? EVENTS[type] : undefined;
  const { application } = target;
  const own = application?.botId ? ownMembership(delivery, application.botId) : undefined;
  if (application !== null && rule !== undefined) {
    const lacking = (rule.intent & ~intentsOf(application.flags)) !== 0;
    // https://discord.com/developers/docs/events/gateway#list-of-intents: its own membership a bot is always told of.
    if (lacking && own === undefined) return "the application may not use the intent of this event";
  }
  // A guild that is gone has no members to ask.
  if (type === "GUILD_DELETE" && target.guild === null) return undefined;
  if (target.guild === null || target.viewer === null) return notInGuild(target);
  if (rule?.needs && !has(guildPermissions(target.guild, target.viewer, now), Permission[rule.needs])) {
    return `${viewerOf(target)} doesn't have the permission ${rule.needs}`;
  }
  // Who was taken out of a private thread can't view it any more.
  if (channelId === null || own === "leaves") return undefined;
  if (target.channel === null) return "the channel is gone";
  return viewsChannel(target, now) ? undefined : `${viewerOf(target)} may not view the channel`;
}

/** A target holds for a second: what roles and overwrites come to is asked once in it, for all of its deliveries. */
const viewed = new WeakMap<Target, boolean>();

function viewsChannel(target: Target, now: number): boolean {
  const known = viewed.get(target);
  if (known !== undefined) return known;
  const { guild, viewer, channel } = target;
  if (guild === null || viewer === null || channel === null) return false;
  const overwrites = overwriteFacts(channel.overwrites);
  const permissions = isThread(channel.type)
    ? threadPermissions(guild, viewer, overwrites, now, channel.type, channel.joined)
    : channelPermissions(guild, viewer, overwrites, now, channel.type);
  const views = has(permissions, Permission.VIEW_CHANNEL);
  viewed.set(target, views);
  return views;
}

const changed = z
  .object({
    user: z.object({ id: z.string() }).optional(),
    added_members: z.array(z.object({ user_id: z.string() })).default([]),
    removed_member_ids: z.array(z.string()).default([]),
  })
  .transform(({ user, added_members: added, removed_member_ids: removed }) => ({
    stays: [...(user === undefined ? [] : [user.id]), ...added.map((member) => member.user_id)],
    leaves: removed,
  }));

/** Whether an event tells a bot of its own membership: that it has it, or not any more. */
function ownMembership({ event_type: type, data }: QueuedDelivery, botId: string): "stays" | "leaves" | undefined {
  if (data === null || (type !== "GUILD_MEMBER_UPDATE" && type !== "THREAD_MEMBERS_UPDATE")) return undefined;
  const { stays, leaves } = changed.parse(JSON.parse(data));
  if (leaves.includes(botId)) return "leaves";
  return stays.includes(botId) ? "stays" : undefined;
}

const viewerOf = ({ application }: Target) => (application === null ? "the member who set it up" : "the bot");
const notInGuild = (target: Target) => `${viewerOf(target)} is not in the guild`;

const message = z.object({
  author: z.object({ id: z.string() }),
  mentions: z.array(z.object({ id: z.string() })).default([]),
});

/**
 * The body as Discord sends it, with the event's number: `sequence` grows with what happened, so that any receiver can
 * sort. The event's data is not parsed but put in as it was stored, unless content must be left out.
 */
export function eventPayload(delivery: QueuedDelivery, data: string, { application }: Target): string {
  const { event_type: type, event_id: sequence, created_at: at } = delivery;
  const event = `"type":${JSON.stringify(type)},"timestamp":"${at.toISOString()}","sequence":${sequence}`;
  const of =
    application === null
      ? `"application_id":null,"subscription_id":"${delivery.endpoint_id}","guild_id":"${delivery.server_id}"`
      : `"application_id":"${application.id}"`;
  return `{"version":1,${of},"type":1,"event":{${event},"data":${visibleData(delivery, data, application)}}}`;
}

/** https://discord.com/developers/docs/events/gateway#message-content-intent */
function visibleData(delivery: QueuedDelivery, data: string, application: Target["application"]): string {
  const { event_type: type, server_id: guildId } = delivery;
  if (application === null || guildId === "0" || !isEventName(type) || !EVENTS[type].content) return data;
  if ((intentsOf(application.flags) & GatewayIntentBits.MessageContent) !== 0) return data;
  const parsed: Record<string, unknown> = JSON.parse(data);
  const shown = message.safeParse(parsed);
  const own = shown.success && [shown.data.author, ...shown.data.mentions].some(({ id }) => id === application.botId);
  return own ? data : JSON.stringify(contentless(parsed));
}
