/**
 * The long form of kill-webhooks.test.ts. Prints what it counted; exit code 1 when a promise did not hold.
 *   npm run drill:webhooks -- --subscriptions=200 --messages=400 --kills=8
 */
import { parseArgs } from "node:util";
import { z } from "zod";
import { webhooksUnderFire } from "./webhooks-under-fire.ts";

const number = (otherwise: number) => z.coerce.number().int().positive().default(otherwise);
const options = z
  .object({ subscriptions: number(200), messages: number(400), kills: number(8), retrySeconds: number(180) })
  .parse(
    parseArgs({
      options: {
        subscriptions: { type: "string" },
        messages: { type: "string" },
        kills: { type: "string" },
        retrySeconds: { type: "string" },
      },
    }).values,
  );

const { faults, ...counts } = await webhooksUnderFire({
  ...options,
  print: (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`),
});
for (const [name, value] of Object.entries(counts)) console.log(`${name.padEnd(20)} ${Math.round(value * 100) / 100}`);
for (const fault of faults.slice(0, 20)) console.error(fault);
process.exit(faults.length === 0 ? 0 : 1);
