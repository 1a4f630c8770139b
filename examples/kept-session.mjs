// Keeps a discord.js client's gateway session over restarts of its process: the next one resumes, and gets every event
// that came in between. Events are handled at least once: after a crash, the last ones may come again.
//
//   const kept = new KeptSession("./state");
//   const client = new Client({ intents, ws: kept.options });
//   client.on(Events.MessageCreate, kept.handled(async (message) => { … }));
//   process.once("SIGTERM", () => kept.leave());
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SimpleShardingStrategy } from "discord.js";

/** How long `leave` waits for listeners that are at work. */
const LEAVE_MS = 5000;
const SAVE_MS = 20;
/** How long discord.js may take to tell of events that it kept back while guilds were missing. */
const START_MS = 1000;

export class KeptSession {
  /** The client's option `ws`. */
  options = { buildStrategy: (manager) => this.#attach(manager) };
  #shards = new Map();
  #folder;
  /** The event that discord.js is telling its listeners of just now. */
  #current = { shard: undefined, sequence: 0 };
  #leaving = false;

  /** @param folder where sessions are saved */
  constructor(folder) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** A listener whose events count as handled when the promise it returns has settled, and not before. */
  handled(listener) {
    return async (...args) => {
      const { shard, sequence } = this.#current;
      // From here on the next process handles what comes: the number stays below.
      shard?.unhandled.push(sequence);
      if (this.#leaving) return;
      try {
        await listener(...args);
      } finally {
        shard?.handled(sequence);
      }
    };
  }

  /**
   * Ends the process with its session alive. Not by `client.destroy()`: that closes with code 1000, and a session that
   * was closed so is over.
   */
  async leave() {
    this.#leaving = true;
    const busy = [...this.#shards.values()].flatMap((shard) => shard.unhandled);
    const done = () => ![...this.#shards.values()].some((shard) => shard.unhandled.some((s) => busy.includes(s)));
    for (const end = Date.now() + LEAVE_MS; !done() && Date.now() < end; ) await sleep(10);
    for (const shard of this.#shards.values()) shard.save();
    process.exit(0);
  }

  #attach(manager) {
    const { updateSessionInfo } = manager.options;
    const shardOf = (id) => {
      if (!this.#shards.has(id)) this.#shards.set(id, new KeptShard(join(this.#folder, `shard-${id}`)));
      return this.#shards.get(id);
    };
    manager.options.updateSessionInfo = (id, session) => {
      updateSessionInfo(id, session);
      shardOf(id).update(session);
    };
    // Comes before discord.js' own listener, which calls the client's listeners before it returns.
    manager.on("dispatch", ({ data, shardId }) => {
      if (data.s === null) return;
      const shard = shardOf(shardId);
      this.#current = { shard, sequence: data.s };
      shard.note(data);
    });
    return new (class extends SimpleShardingStrategy {
      async connect() {
        for (const id of this.shards.keys()) {
          const shard = shardOf(id);
          if (!shard.read(manager.options.shardCount)) continue;
          updateSessionInfo(id, shard.session);
          // The session won't say again who and where the bot is, so its first packets are told from the file.
          manager.emit("ready", { data: shard.start.ready, shardId: id });
          for (const [t, d] of shard.firstPackets()) {
            manager.emit("dispatch", { data: { op: 0, t, s: null, d }, shardId: id });
          }
        }
        await super.connect();
      }
    })(manager);
  }
}

class KeptShard {
  session = null;
  /** READY, and each guild as it is now. */
  start = { ready: null, guilds: {} };
  /** Numbers of events whose listeners are at work; one for each listener. */
  unhandled = [];
  #path;
  #arrived = 0;
  /** READY's number, until all guilds have come. */
  #startedAt = null;
  #startChanged = false;
  #timer;

  constructor(path) {
    this.#path = path;
  }

  /** @returns whether there is a session that this client can go on with */
  read(shardCount) {
    try {
      this.start = JSON.parse(readFileSync(`${this.#path}.start.json`, "utf8"));
      this.session = JSON.parse(readFileSync(`${this.#path}.session.json`, "utf8"));
      this.#arrived = this.session?.sequence ?? 0;
    } catch {
      return false;
    }
    return this.session?.shardCount === shardCount;
  }

  firstPackets() {
    return [["READY", this.start.ready], ...Object.values(this.start.guilds).map((guild) => ["GUILD_CREATE", guild])];
  }

  /** discord.js has received an event, or lost its session. */
  update(session) {
    this.session = session;
    if (session === null) this.save();
  }

  note({ t, s, d }) {
    this.#arrived = Math.max(this.#arrived, s);
    if (applyTo(this.start, t, d)) this.#startChanged = true;
    if (t === "READY") this.#startedAt = s;
    if (this.#startedAt !== null && this.start.ready.guilds.every(({ id }) => id in this.start.guilds)) {
      this.#onStarted(this.#startedAt);
      this.#startedAt = null;
    }
    this.saveSoon();
  }

  /** Until a new session's start is over, events wait within discord.js: whoever is killed now, starts afresh. */
  #onStarted(sequence) {
    this.unhandled.push(sequence);
    setTimeout(() => this.handled(sequence), START_MS);
  }

  handled(sequence) {
    const at = this.unhandled.indexOf(sequence);
    if (at !== -1) this.unhandled.splice(at, 1);
    this.saveSoon();
  }

  saveSoon() {
    this.#timer ??= setTimeout(() => this.save(), SAVE_MS);
  }

  save() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#startedAt !== null) return;
    // Guilds first: a session must not be saved without what its events have told.
    if (this.#startChanged) replaceFile(`${this.#path}.start.json`, this.start);
    this.#startChanged = false;
    const sequence = Math.min(this.#arrived, ...this.unhandled.map((s) => s - 1));
    replaceFile(`${this.#path}.session.json`, this.session && { ...this.session, sequence });
  }
}

/** Brings READY and the guilds up to an event. What your bot reads from a guild's cache belongs here. @returns whether it did */
function applyTo(start, t, d) {
  const guild = start.guilds[d?.guild_id];
  if (t === "READY") Object.assign(start, { ready: d, guilds: {} });
  else if (t === "GUILD_CREATE") start.guilds[d.id] = d;
  else if (t === "GUILD_DELETE" && !d.unavailable) delete start.guilds[d.id];
  else if (t === "GUILD_UPDATE") Object.assign(start.guilds[d.id] ?? {}, d);
  else if (guild === undefined) return false;
  else if (t === "CHANNEL_CREATE" || t === "CHANNEL_UPDATE") guild.channels = [...without(guild.channels, d.id), d];
  else if (t === "CHANNEL_DELETE") guild.channels = without(guild.channels, d.id);
  else if (t === "THREAD_CREATE" || t === "THREAD_UPDATE") guild.threads = [...without(guild.threads, d.id), d];
  else if (t === "THREAD_DELETE") guild.threads = without(guild.threads, d.id);
  else if (t === "GUILD_ROLE_CREATE" || t === "GUILD_ROLE_UPDATE")
    guild.roles = [...without(guild.roles, d.role.id), d.role];
  else if (t === "GUILD_ROLE_DELETE") guild.roles = without(guild.roles, d.role_id);
  else return false;
  return true;
}

const without = (list = [], id) => list.filter((each) => each.id !== id);

/** The file holds the old or the new, whenever the process is killed. */
function replaceFile(path, value) {
  writeFileSync(`${path}.new`, JSON.stringify(value), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
