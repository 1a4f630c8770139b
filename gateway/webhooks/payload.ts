import { ApplicationFlags, GatewayIntentBits } from "discord-api-types/v10";
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
import type { QueuedDelivery } from "./queue.ts";
import type { Target } from "./targets.ts";

const ENABLED = 2;
/** What an application must have to hear of an event, as a session must ask for it: either form of the flag. */
const PRIVILEGED = [
  [GatewayIntentBits.GuildMembers, ApplicationFlags.GatewayGuildMembers | ApplicationFlags.GatewayGuildMembersLimited],
  [GatewayIntentBits.GuildPresences, ApplicationFlags.GatewayPresence | ApplicationFlags.GatewayPresenceLimited],
] as const;
const CONTENT_FLAGS = ApplicationFlags.GatewayMessageContent | ApplicationFlags.GatewayMessageContentLimited;

/**
 * Why a delivery must not be sent as things stand, or undefined. What changed since the event counts: who may no
 * longer see a channel gets nothing of it any more, not even what was said before.
 */
export function reasonToDrop(delivery: QueuedDelivery, target: Target, now: number): string | undefined {
  const { event_type: type, server_id: guildId, channel_id: channelId } = delivery;
  if (target.url === null) return "the endpoint has no URL";
  if (type === TEST_EVENT) return undefined;
  if (target.status !== ENABLED) return "the endpoint is switched off";
  if (!target.types.includes(type)) return "the endpoint is not subscribed to this event";
  if (guildId === "0") return channelId === null ? undefined : "the channel is of no guild";
  const rule = isEventName(type) ? EVENTS[type] : undefined;
  const { application } = target;
  if (application !== null && rule !== undefined) {
    const lacking = PRIVILEGED.some(([intent, flags]) => rule.intent === intent && (application.flags & flags) === 0);
    if (lacking) return "the application may not use the intent of this event";
  }
  // A guild that is gone has no members to ask.
  if (type === "GUILD_DELETE" && target.guild === null) return undefined;
  if (target.guild === null || target.viewer === null) return notInGuild(target);
  if (rule?.needs && !has(guildPermissions(target.guild, target.viewer, now), Permission[rule.needs])) {
    return `${viewerOf(target)} doesn't have the permission ${rule.needs}`;
  }
  if (channelId === null) return undefined;
  const channel = target.channel ?? deletedChannel(delivery);
  if (channel === undefined) return "the channel is gone";
  const overwrites = overwriteFacts(channel.overwrites);
  const permissions = isThread(channel.type)
    ? threadPermissions(target.guild, target.viewer, overwrites, now, channel.type, channel.joined)
    : channelPermissions(target.guild, target.viewer, overwrites, now, channel.type);
  return has(permissions, Permission.VIEW_CHANNEL) ? undefined : `${viewerOf(target)} may not view the channel`;
}

const viewerOf = ({ application }: Target) => (application === null ? "the member who set it up" : "the bot");
const notInGuild = (target: Target) => `${viewerOf(target)} is not in the guild`;

const bitfield = z.string().regex(/^\d{1,20}$/);
const channelInEvent = z.object({
  type: z.number(),
  permission_overwrites: z.array(
    z.object({ id: z.string(), type: z.union([z.literal(0), z.literal(1)]), allow: bitfield, deny: bitfield }),
  ),
});

/** The event of a deletion is all that is left to tell who could view the channel. */
function deletedChannel(delivery: QueuedDelivery): NonNullable<Target["channel"]> | undefined {
  if (delivery.event_type !== "CHANNEL_DELETE" || delivery.data === null) return undefined;
  const parsed = channelInEvent.safeParse(JSON.parse(delivery.data));
  if (!parsed.success) return undefined;
  return { type: parsed.data.type, overwrites: parsed.data.permission_overwrites, joined: false };
}

const message = z.object({
  author: z.object({ id: z.string() }),
  mentions: z.array(z.object({ id: z.string() })).default([]),
});

/**
 * The body as Discord sends it, with the event's number: `sequence` grows with what happened, so that any receiver can
 * sort. The event's data is not parsed but put in as it was stored, unless content must be left out.
 */
export function eventPayload(delivery: QueuedDelivery & { data: string }, { application }: Target): string {
  const { event_type: type, event_id: sequence, created_at: at } = delivery;
  const event = `"type":${JSON.stringify(type)},"timestamp":"${at.toISOString()}","sequence":${sequence}`;
  const of =
    application === null
      ? `"application_id":null,"subscription_id":"${delivery.endpoint_id}","guild_id":"${delivery.server_id}"`
      : `"application_id":"${application.id}"`;
  return `{"version":1,${of},"type":1,"event":{${event},"data":${visibleData(delivery, application)}}}`;
}

/** https://discord.com/developers/docs/events/gateway#message-content-intent */
function visibleData(delivery: QueuedDelivery & { data: string }, application: Target["application"]): string {
  const { event_type: type, data } = delivery;
  if (application === null || !isEventName(type) || !EVENTS[type].content) return data;
  if ((application.flags & CONTENT_FLAGS) !== 0) return data;
  const parsed: Record<string, unknown> = JSON.parse(data);
  const shown = message.safeParse(parsed);
  const own = shown.success && [shown.data.author, ...shown.data.mentions].some(({ id }) => id === application.botId);
  return own ? data : JSON.stringify(contentless(parsed));
}
