import { GatewayIntentBits } from "discord-api-types/v10";
import type { EventRule } from "../core/events.ts";
import type { Format } from "./frames.ts";
import type { Session } from "./session.ts";

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
 * A visibility class: those who see the same channels' events. `g:ID` all members of a guild; `v:ID` members who may
 * view channels that no overwrite hides or shows; `c:ID` those who may view one channel that has such an overwrite.
 */
export type VisibilityClass = `g:${string}` | `v:${string}` | `c:${string}`;

/** The uWebSockets topic of a class and profile. */
export const topicName = (visibility: VisibilityClass, profile: Profile): string => `${visibility}|${profile.id}`;

/** Sessions of one class and profile. Only those whose messages differ by recipient are kept one by one. */
interface Crowd {
  size: number;
  sessions: Set<Session> | null;
}

/**
 * Which profiles are present in which class on this node. Sessions enter when released and leave when held or
 * closed; a class without sessions has no entry.
 */
export class TopicRegistry {
  readonly #classes = new Map<VisibilityClass, Map<Profile, Crowd>>();

  enter(visibility: VisibilityClass, session: Session): void {
    let crowds = this.#classes.get(visibility);
    if (crowds === undefined) {
      crowds = new Map();
      this.#classes.set(visibility, crowds);
    }
    let crowd = crowds.get(session.profile);
    if (crowd === undefined) {
      crowd = { size: 0, sessions: session.profile.seesContent ? null : new Set() };
      crowds.set(session.profile, crowd);
    }
    crowd.size += 1;
    crowd.sessions?.add(session);
  }

  leave(visibility: VisibilityClass, session: Session): void {
    const crowds = this.#classes.get(visibility);
    const crowd = crowds?.get(session.profile);
    if (crowds === undefined || crowd === undefined) return;
    crowd.size -= 1;
    crowd.sessions?.delete(session);
    if (crowd.size === 0) crowds.delete(session.profile);
    if (crowds.size === 0) this.#classes.delete(visibility);
  }

  crowds(visibility: VisibilityClass): ReadonlyMap<Profile, Crowd> {
    return this.#classes.get(visibility) ?? NONE;
  }
}

const NONE: ReadonlyMap<Profile, Crowd> = new Map();
