import { GatewayIntentBits } from "discord-api-types/v10";
import { shardOf } from "../../../core/snowflake.ts";
import type { SocketRecord } from "./record.ts";
import type { Rest } from "./rest.ts";
import type { DrillBot, World } from "./world.ts";

/**
 * At the end, what a client knows of channels, from GUILD_CREATE and all CHANNEL_ events since, must be what REST shows
 * to its bot: of every channel that it lost or came to see it was told, also while it was away.
 * @returns what is wrong
 */
export async function wronglyKnown(rest: Rest, world: World, records: readonly SocketRecord[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const bot of world.bots) {
    const own = records.filter((record) => record.bot === bot.id && (record.intents & GatewayIntentBits.Guilds) !== 0);
    if (own.length > 0) await compare(rest, bot, own, wrong);
  }
  return wrong;
}

async function compare(rest: Rest, bot: DrillBot, own: readonly SocketRecord[], wrong: string[]): Promise<void> {
  for (const guild of bot.guilds) {
    const shown = await rest.must(`Bot ${bot.token}`, "GET", `/guilds/${guild.id}/channels`, undefined);
    const visible = new Set<string>(shown.map(({ id }: { id: string }) => id));
    for (const record of own) {
      if (shardOf(guild.id, record.shard[1]) !== record.shard[0]) continue;
      const known = record.channels.get(guild.id) ?? new Set();
      for (const [name, id] of Object.entries(guild.channels)) {
        if (known.has(id) === visible.has(id)) continue;
        wrong.push(`${record.name}: ${known.has(id) ? "still knows" : "was never told of"} ${name} of ${guild.id}`);
      }
    }
  }
}
