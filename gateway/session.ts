import type { Platform } from "../core/presence-store.ts";
import { type CloseReason, closeReasons } from "./close-codes.ts";
import { type DispatchFrame, encode, type Format, streamHeader } from "./frames.ts";
import type { LogEvent } from "./log-event.ts";
import type { ClassSet, Profile } from "./topics.ts";
import type { WebSocket } from "./uws.ts";

/** What uWebSockets keeps per socket. */
export interface SocketData {
  connection: Connection | null;
  format: Format;
  version: number;
  /** What the client asked for, known or not. */
  encoding: string;
  /** Where it comes from, as `addressKey` has it. */
  address: string;
}

export type Socket = WebSocket<SocketData>;

/**
 * Something that a held session is due: an event still to be judged, a dispatch made for it alone with its number, or
 * the body of a dispatch that bears the number before it.
 */
export type Due = { event: LogEvent } | { text: string; s: number } | { body: string };

/**
 * uWebSockets' buffer for what is corked. What exceeds it goes through a buffer of the socket's own, which never shrinks
 * while the socket is open: 35 KiB for each session in 20 guilds, measured.
 */
const CORK_BYTES = 16 * 1024;
/** A WebSocket frame's header, at most. RFC 6455 section 5.2: a server masks nothing. */
const FRAME_HEADER_BYTES = 10;

/** One WebSocket, from open to close; carries at most one session. */
export class Connection {
  readonly socket: Socket;
  /** Where it comes from, as `addressKey` has it. */
  readonly address: string;
  /** Since when it has had no session, in the node's awake time. */
  idleSince: number;
  format: Format;
  session: Session | null = null;
  /** An IDENTIFY or RESUME is being worked on. */
  entering = false;
  /** Listed in the node's `unidentified`, which alone sets this. */
  unidentified = false;
  /** When its last heartbeat came, in the node's awake time. */
  heardAt: number;
  /** It was asked for a heartbeat since. */
  asked = false;
  /** Payloads in the current minute, for the limit of 120. */
  received = 0;
  receivedSince = Date.now();
  /** Presence updates in the current 20 seconds, for the limit of 5. */
  presences = 0;
  presencesSince = 0;
  /** Set when a frame was dropped or the socket closed: nothing may be sent after. */
  dead = false;
  /** What the cork still takes; null outside of `corked`. */
  #room: number | null = null;

  constructor(socket: Socket, format: Format, address: string, awakeMs: number) {
    this.socket = socket;
    this.format = format;
    this.address = address;
    this.idleSince = awakeMs;
    this.heardAt = awakeMs;
  }

  /**
   * Sends the first payload with the stream's header before it, in one message: discord.py takes each message of a
   * zstd-stream for a whole payload, and fails on one that holds a header alone.
   */
  greet(payload: unknown): void {
    const header = streamHeader(this.format.compression);
    const bytes = encode(JSON.stringify(payload), this.format);
    this.sendRaw(header === null ? bytes : Buffer.concat([header, Buffer.from(bytes)]));
  }

  /** Sends a payload made for this socket alone. */
  send(payload: unknown): void {
    this.sendText(JSON.stringify(payload));
  }

  sendText(text: string): void {
    this.sendRaw(encode(text, this.format));
  }

  sendRaw(bytes: string | Buffer): void {
    if (this.dead) return;
    if (this.#room === Number.POSITIVE_INFINITY) this.#room = 0;
    else if (this.#room !== null) this.#room -= FRAME_HEADER_BYTES + Buffer.byteLength(bytes);
    this.socket.send(bytes, typeof bytes !== "string");
  }

  /**
   * What is sent within goes to the kernel in as few pieces as corks take it, and what no cork takes goes past them.
   * @param work says whether it has stopped because something more does not fit: it is called again then
   */
  corked(work: () => boolean): void {
    let alone = false;
    for (let more = true; more && !this.dead; ) {
      this.#room = alone ? Number.POSITIVE_INFINITY : CORK_BYTES;
      const turn = () => {
        more = work();
      };
      if (alone) turn();
      else this.socket.cork(turn);
      alone = this.#room === CORK_BYTES;
    }
    this.#room = null;
  }

  /** Whether so many bytes can be sent now: in the cork, or as the one thing that goes past it. */
  fits(bytes: number): boolean {
    return this.#room === null || FRAME_HEADER_BYTES + bytes < this.#room;
  }

  get buffered(): number {
    return this.dead ? 0 : this.socket.getBufferedAmount();
  }

  close(reason: CloseReason): void {
    if (this.dead) return;
    const [code, text] = closeReasons[reason];
    this.dead = true;
    this.socket.end(code, text);
  }

  /**
   * Closes after a dropped frame. Never from within uWebSockets' own call: that crashes the process (closing in
   * the `dropped` handler, measured).
   */
  closeSoon(): void {
    if (this.dead) return;
    this.dead = true;
    setImmediate(() => {
      const [code, text] = closeReasons.TOO_SLOW;
      try {
        this.socket.end(code, text);
      } catch {
        // The peer was faster: uWebSockets throws on a socket that is closed already.
      }
    });
  }
}

/** A logged-in client: survives its socket, on any node, for the resume window. */
export class Session {
  readonly id: string;
  readonly userId: string;
  readonly isBot: boolean;
  /** The login of a person's token; a revoked login closes its sessions. */
  readonly familyId: string | null;
  readonly shard: readonly [number, number];
  readonly connection: Connection;
  readonly profile: Profile;
  /** Guilds with more members than this are sent without their members. */
  readonly largeThreshold: number;
  /** Which of the user's clients it is, for others. */
  readonly platform: Platform;
  /** Its presence is in Redis, and must be ended there. */
  present = false;
  /** Guilds it is in, each with the classes it has entered; empty while held. */
  readonly guilds = new Map<string, ClassSet>();
  /** What it is due while held; null when it is released and gets events by topic. */
  queue: Due[] | null = [];
  /** Events up to this number are in its snapshot, or were sent before a RESUME. */
  snapshotAt = 0;
  /** The number of its last frame that was not sent by topic. */
  sentUpTo = 0;
  /** The member requests it is being answered, one after the other. */
  memberRequests: Promise<void> = Promise.resolve();
  /** The voice states it asks for, one after the other; null until the first. */
  voiceRequests: Promise<void> | null = null;
  /** Its token was found good after this number, once it was: revocations before it are of other tokens. */
  trustedAt = Number.POSITIVE_INFINITY;
  /** It waits for a guild that it joins. */
  joining = false;
  /** The node has let go of it: nothing may be done for it any more. */
  ended = false;
  /** How much it may have to catch up with, beyond what any session may. */
  allowance = 0;
  /** Threads that what it is due names and that are gone, while it is held. */
  unknown: Set<string> | null = null;
  /** It was told anew which channels it sees, as far as events up to this number have changed that. */
  resyncedUpTo = 0;

  constructor(fields: {
    id: string;
    userId: string;
    isBot: boolean;
    familyId: string | null;
    shard: readonly [number, number];
    connection: Connection;
    profile: Profile;
    largeThreshold: number;
    platform: Platform;
  }) {
    this.id = fields.id;
    this.userId = fields.userId;
    this.isBot = fields.isBot;
    this.familyId = fields.familyId;
    this.shard = fields.shard;
    this.connection = fields.connection;
    this.profile = fields.profile;
    this.largeThreshold = fields.largeThreshold;
    this.platform = fields.platform;
  }

  get held(): boolean {
    return this.queue !== null;
  }

  send(frame: DispatchFrame): void {
    this.connection.sendRaw(frame.for(this.profile.format));
  }
}
