import postgres from "postgres";
import { afterAll } from "vitest";
import type { Route } from "../../src/route.ts";
import type { Answer, Client } from "../harness/client.ts";
import type { Platform } from "../harness/platform.ts";
import * as matrix from "../rest/matrix.ts";
import { makeWorld, type Places, type World } from "../rest/world.ts";
import type { Failure, Failures } from "./failures/failure.ts";

/** What was made three days before has ids that are less by this. */
const DAYS_AGO = 1n << 50n;

/** Tries an operation's failures; @returns a line for each answer that isn't the documented one */
export type Refusals = (route: Route, failures: Failures) => Promise<string[]>;

export async function prepareRefusals(platform: Platform): Promise<Refusals> {
  const world = await makeWorld(platform);
  const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
  afterAll(() => sql.end());
  return async (route, { forbidden, unknown, invalid, limits }) => {
    const faults: string[] = [];
    for (const failure of [...forbidden, ...unknown, ...invalid, ...limits]) {
      const guild = failure.prepare === undefined ? { ...world, places: world.here } : await world.another();
      const freeId = String(BigInt(guild.places.guild_id) - DAYS_AGO);
      const filled = await failure.prepare?.({ at: guild.places, owner: guild.owner, bot: guild.bot, sql, freeId });
      const caller = await callerOf(route, failure, platform, world, guild);
      const answer = await ask(route, { ...failure, ...filled }, caller, guild.places);
      const fault = refusalFault(failure, answer);
      if (fault !== null) faults.push(`${describe(failure)}: ${fault}`);
    }
    return faults;
  };
}

/** Which of the four lists must not be empty, by what the route's data say; @returns what is missing */
export function missingKinds(route: Route, failures: Failures): string[] {
  const missing: string[] = [];
  const named = /:(?!webhook_token)\w+/.test(route.path);
  if (route.access.kind !== "public" && failures.forbidden.length === 0) missing.push("forbidden");
  if (named && failures.unknown.length === 0) missing.push("unknown");
  if ((route.body !== undefined || route.query !== undefined) && failures.invalid.length === 0) missing.push("invalid");
  const without = new Set(failures.forbidden.map(({ lacks }) => lacks));
  for (const need of matrix.neededBy(route)) if (!without.has(need)) missing.push(`forbidden without ${need}`);
  return missing;
}

function ask(route: Route, failure: Failure, caller: Client, at: Places): Promise<Answer> {
  const [path = "", search] = matrix.fill(route, at, failure.params ?? {}).split("?");
  const query = new URLSearchParams({ ...Object.fromEntries(new URLSearchParams(search)), ...failure.query });
  const good = matrix.rowOf(route).body?.(at);
  const body = failure.body?.(at) ?? (failure.field === undefined ? good : withField(good, failure.field));
  return caller.request(route.method, query.size === 0 ? path : `${path}?${query}`, body);
}

async function callerOf(
  route: Route,
  { as, lacks }: Failure,
  platform: Platform,
  world: World,
  guild: Pick<World, "owner" | "bot">,
): Promise<Client> {
  if (lacks !== undefined) return world.lacking(lacks);
  if (as === "nobody") return platform.anonymous();
  if (as === "owner" || as === "bot") return guild[as];
  return as === undefined ? matrix.callerOf(route, platform, { ...world, ...guild }) : world[as];
}

function withField(body: unknown, { path, value }: { path: string; value: unknown }): unknown {
  const copy = structuredClone(body);
  const steps = path.split(".");
  const last = steps.pop() ?? "";
  const parent = steps.reduce<unknown>((node, step) => (isObject(node) ? node[step] : undefined), copy);
  if (!isObject(parent)) throw new RangeError(`the good body has no ${path}`);
  parent[last] = value;
  return copy;
}

/** What is wrong with a refusal, in a line; null when nothing is. */
export function refusalFault({ status, code, at }: Failure, { status: got, body }: Answer): string | null {
  const answered = `${got} ${JSON.stringify(body)}`;
  if (got !== status || body?.code !== code) return `answered ${answered}, not ${status} with code ${code}`;
  const extra = Object.keys(body).filter((key) => !["code", "message", "errors"].includes(key));
  if (extra.length > 0 || typeof body.message !== "string") return `is no error as Discord tells it: ${answered}`;
  if (at === undefined) return null;
  const found = at.path
    .split(".")
    .reduce<unknown>((node, step) => (isObject(node) ? node[step] : undefined), body.errors);
  const list = isObject(found) ? found._errors : undefined;
  if (!Array.isArray(list)) return `has no _errors at ${at.path}: ${answered}`;
  const codes = list.map((one: unknown) => (isObject(one) && typeof one.message === "string" ? one.code : undefined));
  return codes.includes(at.code) ? null : `has no ${at.code} at ${at.path}: ${answered}`;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

function describe({ as, lacks, params, query, field, code }: Failure): string {
  if (lacks !== undefined) return `without ${lacks}`;
  if (as !== undefined) return `asked by ${as}`;
  if (params !== undefined) return JSON.stringify(params);
  if (query !== undefined) return JSON.stringify(query);
  return field === undefined ? `code ${code}` : field.path;
}
