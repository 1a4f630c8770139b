import { GatewayIntentBits } from "discord-api-types/v10";
import type { Json } from "../../harness/client.ts";
import type { Payload } from "../../harness/socket.ts";

/** One checked event as a socket got it. */
export interface Heard {
  /** What happened: see keyOf. */
  key: string;
  s: number;
}

/** How a session came onto a connection. */
export interface Passage {
  kind: "start" | "resume";
  /** What it had before: the number that it resumed from, or that its snapshot reflects. */
  from: number;
  /** Of a new session: the last number of the session before. */
  left: number;
  /** RESUMED's number: up to here it was told of the past. */
  to: number;
  /** A number that was given before the client asked; permission changes up to it were in force. */
  known: number;
  /** When the client had its answer, in ms since 1970: changes asked for later were not in force. */
  doneAt: number;
}

/**
 * Names what happened so that the event in the log, the answer to the writer and what sockets got can be matched.
 * @returns null for events that the drill doesn't compare one by one
 */
export function keyOf(t: string | null, d: Json): string | null {
  switch (t) {
    case "MESSAGE_CREATE":
      return `created ${d.id}`;
    case "MESSAGE_UPDATE":
      return `edited ${d.id} ${d.edited_timestamp}`;
    case "MESSAGE_DELETE":
      return `deleted ${d.id}`;
    case "GUILD_ROLE_UPDATE":
      return `role ${d.role.id} ${d.role.name}`;
    default:
      return null;
  }
}

/** The parts of a dispatch that the drill looks at: a process of library clients reports no more. */
export function essence(t: string | null, d: Json): Json {
  switch (t) {
    case "READY":
      return { session_id: d.session_id, guilds: d.guilds.map(({ id }: Json) => ({ id })) };
    case "GUILD_CREATE":
      return { id: d.id, channels: d.channels.map(({ id }: Json) => ({ id })) };
    case "MESSAGE_CREATE":
    case "MESSAGE_UPDATE": {
      const mentions = d.mentions.map(({ id }: Json) => ({ id }));
      return { id: d.id, edited_timestamp: d.edited_timestamp, content: d.content.slice(0, 30), mentions };
    }
    case "GUILD_ROLE_UPDATE":
      return { role: { id: d.role.id, name: d.role.name } };
    case "GUILD_MEMBER_UPDATE":
      return { user: { id: d.user.id } };
    default:
      return { id: d?.id, guild_id: d?.guild_id };
  }
}

const NOBODY_KNOWS = Number.POSITIVE_INFINITY;

/** All that one client got, over all its connections and sessions. */
export class SocketRecord {
  readonly name: string;
  /** A library decides by itself whether to resume; ours always does. */
  readonly library: boolean;
  readonly bot: string;
  readonly intents: number;
  readonly shard: readonly [number, number];
  readonly heard: Heard[] = [];
  readonly passages: Passage[] = [];
  /** What is wrong with an event by itself: its number, its content. */
  readonly problems: string[] = [];
  /** Channels that it was told of and not told to forget, by guild. */
  readonly channels = new Map<string, Set<string>>();
  seq = 0;
  sessionId: string | null = null;
  resumes = 0;
  /** INVALID_SESSION(false). */
  toldAfresh = 0;
  /** New sessions that it began though nobody told it to. Libraries do so after some errors of the network. */
  beganAfresh = 0;
  /** Closed for reading too slowly. */
  tooSlow = 0;
  #wasTold = false;
  #awaited = new Set<string>();
  /** Guilds that GUILD_CREATE has told of since the client last asked. */
  #told = new Set<string>();

  constructor(about: Pick<SocketRecord, "name" | "library" | "bot" | "intents" | "shard">) {
    this.name = about.name;
    this.library = about.library;
    this.bot = about.bot;
    this.intents = about.intents;
    this.shard = about.shard;
  }

  /** True when its session is on a connection, with all guilds told or all that it missed. */
  get entered(): boolean {
    const last = this.passages.at(-1);
    return last !== undefined && last.doneAt !== NOBODY_KNOWS;
  }

  /** The client asks to go on, or to begin. @param known a number that was given before */
  asks(known: number): void {
    const resuming = this.sessionId !== null;
    this.#told.clear();
    const passage: Passage = {
      kind: resuming ? "resume" : "start",
      from: resuming ? this.seq : NOBODY_KNOWS,
      left: this.seq,
      to: NOBODY_KNOWS,
      known,
      doneAt: NOBODY_KNOWS,
    };
    // An attempt that came to nothing is replaced: its number may have moved on meanwhile.
    const last = this.passages.at(-1);
    if (last !== undefined && last.doneAt === NOBODY_KNOWS && last.kind === passage.kind) {
      // What came over the first attempt was judged then, at the earliest.
      last.known = Math.min(last.known, known);
    } else this.passages.push(passage);
  }

