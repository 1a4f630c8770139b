import { GatewayIntentBits } from "discord-api-types/v10";
import type { Clock } from "./clock.ts";
import { type LibraryClient, type LibraryProcess, startDiscordJs, startDiscordPy } from "./library-readers.ts";
import { RawReader } from "./raw-reader.ts";
import { SocketRecord } from "./record.ts";
import type { DrillBot, World } from "./world.ts";

/** Who listens during the drill. */
export interface Audience {
  readers: readonly RawReader[];
  /** Those of them that stop to read now and then. */
  slow: readonly RawReader[];
  records: readonly SocketRecord[];
  stop(): Promise<void>;
}

const { Guilds, GuildMessages, MessageContent } = GatewayIntentBits;
const ALL = 53_608_447;
const INTENTS = [
  Guilds | GuildMessages | MessageContent,
  Guilds | GuildMessages,
  ALL,
  GuildMessages | MessageContent,
  Guilds,
];
const FORMATS = ["json", "etf"].flatMap((encoding) => [
  `encoding=${encoding}`,
  `encoding=${encoding}&compress=zlib-stream`,
  `encoding=${encoding}&compress=zstd-stream`,
]);
const WITH_PAYLOADS = [...FORMATS, "encoding=json&compress=payload"];
const SHARDS: readonly (readonly [number, number])[] = [
  [0, 1],
  [0, 1],
  [0, 2],
  [1, 2],
];

/** At most so many library clients: the rest are sockets of our own, which cost less. */
const DISCORD_JS = 8;
const DISCORD_PY = 4;

/** Connects sockets of mixed kinds: formats, intents and shards are dealt out in turn. */
export function startAudience(
  world: World,
  options: {
    sockets: number;
    api: string;
    /** The proxy. */
    gateway: string;
    /** The nodes themselves. */
    nodes: readonly string[];
    python: string | null;
    clock: Clock;
  },
): Audience {
  const { sockets, api, gateway, nodes, python, clock } = options;
  let turn = 0;
  // Past the proxy, whose own buffers would take most of what they don't read.
  const nextNode = () => dealt(nodes, turn++);
  const js = Math.min(DISCORD_JS, Math.floor(sockets / 20));
  const py = python === null ? 0 : Math.min(DISCORD_PY, Math.floor(sockets / 20));
  const botAt = (i: number): DrillBot => {
    return dealt(world.bots.slice(0, -1), i);
  };
  const clients = Array.from({ length: js + py }, (_, i): LibraryClient => {
    const bot = botAt(i);
    const name = `${i < js ? "discord.js" : "discord.py"} ${i}`;
    const intents = Guilds | GuildMessages | MessageContent;
    return { token: bot.token, record: new SocketRecord({ name, library: true, bot: bot.id, intents, shard: [0, 1] }) };
  });
  const slow = ["encoding=json", "encoding=etf", "encoding=json&compress=zstd-stream"].map((format, i) => {
    const intents = Guilds | GuildMessages | MessageContent;
    const name = `slow ${i} (${format})`;
    const record = new SocketRecord({ name, library: false, bot: world.flooded.id, intents, shard: [0, 1] });
    return new RawReader({ url: nextNode, token: world.flooded.token, format, record, clock });
  });
  const others = Array.from({ length: sockets - js - py - slow.length }, (_, i) => {
    const bot = botAt(i);
    // By numbers without a common divisor, so that each goes with each.
    const format = dealt(WITH_PAYLOADS, i);
    const intents = dealt(INTENTS, Math.floor(i / 3));
    const shard = dealt(SHARDS, Math.floor(i / 5));
    const name = `raw ${i} (${format}, intents ${intents}, shard ${shard.join(" of ")})`;
    const record = new SocketRecord({ name, library: false, bot: bot.id, intents, shard });
    return new RawReader({ url: () => gateway, token: bot.token, format, record, clock });
  });
  const readers = [...others, ...slow];
  const processes: LibraryProcess[] = [];
  if (js > 0) processes.push(startDiscordJs(api, clients.slice(0, js), clock));
  if (python !== null) {
    const half = js + Math.ceil(py / 2);
    if (half > js) processes.push(startDiscordPy(python, "zlib-stream", api, clients.slice(js, half), clock));
    if (js + py > half) processes.push(startDiscordPy(python, "zstd-stream", api, clients.slice(half), clock));
  }
  for (const reader of readers) reader.connect();
  return {
    readers,
    slow,
    records: [...readers, ...clients].map(({ record }) => record),
    stop: async () => {
      for (const reader of readers) reader.stop();
      await Promise.all(processes.map((process) => process.stop()));
    },
  };
}

function dealt<T>(list: readonly T[], i: number): T {
  const found = list[i % list.length];
  if (found === undefined) throw new RangeError("nothing to deal out");
  return found;
}
