import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import type { Config } from "../core/config.ts";
import type { Sql } from "../core/db.ts";
import type { PassingEvents } from "../core/passing-events.ts";
import type { SessionPresence } from "../core/presence-store.ts";
import type { Redis } from "../core/redis.ts";
import { guildLog, userLog } from "../core/redis-keys.ts";
import { shardOf } from "../core/snowflake.ts";
import type { Feed } from "./feed.ts";
import { DispatchFrame } from "./frames.ts";
import type { GuildState } from "./guild-state.ts";
import { classesOf } from "./guild-state.ts";
import type { LogEvent } from "./log-event.ts";
import { Logins } from "./logins.ts";
import { type Leaving, sessionEnded } from "./presence.ts";
import type { Connection, Session } from "./session.ts";
import { NO_CLASSES, type Profile, TopicRegistry, topicName, type VisibilityClass, wants } from "./topics.ts";
import { Unidentified } from "./unidentified.ts";
import type { TemplatedApp } from "./uws.ts";

/** About as many as keep Postgres' connections busy; more would only wait there, before what running sessions ask. */
const LOGINS_AT_ONCE = 32;

/** A guild that has sessions on this node. */
export interface GuildEntry {
  id: string;
  /** Null until it is read from Postgres. */
  state: GuildState | null;
  /** Events that came before the state was read. */
  backlog: LogEvent[];
  sessions: Set<Session>;
}

/**
 * All the memory of a gateway node. Each map says who adds and who removes.
 */
export class GatewayNode {
  readonly id = randomUUID();
  readonly config: Config;
  /** What a log keeps for those who resume. */
  readonly limits: { maxEvents: number; windowSeconds: number };
  readonly sql: Sql;
  readonly redis: Redis;
  readonly log: Logger;
  readonly registry = new TopicRegistry();
  /** Open sockets, with a session or without: added and removed by server.ts. */
  readonly connections = new Set<Connection>();
  /** Sessions with an open socket: added by IDENTIFY and RESUME, removed when the socket closes. */
  readonly sessions = new Map<string, Session>();
  /** The same by user. */
  readonly byUser = new Map<string, Set<Session>>();
  /** Those of them that are held: they queue what they are due. */
  readonly held = new Set<Session>();
  /** Guilds of those sessions: added with the first session, removed with the last. */
  readonly guilds = new Map<string, GuildEntry>();
  /** Its name among the nodes that live; another one when others have taken it for dead: liveness.ts. */
  registration: string = randomUUID();
  /** Sessions whose socket is gone and whose presence is not yet: added and removed by presence.ts. */
  readonly leaving = new Map<string, Leaving>();
  /** Leaving sessions are being ended. */
  ending = false;
  /** Presences that Redis could not take: added and removed by presence.ts. */
  readonly unsaved = new Map<Session, SessionPresence>();
  /** Frames that a full socket did not take, and sockets that were closed for it. */
  readonly tooSlow = { dropped: 0, closed: 0 };
  /** The number on the last frame sent to topics. */
  sentUpTo = 0;
  /** Milliseconds for which this process has run, as far as it had time for its sockets: heartbeats.ts turns it. */
  awakeMs = 0;
  readonly unidentified: Unidentified;
  readonly logins = new Logins(LOGINS_AT_ONCE);
  draining = false;
  // Set once by server.ts, before the first socket.
  app!: TemplatedApp;
  feed!: Feed;
  passing!: PassingEvents;

  constructor(parts: { config: Config; sql: Sql; redis: Redis; log: Logger }) {
    this.config = parts.config;
    const { rateLimits, unidentifiedPerAddress, resumeMaxEvents, resumeWindowSeconds } = parts.config;
    this.limits = { maxEvents: resumeMaxEvents, windowSeconds: resumeWindowSeconds };
    this.unidentified = new Unidentified(rateLimits ? unidentifiedPerAddress : Number.POSITIVE_INFINITY);
    this.sql = parts.sql;
    this.redis = parts.redis;
    this.log = parts.log;
  }

  addSession(session: Session): void {
    this.sessions.set(session.id, session);
    this.held.add(session);
    let mine = this.byUser.get(session.userId);
    if (mine === undefined) {
      mine = new Set();
      this.byUser.set(session.userId, mine);
    }
    mine.add(session);
  }

  /**
   * Forgets a session; what it alone needed goes too. Whoever was at work for it meanwhile calls this again when it
   * finds the session ended: it may have listed it in guilds since.
   * @param over whether it can't be resumed: its user is shown offline at once, not after a while
   */
  removeSession(session: Session, over = false): void {
    session.ended = true;
    sessionEnded(this, session, over);
    if (this.sessions.get(session.id) === session) this.sessions.delete(session.id);
    this.held.delete(session);
    const mine = this.byUser.get(session.userId);
    const unused: string[] = [];
    if (mine?.delete(session) && mine.size === 0) {
      this.byUser.delete(session.userId);
      unused.push(userLog(session.userId));
    }
    for (const guildId of [...session.guilds.keys()]) {
      if (this.leaveGuild(session, guildId)) unused.push(guildLog(guildId));
    }
    this.feed.unsubscribe(unused);
  }

  /** Lists a session under a guild, before the node has read the guild. */
  listInGuild(session: Session, guildId: string): GuildEntry {
    let entry = this.guilds.get(guildId);
    if (entry === undefined) {
      entry = { id: guildId, state: null, backlog: [], sessions: new Set() };
      this.guilds.set(guildId, entry);
    }
    entry.sessions.add(session);
    // The entry's own string: one for all of its sessions.
    if (!session.guilds.has(guildId)) session.guilds.set(entry.id, NO_CLASSES);
    return entry;
  }

