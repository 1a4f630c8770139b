import { ApplicationWebhookEventType } from "discord-api-types/v10";
import { EVENTS, type EventName, isEventName } from "./events.ts";

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

/** What is told to the one bot that it concerns; gateways make it of other events. */
const OF_A_BOT: readonly string[] = ["GUILD_CREATE", "THREAD_MEMBER_UPDATE"];

const OF_A_SESSION = "It answers what a session has sent, and whoever has none can ask by REST.";
const OF_A_PERSON = "It is told to people, never to a bot.";

/** Dispatches that sockets alone get, and why. */
export const SOCKETS_ONLY: Readonly<Record<string, string>> = {
  READY: OF_A_SESSION,
  RESUMED: OF_A_SESSION,
  GUILD_MEMBERS_CHUNK: OF_A_SESSION,
  THREAD_LIST_SYNC:
    "CHANNEL_CREATE tells that a channel has come into view, GET /guilds/ID/threads/active which threads it has.",
  VOICE_SERVER_UPDATE: OF_A_SESSION,
  INTERACTION_CREATE: "It must be answered within three seconds: set interactions_endpoint_url.",
  INTERACTION_SUCCESS: OF_A_PERSON,
  INTERACTION_FAILURE: OF_A_PERSON,
  INTERACTION_MODAL_CREATE: OF_A_PERSON,
  APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE: OF_A_PERSON,
  EVENT_ENDPOINT_DISABLED: OF_A_PERSON,
};

/** Whether an event that happens can be asked for by URL, as far as who asks may see it. */
export function isDeliverable(type: EventName): boolean {
  return !EVENTS[type].internal && !Object.hasOwn(SOCKETS_ONLY, type);
}

const deliverable = Object.keys(EVENTS).filter((type) => isEventName(type) && isDeliverable(type));

/** Those of them that are not kept for sockets. Typing is over in moments, also where a URL asked for it. */
export const PASSING_WEBHOOK_EVENTS = deliverable.filter((type) => isEventName(type) && !EVENTS[type].kept);

/** What happens in guilds. */
export const GUILD_WEBHOOK_EVENTS = deliverable.filter((type) => isEventName(type) && EVENTS[type].sees !== "user");

/** The same, in conversations with the bot as well, what the bot alone is told, and Discord's own names: some never happen. */
export const APPLICATION_WEBHOOK_EVENTS = [...OF_APPLICATIONS, ...OF_A_BOT, ...deliverable];
