import { Redis } from "ioredis";
import { z } from "zod";
import { guildLog, redisKeys } from "../../../core/redis-keys.ts";
import type { Json } from "../../harness/client.ts";
import { keyOf } from "./record.ts";
import type { DrillGuild, World } from "./world.ts";
import { lockName } from "./writers.ts";

/** An event of a guild's log that the verdict looks for in what sockets got. */
export interface TrueEvent {
  number: number;
  guildId: string;
  key: string;
  /** Null for what every member is told. */
  channelId: string | null;
  content: string;
  about: string;
}

/** A moment in a guild's log at which a lock was turned. */
interface Turn {
  number: number;
  /** For whom; null for the overwrite, which concerns all. */
  bot: string | null;
  /** Whether the role opens the channel, or the bot has the role, from here on. */
  open: boolean;
  /** When it was asked for, in ms since 1970. */
  askedAt: number;
}

/** Where the drill begins: an epoch and a number in it. */
export interface Beginning {
  epoch: string;
  number: number;
}

/** What happened in a guild, in the order of its log. */
export interface GuildTruth {
  guild: DrillGuild;
  events: TrueEvent[];
  turns: Turn[];
}

export interface Truth {
  guilds: Map<string, GuildTruth>;
  /** Changes when Redis has lost data. */
  epoch: string;
}

const header = z.object({ t: z.string(), c: z.string().optional() });
const overwrites = z.array(z.object({ id: z.string(), allow: z.string() }));
const PAGE = 1000;

export async function readBeginning(redisUrl: string): Promise<Beginning> {
  const redis = new Redis(redisUrl);
  try {
    const [epoch, number] = await redis.mget(redisKeys.epoch, redisKeys.seq);
    return { epoch: epoch ?? "", number: Number(number ?? 0) };
  } finally {
    redis.disconnect();
  }
}

/**
 * Reads what happened from the logs themselves. That all that was acknowledged is in them is a part of the verdict, as
 * is that sockets got just what is in them.
 * @param changes when each lock's changes were asked for: writers.ts
 */
export async function readTruth(
  redisUrl: string,
  world: World,
  since: Beginning,
  changes: ReadonlyMap<string, readonly number[]>,
): Promise<Truth> {
  const redis = new Redis(redisUrl);
  try {
    const guilds = new Map<string, GuildTruth>();
    const epoch = (await redis.get(redisKeys.epoch)) ?? "";
    for (const guild of world.guilds) guilds.set(guild.id, await readGuild(redis, epoch, guild, since.number, changes));
    return { guilds, epoch };
  } finally {
    redis.disconnect();
  }
}

async function readGuild(
  redis: Redis,
  epoch: string,
  guild: DrillGuild,
  since: number,
  changes: ReadonlyMap<string, readonly number[]>,
): Promise<GuildTruth> {
  const truth: GuildTruth = { guild, events: [], turns: [] };
  const state = new Map<string, boolean>([[lockName(guild.id), true]]);
  for (const bot of guild.keyHolders) state.set(lockName(guild.id, bot), true);
  const counts = new Map<string, number>();
  for (let after = `${since + 1}-0`; ; ) {
    const entries = await redis.xrange(redisKeys.log(epoch, guildLog(guild.id)), after, "+", "COUNT", PAGE);
    for (const [id, fields] of entries) {
      const number = Number(id.slice(0, id.indexOf("-")));
      const head = header.parse(JSON.parse(fields[fields.indexOf("h") + 1] ?? ""));
      const d: Json = JSON.parse(`{${fields[fields.indexOf("b") + 1]}}`).d;
      const key = keyOf(head.t, d);
      const about = head.t.startsWith("MESSAGE") ? d.id : "";
      if (key !== null)
        truth.events.push({
          number,
          guildId: guild.id,
          key,
          channelId: head.c ?? null,
          content: d.content ?? "",
          about,
        });
      const turned = turnOf(guild, head.t, d);
      if (turned === null) continue;
      const name = lockName(guild.id, turned.bot ?? undefined);
      if ((state.get(name) ?? false) === turned.open) continue;
      state.set(name, turned.open);
      const nth = counts.get(name) ?? 0;
      counts.set(name, nth + 1);
      truth.turns.push({ number, ...turned, askedAt: changes.get(name)?.[nth] ?? 0 });
    }
    const last = entries.at(-1);
    if (last === undefined) return truth;
    after = `(${last[0]}`;
  }
}

/** How an event leaves a lock; null when it has nothing to do with one. */
function turnOf(guild: DrillGuild, t: string, d: Json): { bot: string | null; open: boolean } | null {
  if (t === "CHANNEL_UPDATE" && d.id === guild.channels.door) {
    const key = overwrites.parse(d.permission_overwrites).find(({ id }) => id === guild.roles.key);
    return { bot: null, open: key !== undefined && key.allow !== "0" };
  }
  if (t === "GUILD_MEMBER_UPDATE") return { bot: d.user.id, open: d.roles.includes(guild.roles.key) };
  return null;
}