  /** Takes a session out of a guild. @returns whether it was the guild's last on this node */
  leaveGuild(session: Session, guildId: string): boolean {
    for (const visibility of session.guilds.get(guildId) ?? []) this.#leaveClass(session, visibility);
    session.guilds.delete(guildId);
    const entry = this.guilds.get(guildId);
    if (entry === undefined) return false;
    entry.sessions.delete(session);
    if (![...(this.byUser.get(session.userId) ?? [])].some((other) => other.guilds.has(guildId))) {
      entry.state?.members.delete(session.userId);
      for (const thread of entry.state?.threads.values() ?? []) thread.members.delete(session.userId);
    }
    if (entry.sessions.size > 0) return false;
    this.guilds.delete(guildId);
    return true;
  }

  /** Takes a session off all topics: from now on it queues what it is due. */
  hold(session: Session): void {
    if (session.held) return;
    for (const [guildId, classes] of session.guilds) {
      for (const visibility of classes) this.#leaveClass(session, visibility);
      session.guilds.set(guildId, NO_CLASSES);
    }
    session.queue = [];
    this.held.add(session);
  }

  /** Puts a session whose queue is empty on the topics that it may see now. */
  release(session: Session): void {
    session.queue = null;
    this.held.delete(session);
    for (const guildId of session.guilds.keys()) this.updateClasses(session, guildId);
  }

  /** Makes a released session's topics of a guild match what it may see. */
  updateClasses(session: Session, guildId: string): void {
    const state = this.guilds.get(guildId)?.state;
    const entered = session.guilds.get(guildId);
    const member = state?.members.get(session.userId);
    if (!state || entered === undefined || session.held) return;
    const due = member === undefined ? NO_CLASSES : classesOf(state, member);
    if (due === entered || session.connection.dead) return;
    for (const visibility of entered) if (!due.has(visibility)) this.#leaveClass(session, visibility);
    for (const visibility of due) if (!entered.has(visibility)) this.#enterClass(session, visibility);
    session.guilds.set(state.id, due);
  }

  /** Sends an event to every member of a guild who asked for it. */
  publishToMembers(guildId: string, event: LogEvent): void {
    this.publish(`v:${guildId}`, event);
    this.publish(`h:${guildId}`, event);
  }

  /** Sends an event to everyone of a class who asked for it: once per profile, not per socket. */
  publish(visibility: VisibilityClass, event: LogEvent): void {
    let frame: DispatchFrame | undefined;
    for (const profile of this.registry.profiles(visibility)) {
      if (!wants(profile, event.rule, true)) continue;
      frame ??= new DispatchFrame(this.feed.highest, event.body);
      if (event.rule.content && !profile.seesContent) this.#publishStripped(visibility, profile, event, frame);
      else this.#publishTo(topicName(visibility, profile), frame.for(profile.format));
    }
  }

  /**
   * To a profile without MESSAGE_CONTENT: by topic as well, with the few who get the message whole off the topic
   * for that moment. A send for each session cost twelve times as much (batches of 16, measured by the bench).
   */
  #publishStripped(visibility: VisibilityClass, profile: Profile, event: LogEvent, frame: DispatchFrame): void {
    const topic = topicName(visibility, profile);
    const exempt = this.#concernedBy(event).filter(
      (session) => session.profile === profile && !session.held && this.#isIn(session, visibility, event),
    );
    for (const session of exempt) session.connection.socket.unsubscribe(topic);
    this.#publishTo(topic, frame.withoutContent().for(profile.format));
    for (const session of exempt) {
      session.send(frame);
      session.connection.socket.subscribe(topic);
    }
  }

  /** Sessions of a message's author and of those it mentions. */
  #concernedBy({ header: { a, m = [] } }: LogEvent): Session[] {
    const users = new Set(a === undefined ? m : [a, ...m]);
    return [...users].flatMap((user) => [...(this.byUser.get(user) ?? [])]);
  }

  #isIn(session: Session, visibility: VisibilityClass, { header: { g } }: LogEvent): boolean {
    return !session.connection.dead && g !== undefined && session.guilds.get(g)?.has(visibility) === true;
  }

  #publishTo(topic: string, bytes: string | Buffer): void {
    this.app.publish(topic, bytes, typeof bytes !== "string");
  }

  /** Whether a session's shard gets a guild's events. */
  handles(session: Session, guildId: string): boolean {
    return shardOf(guildId, session.shard[1]) === session.shard[0];
  }

  #enterClass(session: Session, visibility: VisibilityClass): void {
    session.connection.socket.subscribe(topicName(visibility, session.profile));
    this.registry.enter(visibility, session.profile);
  }

  #leaveClass(session: Session, visibility: VisibilityClass): void {
    this.registry.leave(visibility, session.profile);
    // A closed socket has left its topics by itself, and throws when asked.
    if (!session.connection.dead) session.connection.socket.unsubscribe(topicName(visibility, session.profile));
  }
}

/**
 * The frame that a session without MESSAGE_CONTENT gets: whole when the message is its own, mentions it, or came in
 * a direct conversation. https://discord.com/developers/docs/events/gateway#message-content-intent
 */
export function contentFor(session: Session, event: LogEvent, frame: DispatchFrame): DispatchFrame {
  const { g, a, m } = event.header;
  const whole = session.profile.seesContent || g === undefined || a === session.userId || m?.includes(session.userId);
  return whole === true ? frame : frame.withoutContent();
}
