import { describe, expect, test } from "vitest";
import { operations } from "../../src/openapi/operations.ts";
import { routes } from "../../src/routes/index.ts";
import { startPlatform } from "../harness/platform.ts";
import { faultOf } from "./check.ts";
import { failures } from "./failures/index.ts";
import { readPassing } from "./passing.ts";
import { missingKinds, prepareRefusals } from "./refusals.ts";
import { scenarios } from "./scenarios/index.ts";
import { makeWorld } from "./world.ts";

const ofDiscord = routes.flatMap(({ operation, method, path }) =>
  operation === undefined ? [] : [{ operation, method, path }],
);
const routed = new Set(ofDiscord.map(({ operation }) => operation));

test("routes of Discord's operations have the method and the path of Discord's description", () => {
  for (const route of ofDiscord) {
    const described = operations.find(({ operation }) => operation === route.operation);
    expect(route).toMatchObject({
      method: described?.method,
      path: described?.path.replaceAll(/\{(\w+)\}/g, ":$1"),
    });
  }
});

test("operations that passed once still have a route", () => {
  expect(readPassing().filter((operation) => !routed.has(operation))).toEqual([]);
});

test("scenarios and failures are of operations that have a route", () => {
  expect(Object.keys({ ...scenarios, ...failures }).filter((operation) => !routed.has(operation))).toEqual([]);
});

const platform = await startPlatform();
const world = await makeWorld(platform);
const refusalsOf = await prepareRefusals(platform);

describe("answers pass Discord's response schemas, strictly; refusals have the documented code", () => {
  for (const operation of operations.filter(({ operation }) => routed.has(operation))) {
    test(operation.operation, async () => {
      const scenario = scenarios[operation.operation];
      if (scenario === undefined) throw new Error("has a route but no scenario: add one in test/contract/scenarios/");
      const answers = await scenario(world);
      for (const answer of Array.isArray(answers) ? answers : [answers]) {
        const fault = faultOf(operation, answer);
        if (fault !== null) throw new Error(fault);
      }
      const route = routes.find((each) => each.operation === operation.operation);
      const refused = failures[operation.operation];
      if (route === undefined || refused === undefined)
        throw new Error("has a route but no failures: add them in test/contract/failures/");
      const missing = missingKinds(route, refused);
      if (missing.length > 0) throw new Error(`failures are missing: ${missing.join(", ")}`);
      const faults = await refusalsOf(route, refused);
      if (faults.length > 0) throw new Error(faults.join("; "));
    });
  }
});
