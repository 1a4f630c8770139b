import { ChannelType } from "discord-api-types/v10";
import type { z } from "zod";
import type { Channel, Guild } from "./live.ts";

/** A text channel that the person can read. */
export interface Place {
  guildName: string;
  id: string;
  name: string;
}

/** The guilds and channels that the gateway has told of. */
export class Places {
  readonly #guilds = new Map<string, z.infer<typeof Guild>>();

  putGuild(guild: z.infer<typeof Guild>): void {
    this.#guilds.set(guild.id, guild);
  }

  removeGuild(id: string): void {
    this.#guilds.delete(id);
  }

  putChannel(guildId: string, channel: z.infer<typeof Channel>): void {
    const guild = this.#guilds.get(guildId);
    if (guild === undefined) return;
    this.removeChannel(guildId, channel.id);
    guild.channels.push(channel);
  }

  removeChannel(guildId: string, id: string): void {
    const guild = this.#guilds.get(guildId);
    if (guild !== undefined) guild.channels = guild.channels.filter((channel) => channel.id !== id);
  }

  /** In the order in which they are shown and numbered. */
  list(): Place[] {
    return [...this.#guilds.values()].flatMap((guild) =>
      guild.channels
        .filter((channel) => channel.type === ChannelType.GuildText)
        .sort((a, b) => a.position - b.position || (BigInt(a.id) < BigInt(b.id) ? -1 : 1))
        .map(({ id, name }) => ({ guildName: guild.name, id, name })),
    );
  }

  find(id: string): Place | undefined {
    return this.list().find((place) => place.id === id);
  }

  /** By its number in the list, counted from 1, or by its name. */
  choose(text: string): Place | undefined {
    const list = this.list();
    return list[Number(text) - 1] ?? list.find((place) => place.name === text.replace(/^#/, ""));
  }
}
