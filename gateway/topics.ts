import { GatewayIntentBits } from "discord-api-types/v10";
import type { EventRule } from "../core/events.ts";
import type { Format } from "./frames.ts";

/**
 * What makes two sessions get the same bytes: intents, format, and whether the account needs MESSAGE_CONTENT.
 * Sessions of one profile share topics; a node's work per event is the number of profiles, not of sockets.
 */
export interface Profile {
  /** Short name of this profile in this process, part of topic names. */
  id: number;
  intents: number;
  format: Format;
  /** False for bots without MESSAGE_CONTENT, whose messages differ by recipient. */
  seesContent: boolean;
}

const profiles = new Map<string, Profile>();

export function profileOf(intents: number, format: Format, isBot: boolean): Profile {
  const seesContent = !isBot || (intents & GatewayIntentBits.MessageContent) !== 0;
  const key = `${intents}|${format.encoding}|${format.compression}|${seesContent}`;
  let profile = profiles.get(key);
  if (profile === undefined) {
    profile = { id: profiles.size, intents, format, seesContent };
    profiles.set(key, profile);
  }
  return profile;
}

/** Whether a session of this profile asked for the event; guild or conversation have intents of their own. */
export function wants(profile: Profile, rule: EventRule, inGuild: boolean): boolean {
  const intent = inGuild ? rule.intent : rule.dmIntent;
  return intent === 0 || (profile.intents & intent) !== 0;
}

/**
 * A visibility class: those who see the same events. `v:ID` a guild's members who view channels that no overwrite
 * hides or shows, `h:ID` its other members, `c:ID` those who may view one channel that has such an overwrite, or one private
 * thread; other threads are seen with the channel they are in. What all members see goes to the first two: each is in exactly one of them, so that a guild is one topic for most sessions.
 */
export type VisibilityClass = `v:${string}` | `h:${string}` | `c:${string}`;

/** The classes that a session has entered in a guild; one set for all whose classes are the same. */
export type ClassSet = ReadonlySet<VisibilityClass>;

export const NO_CLASSES: ClassSet = new Set();

/** The uWebSockets topic of a class and profile. */
export const topicName = (visibility: VisibilityClass, profile: Profile): string => `${visibility}|${profile.id}`;

/**
 * How many sessions of which profile are present in which class on this node. Sessions enter when released and leave
 * when held or closed; a class without sessions has no entry.
 */
export class TopicRegistry {
  readonly #classes = new Map<VisibilityClass, Map<Profile, number>>();

  enter(visibility: VisibilityClass, profile: Profile): void {
    let crowds = this.#classes.get(visibility);
    if (crowds === undefined) {
      crowds = new Map();
      this.#classes.set(visibility, crowds);
    }
    crowds.set(profile, (crowds.get(profile) ?? 0) + 1);
  }

  leave(visibility: VisibilityClass, profile: Profile): void {
    const crowds = this.#classes.get(visibility);
    const size = crowds?.get(profile);
    if (crowds === undefined || size === undefined) return;
    if (size > 1) crowds.set(profile, size - 1);
    else crowds.delete(profile);
    if (crowds.size === 0) this.#classes.delete(visibility);
  }

  /** The profiles that someone in the class has. */
  profiles(visibility: VisibilityClass): Iterable<Profile> {
    return this.#classes.get(visibility)?.keys() ?? [];
  }
}
