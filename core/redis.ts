import { Redis } from "ioredis";
import type { Logger } from "pino";

export type { Redis };

/**
 * A Redis connection that fails fast: no offline queue, a command that gets no answer within a second rejects.
 * Callers have something better to do than to wait (the outbox, a hold), and a request must not hang.
 */
export function connectRedis(url: string, log: Logger, options: { name: string; commandTimeoutMs?: number }): Redis {
  const commandTimeout = options.commandTimeoutMs ?? 1000;
  const redis = new Redis(url, {
    connectionName: options.name,
    enableOfflineQueue: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    commandTimeout,
    connectTimeout: 2000,
    // A connection on which commands stay unanswered is dead, whatever TCP says: it is made anew.
    socketTimeout: commandTimeout + 500,
    retryStrategy: (times) => Math.min(50 * 2 ** times, 1000),
  });
  let lastMessage = "";
  redis.on("error", (error: Error) => {
    // One line per kind of trouble, not one per retry.
    if (error.message !== lastMessage) log.warn({ err: error.message, connection: options.name }, "redis");
    lastMessage = error.message;
  });
  redis.on("ready", () => {
    lastMessage = "";
  });
  return redis;
}

/** Resolves when the connection is usable, or rejects after `timeoutMs`. */
export function redisReady(redis: Redis, timeoutMs = 5000): Promise<void> {
  if (redis.status === "ready") return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Redis did not answer within ${timeoutMs} ms`)), timeoutMs);
    redis.once("ready", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
