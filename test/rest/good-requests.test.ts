import { describe, expect, test } from "vitest";
import { routes } from "../../src/routes/index.ts";
import { startPlatform } from "../harness/platform.ts";
import { mutations } from "./hostile-values.ts";
import * as matrix from "./matrix.ts";
import { rowOf, takes } from "./matrix.ts";
import { expectErrorBody } from "./refusal.ts";
import { makeWorld } from "./world.ts";

// Each request has a guild of its own: things change here, as they never do in route-matrix.test.ts.
const platform = await startPlatform();
const world = await makeWorld(platform);

describe("a good request", () => {
  const ownTests = ["/auth/register", "/auth/login", "/auth/refresh", "/oauth2/token", "/oauth2/token/revoke"];
  const testable = routes.filter((route) => !ownTests.includes(route.path));

  test.each(testable)("$method $path works for who may call it", async (route) => {
    const another = await world.another();
    const caller = await matrix.callerOf(route, platform, { ...world, ...another });
    const answer = await matrix.ask(route, caller, another.places);
    expect([200, 201, 204], JSON.stringify(answer.body)).toContain(answer.status);
  });

  const bodied = routes.flatMap((route) => (route.body === undefined ? [] : [{ ...route, body: route.body, route }]));

  test.each(bodied)("$method $path never fails over a strange value that its schema takes", async ({ route, body }) => {
    const another = await world.another();
    const caller = await matrix.callerOf(route, platform, { ...world, ...another });
    for (const strange of mutations(rowOf(route).body?.(another.places))) {
      if (!takes(body, strange)) continue;
      const answer = await matrix.ask(route, caller, another.places, { body: strange });
      expect(answer.status, `${JSON.stringify(strange).slice(0, 500)}: ${JSON.stringify(answer.body)}`).toBeLessThan(
        500,
      );
      if (answer.status >= 400) expectErrorBody(answer);
    }
  });
});
