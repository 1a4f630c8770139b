import type { z } from "zod";
import { parseJson, storable } from "../../core/json.ts";
import type { PermissionName } from "../../core/permissions.ts";
import type { Route } from "../../src/route.ts";
import type { Answer, Client } from "../harness/client.ts";
import type { Platform } from "../harness/platform.ts";
import { type Row, rows } from "./rows.ts";
import type { Places, World } from "./world.ts";

/** How to call any route, in a good way with one part of it made bad. */

export const nameOf = (route: Route): string => `${route.method} ${route.path}`;
export const rowOf = (route: Route): Row => rows[nameOf(route)] ?? {};
export const parametersOf = (route: Route): string[] =>
  [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name ?? "");

export const isPlace = (name: string, at: Places): name is keyof Places => Object.hasOwn(at, name);

export const needsToken = (route: Route): boolean => !["public", "webhook token"].includes(route.access.kind);

/** The permissions it needs beyond seeing the channel. */
export const neededBy = (route: Route): PermissionName[] =>
  route.access.needs.filter((permission) => permission !== "VIEW_CHANNEL");

/** The HTTP status of a JSON code that an id, or a stranger, is refused with. */
export const statusOf = (code: number): number => (code === 50001 ? 403 : 404);

/** The code for people who aren't in the guild; undefined where the route is for anybody. */
export function strangersCode(route: Route): number | undefined {
  const row = rowOf(route);
  if (row.strangers !== undefined) return row.strangers;
  if (route.access.kind === "application owner") return 10002;
  return needsToken(route) && /:(guild|channel|webhook)_id/.test(route.path) ? 50001 : undefined;
}

/** The code for a member who may only read: everything that changes a guild is refused, whatever its `needs` say. */
export function readersCode(route: Route): number | undefined {
  const { readers } = rowOf(route);
  if (readers !== undefined) return readers === "may" ? undefined : readers;
  const changes = route.method !== "GET" && strangersCode(route) === 50001;
  return changes || neededBy(route).some((name) => name !== "READ_MESSAGE_HISTORY") ? 50013 : undefined;
}

/** A path with its parameters from one guild, but for those given. */
export function fill(route: Route, at: Places, given: Record<string, string> = {}): string {
  const row = rowOf(route);
  const path = route.path.replace(/:(\w+)/g, (_, name: string) => {
    const place = row.path?.[name] ?? name;
    const value = given[name] ?? (isPlace(place, at) ? at[place] : undefined);
    if (value === undefined)
      throw new Error(`The matrix does not know how to fill :${name}: give it a place or a row.`);
    return value;
  });
  return row.query === undefined ? path : `${path}?${new URLSearchParams(row.query(at))}`;
}

/** A good request at a guild, but for what is given in place of its parts. */
export function ask(
  route: Route,
  client: Client,
  at: Places,
  change: { params?: Record<string, string>; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const body = "body" in change ? change.body : rowOf(route).body?.(at);
  return client.request(route.method, fill(route, at, change.params), body, change.headers);
}

/** Who may call any route of this kind of access, and is not refused for who it is. */
export function rightful(
  route: Route,
  platform: Platform,
  { bot, owner, bearer }: Pick<World, "bot" | "owner" | "bearer">,
): Client {
  if (!needsToken(route)) return platform.anonymous();
  if (route.access.kind === "bearer") return bearer;
  return route.access.kind === "bot" || route.access.kind === "guild bot" ? bot : owner;
}

/** Who may call this very route with its good request. */
export async function callerOf(
  route: Route,
  platform: Platform,
  world: Pick<World, "bot" | "owner" | "bearer" | "reader" | "stranger">,
): Promise<Client> {
  const { caller } = rowOf(route);
  if (caller === "newcomer") return platform.person("newcomer");
  return caller === undefined ? rightful(route, platform, world) : world[caller];
}

/** Whether a schema takes a body as it arrives. */
export function takes(schema: z.ZodType, body: unknown): boolean {
  const text = JSON.stringify(body);
  return schema.safeParse(storable(parseJson(text), text)).success;
}

/** Each copy of a body in which one field's ids of one guild are another guild's. */
export function* swapped(
  body: unknown,
  here: Places,
  elsewhere: Places,
  spared: readonly string[],
): Generator<unknown> {
  if (typeof body !== "object" || body === null) return;
  for (const [key, child] of Object.entries(body)) {
    if (spared.includes(key)) continue;
    const text = JSON.stringify(child);
    const foreign = Object.entries(here).reduce(
      (all, [name, id]) => (isPlace(name, elsewhere) ? all.replaceAll(`"${id}"`, `"${elsewhere[name]}"`) : all),
      text,
    );
    if (foreign !== text) yield Array.isArray(body) ? [JSON.parse(foreign)] : { ...body, [key]: JSON.parse(foreign) };
  }
}
