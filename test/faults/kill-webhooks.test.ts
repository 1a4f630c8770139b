import { expect, test } from "vitest";
import { webhooksUnderFire } from "./webhooks-under-fire.ts";

test("every receiver that lives gets everything, verifiable, while dispatchers, Postgres and Redis are killed -9", async () => {
  const { faults, ...counts } = await webhooksUnderFire({
    subscriptions: 18,
    messages: 60,
    backlog: 200,
    kills: 1,
    retrySeconds: 60,
    print: () => {},
  });
  console.log(
    `drill: ${Object.entries(counts)
      .map(([name, value]) => `${name} ${Math.round(value * 100) / 100}`)
      .join(", ")}`,
  );
  expect(faults).toEqual([]);
  // The drill was one.
  expect(counts.kills).toBe(3);
  expect(counts.delivered).toBeGreaterThan(300);
  expect(counts.dead).toBeGreaterThan(100);
}, 400_000);
