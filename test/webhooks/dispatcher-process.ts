import { pino } from "pino";
import { z } from "zod";
import { connectDatabase } from "../../core/db.ts";
import { startDispatcher } from "../../gateway/webhooks/dispatcher.ts";
import { SECRET } from "./application.ts";

/** A dispatcher in a process of its own, for tests that kill it. */
const env = z.object({ DATABASE_URL: z.string(), LEASE_MS: z.coerce.number() }).parse(process.env);

startDispatcher({
  sql: connectDatabase(env.DATABASE_URL),
  secret: SECRET,
  config: { egressAllow: ["127.0.0.0/8"] },
  log: pino({ level: "silent" }),
  limits: { leaseMs: env.LEASE_MS },
});
