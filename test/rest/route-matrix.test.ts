import { describe, expect, test } from "vitest";
import { z } from "zod";
import { Permission } from "../../core/permissions.ts";
import type { Route } from "../../src/route.ts";
import { routes } from "../../src/routes/index.ts";
import type { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { documented } from "./documented-permissions.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { HOSTILE, mutations, NOT_SNOWFLAKES } from "./hostile-values.ts";
import * as matrix from "./matrix.ts";
import { fill, isPlace, nameOf, neededBy, needsToken, parametersOf, rowOf, strangersCode, takes } from "./matrix.ts";
import { expectErrorBody, expectRefusal, expectSomeRefusal } from "./refusal.ts";
import { rows } from "./rows.ts";
import { makeWorld } from "./world.ts";

const platform = await startPlatform();
const world = await makeWorld(platform);
const { here, elsewhere } = world;
// Made before the first fingerprint is taken.
for (const permission of new Set(routes.flatMap((route) => route.access.needs))) await world.lacking(permission);
const fingerprint = await fingerprintOf(platform.stores);
const before = await fingerprint();
const expectNothingChanged = async () => expect(await fingerprint()).toEqual(before);

const ask = (route: Route, client: Client, change?: Parameters<typeof matrix.ask>[3]) =>
  matrix.ask(route, client, here, change);
const rightful = (route: Route) => matrix.rightful(route, platform, world);

const BAD_TOKENS = [
  ["none", undefined],
  ["an empty one", ""],
  ["an unknown person's", `ga_${"x".repeat(43)}`],
  ["an unknown bot's", `Bot ${Buffer.from(here.application_id).toString("base64url")}.AAAAAA.${"x".repeat(43)}`],
  ["a person's as a bot's", `Bot ${world.owner.token}`],
  ["a bot's as a person's", world.bot.token?.replace("Bot ", "Bearer ")],
  ["only a scheme", "Bot "],
  ["another scheme", `Basic ${Buffer.from("owner:password").toString("base64")}`],
  ["two", `${world.owner.token}, ${world.owner.token}`],
  ["a very long one", "x".repeat(5000)],
  ["one with bytes beyond ASCII", "Bot \u00e9\u00ff"],
] as const;

/** What an unknown id is called. */
const UNKNOWN: Record<string, number> = {
  guild_id: 10004,
  channel_id: 10003,
  message_id: 10008,
  emoji_name: 10014,
  user_id: 10007,
  role_id: 10011,
  overwrite_id: 10009,
  application_id: 10002,
  integration_id: 10005,
  authorization_id: 10012,
  command_id: 10063,
  webhook_id: 10015,
  interaction_id: 10062,
  subscription_id: 10015,
  delivery_id: 0,
  answer_id: 0,
  code: 10006,
};
const NOBODY = "1";

test("every route is in the matrix, and every row is of a route", () => {
  for (const route of routes) {
    expect(() => fill(route, here), nameOf(route)).not.toThrow();
    const row = rowOf(route);
    expect(row.body !== undefined, `${nameOf(route)}: a body in its row exactly if it has one`).toBe(!!route.body);
    expect(row.query !== undefined, `${nameOf(route)}: a query in its row exactly if it has one`).toBe(!!route.query);
    expect(route.body?.safeParse(row.body?.(here)).error, `${nameOf(route)}: a valid body`).toBeUndefined();
    expect(route.query?.safeParse(row.query?.(here)).error, `${nameOf(route)}: a valid query`).toBeUndefined();
  }
  expect(Object.keys(rows).filter((name) => !routes.some((route) => nameOf(route) === name))).toEqual([]);
});

test("every route of a guild asks for the permission that is documented for it", () => {
  for (const route of routes.filter(({ access }) =>
    ["guild", "guild bot", "channel", "webhook"].includes(access.kind),
  )) {
    const lists = Object.entries(documented).filter(([, names]) => names.includes(nameOf(route)));
    const permissions = lists.map(([name]) => name).filter((name) => name in Permission);
    expect(lists, `${nameOf(route)} is in no list`).not.toEqual([]);
    expect([...neededBy(route)].sort(), nameOf(route)).toEqual(permissions.sort());
  }
});

describe("a caller without the right", () => {
  test.each(routes.filter(needsToken))("$method $path: a token that is none", async (route) => {
    for (const [what, token] of BAD_TOKENS) {
      const answer = await ask(route, platform.anonymous(), {
        headers: token === undefined ? {} : { authorization: token },
      });
      expect({ what, status: answer.status, ...answer.body }).toMatchObject({ what, status: 401, code: 0 });
      expectErrorBody(answer);
    }
    await expectNothingChanged();
  });

  test.each(routes.filter((route) => route.access.kind === "bot"))("$method $path: a person", async (route) => {
    expectRefusal(await ask(route, world.owner), 403, 20002);
    await expectNothingChanged();
  });

  test.each(routes.filter((route) => route.access.kind === "person"))("$method $path: a bot", async (route) => {
    expectRefusal(await ask(route, world.bot), 403, 20001);
    await expectNothingChanged();
  });

  test.each(routes.filter((route) => strangersCode(route) !== undefined))("$method $path: strangers", async (route) => {
    const code = strangersCode(route) ?? 0;
    expectRefusal(await ask(route, world.stranger), matrix.statusOf(code), code);
    expectRefusal(await ask(route, world.neighbour), matrix.statusOf(code), code);
    await expectNothingChanged();
  });

  const withNeeds = routes.filter((route) => neededBy(route).length > 0);
  test.each(withNeeds)("$method $path: a member who has all permissions but the one", async (route) => {
    for (const permission of neededBy(route)) {
      expectRefusal(await ask(route, await world.lacking(permission)), 403, 50013);
    }
    await expectNothingChanged();
  });

  const viewed = routes.filter((route) => route.access.needs.includes("VIEW_CHANNEL"));
  test.each(viewed)("$method $path: a member who may not view the channel", async (route) => {
    expectRefusal(await ask(route, await world.lacking("VIEW_CHANNEL")), 403, 50001);
    await expectNothingChanged();
  });

  const restricted = routes.filter((route) => matrix.readersCode(route) !== undefined);
  test.each(restricted)("$method $path: a member who may only read", async (route) => {
    expectRefusal(await ask(route, world.reader), 403, matrix.readersCode(route) ?? 0);
    await expectNothingChanged();
  });

  const ofChannels = routes.filter((route) => route.path.includes(":channel_id"));
  test.each(ofChannels)("$method $path: in a conversation of others", async (route) => {
    expectRefusal(await ask(route, world.stranger, { params: { channel_id: world.dmId } }), 404, 10003);
    await expectNothingChanged();
  });
});

describe("an id in the path", () => {
  const parameters = routes.flatMap((route) =>
    parametersOf(route).map((name) => ({ route, name, title: `${nameOf(route)}: ${name}` })),
  );
  const ids = parameters.filter(({ name }) => !name.endsWith("_token"));

  test.each(ids)("$title that nothing has", async ({ route, name }) => {
    const code = rowOf(route).unknown?.[name] ?? UNKNOWN[name];
    expect(code, "the matrix must know the code").toBeDefined();
    // Answers of a poll are counted from 1.
    const nothing = [name === "answer_id" ? "11" : NOBODY, "0", "9223372036854775807"];
    for (const value of nothing) {
      const answer = await ask(route, rightful(route), { params: { [name]: value } });
      expectRefusal(answer, matrix.statusOf(code ?? 0), code ?? 0);
    }
    await expectNothingChanged();
  });

  const deletable = ids.flatMap(({ route, name, title }) => {
    const value = world.gone[rowOf(route).path?.[name] ?? name];
    return value === undefined || rowOf(route).anywhere?.includes(name) ? [] : [{ route, name, title, value }];
  });
  test.each(deletable)("$title that was deleted", async ({ route, name, value }) => {
    const code = rowOf(route).unknown?.[name] ?? UNKNOWN[name] ?? 0;
    expectRefusal(await ask(route, rightful(route), { params: { [name]: value } }), matrix.statusOf(code), code);
    await expectNothingChanged();
  });

  test("that was deleted: there is one of every kind that can be", () => {
    const kept = Object.keys(UNKNOWN).filter((name) => world.gone[name] === undefined);
    // An emoji is no id, an overwrite is named by its role or member, and what was answered or sent stays.
    expect(kept).toEqual(["emoji_name", "overwrite_id", "interaction_id", "delivery_id", "answer_id"]);
  });

  // The owner owns both guilds, so what refuses is not a permission.
  const inner = ids.filter(
    ({ route, name }) => parametersOf(route)[0] !== name && !rowOf(route).anywhere?.includes(name),
  );
  test.each(inner)("$title of another guild", async ({ route, name }) => {
    const row = rowOf(route);
    const place = row.path?.[name] ?? name;
    const value = place === "banned_id" ? world.neighbour.id : isPlace(place, elsewhere) ? elsewhere[place] : "";
    const code = row.unknown?.[name] ?? UNKNOWN[name] ?? 0;
    expectRefusal(await ask(route, rightful(route), { params: { [name]: value } }), matrix.statusOf(code), code);
    await expectNothingChanged();
  });

  test.each(ids.filter(({ name }) => name !== "code"))("$title that is no snowflake", async ({ route, name }) => {
    for (const value of NOT_SNOWFLAKES) {
      const answer = await ask(route, rightful(route), { params: { [name]: value } });
      expect([400, 404], `${value}: ${JSON.stringify(answer.body)}`).toContain(answer.status);
      expectErrorBody(answer);
    }
    await expectNothingChanged();
  });

  const texts = parameters.filter(({ name }) => name === "code" || name.endsWith("_token"));
  test.each(texts)("$title that is nonsense", async ({ route, name }) => {
    const own = name === "code" ? [] : [elsewhere.webhook_token, here.webhook_token.slice(1), `${here.webhook_token}x`];
    for (const value of [...own, "x", "%00", "%ff", "é", "1'--", "x".repeat(3000)]) {
      const answer = await ask(route, rightful(route), { params: { [name]: value } });
      if (name === "code") expectRefusal(answer, 404, 10006);
      else if (name === "interaction_token") expectRefusal(answer, 404, 10062);
      else expectRefusal(answer, 401, 50027);
    }
    await expectNothingChanged();
  });
});

describe("a body", () => {
  const bodied = routes.flatMap((route) => (route.body === undefined ? [] : [{ ...route, body: route.body, route }]));

  test.each(bodied)("$method $path: that isn't JSON", async ({ route }) => {
    for (const text of [
      "{",
      '{"a":1',
      '{"a":1}}',
      "{'a':1}",
      "[1,]",
      "NaN",
      "undefined",
      '"',
      "\u0000",
      "{}{}",
      "<a/>",
    ]) {
      expectRefusal(await ask(route, rightful(route), { body: text }), 400, 50109);
    }
    await expectNothingChanged();
  });

  test.each(bodied)("$method $path: of the wrong type", async ({ route, body }) => {
    for (const text of ["null", "true", "1", '"text"', body instanceof z.ZodArray ? "{}" : "[]", "[null]", '["x"]']) {
      expectRefusal(await ask(route, rightful(route), { body: text }), 400, 50035);
    }
    await expectNothingChanged();
  });

  test.each(bodied)("$method $path: with every field an object", async ({ route, body }) => {
    const fields = Object.keys((body instanceof z.ZodArray ? rowOf(route).body?.(here) : undefined) ?? shapeOf(body));
    // What GitHub sends is looked into only where it is shown.
    if (fields.length === 0) return;
    const wrong = Object.fromEntries(fields.map((field) => [field, { [field]: {} }]));
    const answer = await ask(route, rightful(route), { body: body instanceof z.ZodArray ? [wrong] : wrong });
    expectRefusal(answer, 400, 50035);
    await expectNothingChanged();
  });

  test.each(bodied)("$method $path: with a value that its schema refuses, at any depth", async ({ route, body }) => {
    for (const wrong of mutations(rowOf(route).body?.(here))) {
      if (takes(body, wrong)) continue;
      expectRefusal(await ask(route, rightful(route), { body: wrong }), 400, 50035);
    }
    await expectNothingChanged();
  });

  const exact = bodied.filter(({ route }) => rowOf(route).cuts !== true);
  test.each(exact)("$method $path: with ten thousand characters in a text", async ({ route }) => {
    for (const wrong of mutations(rowOf(route).body?.(here))) {
      const text = JSON.stringify(wrong);
      if (!text.includes("xxxxxxxxxx")) continue;
      expectSomeRefusal(await ask(route, rightful(route), { body: wrong }));
    }
    await expectNothingChanged();
  });

  test.each(bodied)("$method $path: that names things of another guild", async ({ route }) => {
    const good = rowOf(route).body?.(here);
    for (const wrong of matrix.swapped(good, here, elsewhere, rowOf(route).anywhere ?? [])) {
      const answer = await ask(route, rightful(route), { body: wrong });
      // Ids of messages that aren't there are passed over in a bulk delete.
      if (answer.status !== 204) expectSomeRefusal(answer);
    }
    await expectNothingChanged();
  });
});

function shapeOf(schema: z.ZodType): object {
  return schema instanceof z.ZodObject ? schema.shape : {};
}

describe("a query", () => {
  const queried = routes.flatMap((route) =>
    route.query === undefined ? [] : [{ ...route, query: route.query, route }],
  );

  test.each(queried)("$method $path: with a value that its schema refuses", async ({ route, query }) => {
    const good = rowOf(route).query?.(here) ?? {};
    for (const [key, value] of Object.keys(good).flatMap((key) => HOSTILE.map((value) => [key, value] as const))) {
      if (typeof value !== "string" || !fitsInUrl(value)) continue;
      const wrong = { ...good, [key]: value };
      const path = `${fill(route, here).split("?")[0]}?${new URLSearchParams(wrong)}`;
      const answer = await rightful(route).request(route.method, path, rowOf(route).body?.(here));
      if (!query.safeParse(wrong).success) expectRefusal(answer, 400, 50035);
      else expect(answer.status, `${path} ${JSON.stringify(answer.body)}`).toBeLessThan(500);
    }
  });
});

/** Half a surrogate pair can't be written there, and Node refuses more than 16 KiB before us. */
const fitsInUrl = (text: string) => !/[\ud800-\udfff]/.test(text) && encodeURIComponent(text).length < 12_000;
