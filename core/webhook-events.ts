import { ApplicationWebhookEventType } from "discord-api-types/v10";
import { EVENTS, isEventName } from "./events.ts";

/** The event of a test: sent whatever an endpoint is subscribed to. */
export const TEST_EVENT = "TEST";

/** What only an application's own endpoint can be told. https://discord.com/developers/docs/events/webhook-events#event-types */
const OF_APPLICATIONS: readonly string[] = [
  ...Object.values(ApplicationWebhookEventType),
  "LOBBY_MESSAGE_CREATE",
  "LOBBY_MESSAGE_UPDATE",
  "LOBBY_MESSAGE_DELETE",
  "GAME_DIRECT_MESSAGE_CREATE",
  "GAME_DIRECT_MESSAGE_UPDATE",
  "GAME_DIRECT_MESSAGE_DELETE",
];

/** Events of guilds that are kept; others are stale before a webhook could tell of them. */
export function isGuildWebhookEvent(type: string): boolean {
  return isEventName(type) && EVENTS[type].kept && !EVENTS[type].internal && EVENTS[type].sees !== "user";
}

/** The same, and Discord's own names, of which some never happen here. */
export function isApplicationWebhookEvent(type: string): boolean {
  return OF_APPLICATIONS.includes(type) || isGuildWebhookEvent(type);
}
