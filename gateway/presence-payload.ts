import { ActivityType } from "discord-api-types/v10";
import { z } from "zod";
import { ONLINE, type Platform, type SessionPresence } from "../core/presence-store.ts";
import { isUrl } from "../core/url.ts";

/** Longer texts are cut. The documentation names no limits; Discord's own clients allow 128 characters. */
const MAX_TEXT = 128;
const MAX_URL = 512;
const MAX_ACTIVITIES = 5;
const STREAMS = ["twitch.tv", "www.twitch.tv", "youtube.com", "www.youtube.com"];

/** Fields that only people may set: what is wrong with them is left out. Libraries send them empty. */
const forPeople = {
  details: z.string().min(1).nullish().catch(null),
  timestamps: z.object({ start: z.number().int().optional(), end: z.number().int().optional() }).nullish().catch(null),
  emoji: z
    .object({ name: z.string().min(1).max(64), id: z.string().max(20).optional(), animated: z.boolean().optional() })
    .nullish()
    .catch(null),
};

const activitySchema = z.object({
  name: z.string(),
  type: z.enum(ActivityType).default(ActivityType.Playing),
  url: z.string().nullish(),
  state: z.string().nullish(),
  ...forPeople,
});
type Activity = z.infer<typeof activitySchema>;

/** https://discord.com/developers/docs/events/gateway-events#update-presence */
export const presenceSchema = z.object({
  since: z.number().nullish(),
  activities: z.array(activitySchema).nullish(),
  // discordgo sends an empty one when nothing was set.
  status: z.enum(["online", "idle", "dnd", "invisible", "offline", ""]).nullish(),
  afk: z.boolean().nullish(),
});
export type PresencePayload = z.infer<typeof presenceSchema>;

/** https://discord.com/developers/docs/events/gateway-events#identify-identify-connection-properties */
export const propertiesSchema = z
  .object({ browser: z.string().optional(), $browser: z.string().optional() })
  .optional()
  .catch(undefined);

/** Which of a user's clients it is. A bot is a web client, unless it says that it is one of the official apps. */
export function platformOf(properties: z.infer<typeof propertiesSchema>): Platform {
  const browser = properties?.browser ?? properties?.$browser ?? "";
  if (browser === "Discord iOS" || browser === "Discord Android") return "mobile";
  return browser === "Discord Client" ? "desktop" : "web";
}

/**
 * What others may see of a payload. `since` and `afk` are nobody else's business and not kept.
 * @param now milliseconds since 1970
 */
export function presenceOf(payload: PresencePayload | null | undefined, isBot: boolean, now: number): SessionPresence {
  if (payload === null || payload === undefined) return ONLINE;
  const activities = (payload.activities ?? []).filter(({ name }) => name.length > 0).slice(0, MAX_ACTIVITIES);
  return {
    status: payload.status || "online",
    activities: activities.map((activity) => wireActivity(activity, isBot, now)),
  };
}

/** https://discord.com/developers/docs/events/gateway-events#activity-object: bots set name, state, type and url. */
function wireActivity({ name, type, url, state, details, timestamps, emoji }: Activity, isBot: boolean, now: number) {
  const streams = type === ActivityType.Streaming && isStream(url);
  return {
    // First: the presence script looks for it there, to keep the time of an activity that goes on.
    created_at: now,
    name: cut(name),
    type: type === ActivityType.Streaming && !streams ? ActivityType.Playing : type,
    ...(streams ? { url } : {}),
    ...(state ? { state: cut(state) } : {}),
    ...(isBot || !details ? {} : { details: cut(details) }),
    ...(isBot || !timestamps ? {} : { timestamps }),
    ...(isBot || !emoji ? {} : { emoji }),
  };
}

/** Only streams of these two sites are shown as such. */
function isStream(url: string | null | undefined): boolean {
  if (!url || url.length > MAX_URL || !isUrl(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" && STREAMS.includes(hostname);
}

/** By characters, not by halves of them: text that ends in half a character is no valid UTF-8. */
const cut = (text: string): string => (text.length <= MAX_TEXT ? text : [...text].slice(0, MAX_TEXT).join(""));
