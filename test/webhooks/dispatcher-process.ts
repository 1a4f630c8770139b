import { pino } from "pino";
import { z } from "zod";
import { connectDatabase } from "../../core/db.ts";
import { startDispatcher } from "../../gateway/webhooks/dispatcher.ts";
import { SECRET } from "./application.ts";

/** A dispatcher in a process of its own, for tests that kill it. */
const limits = z.object({
  leaseMs: z.number().optional(),
  timeoutMs: z.number().optional(),
  retryDelaysMs: z.array(z.number()).optional(),
});
const env = z.object({ DATABASE_URL: z.string(), LIMITS: z.string() }).parse(process.env);
const given = limits.parse(JSON.parse(env.LIMITS));

startDispatcher({
  sql: connectDatabase(env.DATABASE_URL),
  secret: SECRET,
  config: { egressAllow: ["127.0.0.0/8"], webhookLogDays: 30 },
  log: pino({ level: "silent" }),
  limits: {
    ...(given.leaseMs === undefined ? {} : { leaseMs: given.leaseMs }),
    ...(given.timeoutMs === undefined ? {} : { timeoutMs: given.timeoutMs }),
    ...(given.retryDelaysMs === undefined ? {} : { retryDelaysMs: given.retryDelaysMs }),
    pollMs: [10, 100],
  },
});
