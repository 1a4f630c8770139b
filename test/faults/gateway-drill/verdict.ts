import { GatewayIntentBits } from "discord-api-types/v10";
import { shardOf } from "../../../core/snowflake.ts";
import type { Passage, SocketRecord } from "./record.ts";
import type { GuildTruth, TrueEvent, Truth } from "./truth.ts";
import { viewsFixed, type World } from "./world.ts";
import type { Ledger } from "./writers.ts";

/** What was found wrong; each list empty when every promise held. */
export interface Faults {
  /** Acknowledged and not in the log, or in the log twice or in another order. */
  log: string[];
  /** Due to a socket that never got it. */
  lost: string[];
  repeated: string[];
  outOfOrder: string[];
  notPermitted: string[];
  /** Channels that a client may see and was not told of, or that it was not told to forget: known-channels.ts. */
  channels: string[];
  /** A client that was told to start afresh though its RESUME should have worked, or did so without being told. */
  afresh: string[];
  /** Closed for a fault of the client that it did not commit, or content that it should (not) have had. */
  other: string[];
}

/** Whether a socket is due an event: yes, no, or both are right (`either`). */
type Due = "yes" | "no" | "either";

/** Compares what every socket got with what it should have got. */
export function judge(world: World, truth: Truth, ledger: Ledger, records: readonly SocketRecord[]): Faults {
  const faults: Faults = {
    log: [],
    lost: [],
    repeated: [],
    outOfOrder: [],
    notPermitted: [],
    channels: [],
    afresh: [],
    other: [],
  };
  const byKey = new Map([...truth.guilds.values()].flatMap(({ events }) => events.map((event) => [event.key, event])));
  judgeLog(truth, ledger, byKey, faults);
  for (const record of records) judgeRecord(world, truth, byKey, record, faults);
  return faults;
}

/** Every acknowledged change is in the log once, each writer's in its order, and nothing else is. */
function judgeLog(truth: Truth, ledger: Ledger, byKey: ReadonlyMap<string, TrueEvent>, faults: Faults): void {
  const acknowledged = new Set(ledger.acknowledged.flat());
  const seen = new Set<string>();
  for (const { events } of truth.guilds.values()) {
    for (const { key, content, about } of events) {
      if (seen.has(key)) faults.log.push(`twice in the log: ${key}`);
      seen.add(key);
      const known = acknowledged.has(key) || ledger.unknown.has(content) || ledger.unknown.has(about);
      if (!known) faults.log.push(`nobody did: ${key}`);
    }
  }
  for (const keys of ledger.acknowledged) {
    // In each guild: what waits in the outbox for Redis is overtaken by what happens in others.
    const last = new Map<string, number>();
    for (const key of keys) {
      const event = byKey.get(key);
      if (event === undefined) {
        faults.log.push(`acknowledged, not in the log: ${key}`);
        continue;
      }
      if (event.number < (last.get(event.guildId) ?? 0)) faults.log.push(`before what its writer did first: ${key}`);
      last.set(event.guildId, event.number);
    }
  }
}

function judgeRecord(
  world: World,
  truth: Truth,
  byKey: ReadonlyMap<string, TrueEvent>,
  record: SocketRecord,
  faults: Faults,
): void {
  const at = (text: string) => `${record.name}: ${text}`;
  for (const problem of record.problems) {
    const list = problem.startsWith("out of order") ? faults.outOfOrder : faults.other;
    (problem.startsWith("not permitted") ? faults.notPermitted : list).push(at(problem));
  }
  if (record.toldAfresh > 0) faults.afresh.push(at(`told to start afresh ${record.toldAfresh} times`));
  if (record.beganAfresh > 0 && !record.library) faults.afresh.push(at("began afresh though nobody told it to"));
  if (!record.entered) faults.other.push(at("not back at the end"));
  judgeOrder(byKey, record, faults, at);
  const heard = new Set(record.heard.map(({ key }) => key));
  for (const guild of guildsOf(world, truth, record)) {
    const sight = new Sight(guild, record);
    for (const event of guild.events) {
      const due = dueTo(record, guild, sight, event);
      if (due === "yes" && !heard.has(event.key)) faults.lost.push(at(`${event.key} (number ${event.number})`));
      if (due === "no" && heard.has(event.key)) faults.notPermitted.push(at(`${event.key} (number ${event.number})`));
      heard.delete(event.key);
    }
  }
  // Events of guilds that the bot is not in, or of another shard.
  for (const key of heard) if (byKey.has(key)) faults.notPermitted.push(at(key));
}