  /** INVALID_SESSION(false). */
  isToldAfresh(): void {
    this.toldAfresh += 1;
    this.#wasTold = true;
    this.sessionId = null;
  }

  /** @param at when it came, in ms since 1970 */
  onDispatch({ t, s, d }: Pick<Payload, "t" | "s" | "d">, at: number): void {
    const number = s ?? 0;
    if (t === "READY") this.#begin(d);
    else if (number < this.seq) this.problems.push(`out of order: ${t} ${number} after ${this.seq}`);
    this.seq = Math.max(this.seq, number);
    // Of its own membership it is told whatever it asked for: https://discord.com/developers/docs/events/gateway#caveats
    const own = t === "GUILD_MEMBER_UPDATE" && d.user.id === this.bot;
    if (!own && !this.#asksFor(t ?? "")) this.problems.push(`not permitted: ${t} without its intent`);
    const passage = this.passages.at(-1);
    if (t === "RESUMED" && passage !== undefined) {
      this.resumes += 1;
      Object.assign(passage, { to: number, doneAt: at });
    } else if (t === "READY" || t === "GUILD_CREATE") this.#onStart(t, d, passage, at);
    else this.#onChannel(t, d);
    const key = keyOf(t, d);
    if (key === null) return;
    this.heard.push({ key, s: number });
    if (t === "MESSAGE_CREATE" || t === "MESSAGE_UPDATE") this.#checkContent(key, d);
  }

  /** https://discord.com/developers/docs/events/gateway#list-of-intents, as far as the drill makes such events. */
  #asksFor(t: string): boolean {
    const { Guilds, GuildMembers, GuildMessages, GuildPresences } = GatewayIntentBits;
    const has = (intent: number) => (this.intents & intent) !== 0;
    if (t.startsWith("MESSAGE_")) return has(GuildMessages);
    if (t.startsWith("GUILD_MEMBER_")) return has(GuildMembers);
    if (t === "PRESENCE_UPDATE") return has(GuildPresences);
    return has(Guilds) || !(t.startsWith("CHANNEL_") || t.startsWith("GUILD_"));
  }

  #begin(ready: Json): void {
    if (this.heard.length > 0 && !this.#wasTold) this.beganAfresh += 1;
    this.#wasTold = false;
    // A library that began afresh by itself had announced to resume.
    const last = this.passages.at(-1);
    if (last !== undefined && last.doneAt === NOBODY_KNOWS) {
      Object.assign(last, { kind: "start", from: NOBODY_KNOWS, left: this.seq });
    }
    this.sessionId = ready.session_id;
    this.seq = 0;
    // discord.js may pass on a GUILD_CREATE before the READY whose number it bears, when both come in one piece.
    for (const guild of [...this.channels.keys()]) if (!this.#told.has(guild)) this.channels.delete(guild);
    const due = (this.intents & GatewayIntentBits.Guilds) !== 0 ? ready.guilds : [];
    this.#awaited = new Set(due.map(({ id }: Json) => id).filter((id: string) => !this.#told.has(id)));
  }

  #onStart(t: string, d: Json, passage: Passage | undefined, at: number): void {
    if (t === "GUILD_CREATE") {
      this.#awaited.delete(d.id);
      this.#told.add(d.id);
      this.channels.set(d.id, new Set(d.channels.map(({ id }: Json) => id)));
    }
    if (
      this.sessionId === null ||
      this.#awaited.size > 0 ||
      passage?.kind !== "start" ||
      passage.doneAt !== NOBODY_KNOWS
    )
      return;
    Object.assign(passage, { from: this.seq, to: this.seq, doneAt: at });
  }

  #onChannel(t: string | null, d: Json): void {
    if (t === "CHANNEL_CREATE" || t === "CHANNEL_UPDATE") this.channels.get(d.guild_id)?.add(d.id);
    else if (t === "CHANNEL_DELETE") this.channels.get(d.guild_id)?.delete(d.id);
  }

  /** https://discord.com/developers/docs/events/gateway#message-content-intent */
  #checkContent(key: string, d: Json): void {
    const mentioned = d.mentions.some(({ id }: Json) => id === this.bot);
    const due = mentioned || (this.intents & GatewayIntentBits.MessageContent) !== 0;
    if (due && d.content === "") this.problems.push(`without its content: ${key}`);
    if (!due && d.content !== "") this.problems.push(`not permitted: content of ${key}`);
  }
}
