import fc from "fast-check";
import { expect, test } from "vitest";
import type { z } from "zod";
import { type Operation, operations } from "../../src/openapi/operations.ts";
import type { Route } from "../../src/route.ts";
import { routes } from "../../src/routes/index.ts";
import { faultOf } from "../contract/check.ts";
import { responseSchema } from "../contract/schemas.ts";
import type { Answer } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import * as matrix from "../rest/matrix.ts";
import { expectErrorBody } from "../rest/refusal.ts";
import { makeWorld, type World } from "../rest/world.ts";
import { bodyOf, placed } from "./arbitrary.ts";

/**
 * Bodies made from Discord's request schemas, to every operation that has one: no answer may be a 500, be late beyond
 * reason, or be other than Discord's response schemas or its form of errors say.
 * FUZZ_REQUESTS=20000 FUZZ_SEED=7 npx vitest run test/fuzz
 */
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 400);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
/** To an operation in one world; then another is made, as bodies use theirs up. */
const BODIES = 8;
/** Far beyond what a busy machine needs. */
const HUNG_MS = 60_000;
const AT_ONCE = 6;
/** In this order, as they replace or remove what other bodies name, or give the guild away. */
const LAST = new Set([
  "bulk_ban_users_from_guild",
  "ban_user_from_guild",
  "bulk_set_application_commands",
  "bulk_set_guild_application_commands",
  "update_channel",
  "update_guild",
]);

interface Target {
  operation: Operation;
  route: Route;
  /** Discord's, or our own where Discord's has no name. */
  schema: z.core.$ZodType;
}
type At = Awaited<ReturnType<World["another"]>>;

const platform = await startPlatform();
const world = await makeWorld(platform);

const targets = operations.flatMap((operation): Target[] => {
  const route = routes.find((each) => each.operation === operation.operation);
  if (route?.body === undefined) return [];
  const ref = operation.body?.["application/json"];
  const named = ref !== undefined && ref !== null && !JSON.stringify(ref).includes('"inline"');
  return [{ operation, route, schema: named ? responseSchema(ref) : route.body }];
});

test(
  `no body made from Discord's request schemas is answered wrongly: ${REQUESTS} requests, seed ${SEED}`,
  async () => {
    const faults = new Map<string, string>();
    const taken = new Map<string, number>(targets.map(({ operation }) => [operation.operation, 0]));
    const statuses = new Map<number, number>();
    let sent = 0;
    const one = async (target: Target, at: At, seed: number, count: number) => {
      const name = target.operation.operation;
      for (const body of bodiesFor(target, at, seed, count)) {
        const { status, fault } = await send(target, at, body);
        sent++;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status < 300) taken.set(name, (taken.get(name) ?? 0) + 1);
        if (fault !== null) faults.set(`${name}: ${fault}`.slice(0, 800), `seed ${seed}: ${JSON.stringify(body)}`);
      }
    };
    for (let seed = SEED; sent < REQUESTS; seed++) {
      const at = await world.another();
      const each = Math.min(BODIES, Math.ceil((REQUESTS - sent) / targets.length));
      const waiting = targets.filter(({ operation }) => !LAST.has(operation.operation));
      const work = async () => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await one(next, at, seed, each);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      for (const last of LAST) {
        for (const target of targets) if (target.operation.operation === last) await one(target, at, seed, each);
      }
    }
    const counts = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${count} × ${status}`);
    const never = [...taken].flatMap(([name, count]) => (count === 0 ? [name] : []));
    console.log(`${sent} requests to ${targets.length} operations, seed ${SEED}: ${counts.join(", ")}`);
    if (never.length > 0) console.log(`Never taken: ${never.join(", ")}`);
    // One body for each fault.
    expect(Object.fromEntries(faults)).toEqual({});
    // Bodies that are refused alone would show little.
    expect(never.length).toBeLessThan(targets.length / 2);
  },
  60_000 + REQUESTS * 500,
);

/** Some as the schema has them, some with what it doesn't take; some of both laid over a good request's. */
function bodiesFor({ route, schema }: Target, { places }: At, seed: number, count: number): unknown[] {
  const good = unplaced(matrix.rowOf(route).body?.(places), places);
  // Types of events beyond Discord's are ours, and not in its schema of an application.
  if (isFields(good)) delete good.event_webhooks_types;
  const made = [false, true].map((hostile) => fc.sample(bodyOf(schema, hostile), { seed, numRuns: count }));
  return Array.from({ length: count }, (_, i) => {
    const body = made[i % 2]?.[i];
    return i % 4 < 2 && isFields(good) && isFields(body) ? { ...good, ...someOf(body, seed + i) } : body;
  });
}

const isFields = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Two fields of a body, others with each seed. */
function someOf(body: Record<string, unknown>, seed: number): Record<string, unknown> {
  const all = Object.entries(body);
  return Object.fromEntries(all.filter((_, i) => all.length < 3 || (i + seed) % Math.ceil(all.length / 2) === 0));
}

/** A body with the names of its places in braces, so that it can be kept. */
function unplaced(body: unknown, at: At["places"]): unknown {
  const text = JSON.stringify(body ?? null);
  const ids = Object.entries(at).filter(([name]) => name !== "emoji_name");
  return JSON.parse(ids.reduce((all, [name, id]) => all.replaceAll(`"${id}"`, `"{{${name}}}"`), text));
}

/** @returns what is wrong with the answer, null when nothing is */
async function send({ operation, route }: Target, at: At, body: unknown) {
  const caller = await matrix.callerOf(route, platform, { ...world, ...at });
  const asked = matrix.ask(route, caller, at.places, { body: placed(body, at.places) });
  const hung = new AbortController();
  const late = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error("no answer")), HUNG_MS);
    hung.signal.addEventListener("abort", () => clearTimeout(timer));
  });
  try {
    const answer = await Promise.race([asked, late]);
    return { status: answer.status, fault: faultIn(operation, answer) };
  } catch (error) {
    return { status: 0, fault: String(error) };
  } finally {
    hung.abort();
  }
}

/**
 * A post in a forum is answered with its first message, by Discord's documentation of the threads and not by its
 * description: the message is checked where it is made.
 */
function described({ operation }: Operation, answer: Answer): Answer {
  if (operation !== "create_thread" || !isFields(answer.body)) return answer;
  const { message: _, ...body } = answer.body;
  return { ...answer, body };
}

function faultIn(operation: Operation, answer: Answer): string | null {
  if (answer.status < 400) return faultOf(operation, described(operation, answer));
  if (answer.status >= 500) return `answered ${answer.status}: ${JSON.stringify(answer.body)}`;
  try {
    expectErrorBody(answer);
    return null;
  } catch (error) {
    return `${answer.status}: ${String(error).slice(0, 300)} ${JSON.stringify(answer.body).slice(0, 500)}`;
  }
}
