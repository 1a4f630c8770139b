/**
 * The long form of kill-webhooks.test.ts. Prints what it counted; exit code 1 when a promise did not hold, or when the
 * sick receivers held up the healthy ones.
 *   npm run drill:webhooks -- --subscriptions=200 --messages=400 --kills=30
 */
import { parseArgs } from "node:util";
import { z } from "zod";
import { webhooksUnderFire } from "./webhooks-under-fire.ts";

/**
 * How much later than by themselves healthy receivers may get theirs beside the sick (p99). Both are mostly the pause
 * between two looks at the queue, 0.1 to 1 s; a busy machine's pauses are of the same size.
 */
const BOUND = { times: 1.5, orMs: 500 };

const number = (otherwise: number) => z.coerce.number().int().positive().default(otherwise);
const options = z
  .object({
    subscriptions: number(200),
    messages: number(400),
    backlog: number(10_000),
    kills: number(30),
    retrySeconds: number(400),
  })
  .parse(
    parseArgs({
      options: {
        subscriptions: { type: "string" },
        messages: { type: "string" },
        backlog: { type: "string" },
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
const { p99Alone, p99WithSick } = counts;
if (p99WithSick > Math.max(p99Alone * BOUND.times, p99Alone + BOUND.orMs)) {
  faults.push(`healthy receivers waited ${p99WithSick} ms beside the sick, ${p99Alone} ms by themselves (p99)`);
}
for (const fault of faults.slice(0, 20)) console.error(fault);
process.exit(faults.length === 0 ? 0 : 1);
