import { subscribe } from "node:diagnostics_channel";
import { z } from "zod";
import { connectDatabase } from "../../core/db.ts";
import { dispatchHere } from "./dispatchers.ts";
import { SENT_BY } from "./receiver.ts";

/** A dispatcher in a process of its own, for tests that kill it. SIGTERM stops it in good order. */
const limits = z
  .object({
    leaseMs: z.number(),
    timeoutMs: z.number(),
    retryDelaysMs: z.array(z.number()),
    pollMs: z.tuple([z.number(), z.number()]),
    breaker: z.object({
      windowMs: z.number(),
      share: z.number(),
      fewest: z.number(),
      openMs: z.tuple([z.number(), z.number()]),
    }),
  })
  .partial();
const env = z.object({ DATABASE_URL: z.string(), LIMITS: z.string() }).parse(process.env);
const given = limits.parse(JSON.parse(env.LIMITS));

/** https://undici.nodejs.org/#/docs/api/DiagnosticsChannel.md: what is published when a request is made. */
type Created = { request: { addHeader(name: string, value: string): unknown } };
const isCreated = (message: unknown): message is Created =>
  typeof message === "object" && message !== null && "request" in message;
// Whose request it is: so a receiver can tell what a dispatcher did before it was killed.
subscribe("undici:request:create", (message) => {
  if (isCreated(message)) message.request.addHeader(SENT_BY, String(process.pid));
});

const sql = connectDatabase(env.DATABASE_URL, { name: `dispatcher ${process.pid}` });
const dispatcher = dispatchHere(sql, { pollMs: [10, 100], ...given });
process.once("SIGTERM", () => void dispatcher.stop().then(() => process.exit()));