/** No event twice, those of a guild in the order of its log, none under a number below its own. */
function judgeOrder(
  byKey: ReadonlyMap<string, TrueEvent>,
  record: SocketRecord,
  faults: Faults,
  at: (text: string) => string,
): void {
  const seen = new Set<string>();
  let last = 0;
  for (const { key, s } of record.heard) {
    const event = byKey.get(key);
    if (event === undefined) {
      faults.other.push(at(`never happened: ${key}`));
      continue;
    }
    if (seen.has(key)) faults.repeated.push(at(key));
    else if (event.number < last) faults.outOfOrder.push(at(`${key} after number ${last}`));
    // Who resumes from a number below would get it twice.
    if (s < event.number) faults.outOfOrder.push(at(`${key} under ${s}, is ${event.number}`));
    seen.add(key);
    last = Math.max(last, event.number);
  }
}

function guildsOf(world: World, truth: Truth, record: SocketRecord): GuildTruth[] {
  const bot = world.bots.find(({ id }) => id === record.bot);
  const mine = (bot?.guilds ?? []).filter(({ id }) => shardOf(id, record.shard[1]) === record.shard[0]);
  return mine.flatMap(({ id }) => truth.guilds.get(id) ?? []);
}

function dueTo(record: SocketRecord, { guild }: GuildTruth, sight: Sight, event: TrueEvent): Due {
  const intent = event.channelId === null ? GatewayIntentBits.Guilds : GatewayIntentBits.GuildMessages;
  if ((record.intents & intent) === 0) return "no";
  const passage = passageOf(record.passages, event.number);
  if (passage === "before") return "no";
  if (passage === "between") return "either";
  if (event.channelId === null) return "yes";
  if (event.channelId === guild.channels.door) return sight.through(passage, event.number);
  return viewsFixed(guild, record.bot, event.channelId) ? "yes" : "no";
}

/**
 * The passage that an event fell in, or after. `before`: the first session had not begun. `between`: a session ended
 * and the next had not begun, so that its snapshot shows what the event changed.
 */
function passageOf(passages: readonly Passage[], number: number): Passage | "before" | "between" {
  const next = passages.findIndex((passage) => passage.from >= number);
  // Before the next passage is after, or within, the one before it.
  const passage = next === -1 ? passages.at(-1) : passages[next - 1];
  if (passage === undefined) return "before";
  const after = passages[next];
  // The next session's snapshot reflects the number, and the last one had not come so far.
  return after?.kind === "start" && number > after.left ? "between" : passage;
}

/**
 * When a socket's bot could see through the door. The gateway judges live events by the state in the order of the log,
 * and what a RESUME brings by the state of that moment: so that who has lost a channel while away isn't told of it.
 * Which state is that moment's can be said of turns that were in the log before the client asked, and of those that
 * nobody had asked for when it had its answer. Of a turn in between either is right: for all that the RESUME brings,
 * and for live events up to the turn, as the gateway's snapshot, read from the database, may know it before the log.
 */
class Sight {
  readonly #turns: { number: number; askedAt: number; views: boolean }[] = [];
  readonly #atFirst: boolean;

  constructor({ guild, turns }: GuildTruth, { bot }: SocketRecord) {
    const admin = guild.admins.has(bot);
    let [open, holds] = [true, guild.keyHolders.has(bot)];
    this.#atFirst = admin || (open && holds);
    for (const turn of turns) {
      if (turn.bot === null) open = turn.open;
      else if (turn.bot === bot) holds = turn.open;
      else continue;
      this.#turns.push({ number: turn.number, askedAt: turn.askedAt, views: admin || (open && holds) });
    }
  }

  through(passage: Passage, number: number): Due {
    const unsure = this.#turns.filter((turn) => turn.number > passage.known && turn.askedAt <= passage.doneAt);
    if (number <= passage.to) {
      const states = [this.#upTo(passage.known), ...unsure.map(({ views }) => views)];
      return states.every(Boolean) ? "yes" : states.some(Boolean) ? "either" : "no";
    }
    if (unsure.some((turn) => number < turn.number)) return "either";
    return this.#upTo(number) ? "yes" : "no";
  }

  #upTo(number: number): boolean {
    return this.#turns.findLast((turn) => turn.number <= number)?.views ?? this.#atFirst;
  }
}
