import { createCdn } from "../../core/cdn.ts";
import { attach, defineScripts, type Event, publishEntry, toLogEntry } from "../../core/event-log.ts";
import { createLogger } from "../../core/log.ts";
import { connectRedis, type Redis, redisReady } from "../../core/redis.ts";
import { wireMessage } from "../../core/wire/message.ts";
import type { Account, Guild } from "./world.ts";

const cdn = createCdn("http://localhost/cdn", Buffer.alloc(32));
const LIMITS = { maxEvents: 10_000, windowSeconds: 900 };

/** Publishes events as the API does, by the product's own script. */
export interface Publisher {
  redis: Redis;
  epoch: string;
  /** Publishes them all at once: Redis tells them to its subscribers in one piece, so that they come as one batch. */
  publish(events: readonly Event[]): Promise<void>;
  stop(): void;
}

export async function openPublisher(redisUrl: string): Promise<Publisher> {
  const redis = connectRedis(redisUrl, createLogger("warn", "bench"), { name: "bench", commandTimeoutMs: 30_000 });
  await redisReady(redis);
  defineScripts(redis);
  const { epoch } = await attach(redis, null);
  const send = (event: Event) => publishEntry(redis, toLogEntry(event), epoch, LIMITS);
  // A transaction can't teach Redis the script.
  await send({ t: "TYPING_START", userId: "1", data: {} });
  return {
    redis,
    epoch,
    publish: async (events) => {
      redis.multi({ pipeline: false });
      for (const event of events) send(event).catch(() => {});
      const replies = await redis.exec();
      for (const [error] of replies ?? [[new Error("nothing was published")]]) if (error) throw error;
    },
    stop: () => redis.disconnect(),
  };
}

/** A message as people write them: its frame has about 600 bytes. */
export function messageEvent(guild: Guild, author: Account): Event {
  messages += 1;
  const id = String(10n ** 18n + BigInt(messages));
  const row = {
    id,
    channel_id: guild.channelId,
    dm_channel_id: null,
    author_id: author.id,
    author: {
      id: author.id,
      username: "somebody",
      discriminator: "0",
      global_name: null,
      avatar: null,
      banner: null,
      accent_color: null,
      bot: false,
      flags: "0",
    },
    webhook_id: null,
    webhook_name: null,
    webhook_avatar: null,
    application_id: null,
    interaction: null,
    interaction_users: null,
    type: 0,
    flags: 0,
    content: `Message ${id}, of a length that people write.`,
    embeds: [],
    attachments: [],
    components: [],
    tts: false,
    pinned_at: null,
    snapshots: null,
    poll: null,
    reactions: [],
    mention_everyone: false,
    mentioned: [],
    mention_roles: [],
    reference_message_id: null,
    reference_channel_id: null,
    reference_server_id: null,
    created_at: new Date(),
    edited_at: null,
    version: "0",
    thread: null,
    referenced: null,
  };
  const data = { ...wireMessage(row, cdn), guild_id: guild.id };
  return { t: "MESSAGE_CREATE", guildId: guild.id, channelId: guild.channelId, authorId: author.id, data };
}

let messages = 0;
