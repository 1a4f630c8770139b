import { expect, test } from "vitest";
import { addressKey } from "../../core/client-address.ts";
import { Logins } from "../../gateway/logins.ts";

/** Logins that end when they are told to. */
function controlled(logins: Logins) {
  const running = new Map<string, () => void>();
  const started: string[] = [];
  return {
    running,
    started,
    ask: (address: string, name: string) =>
      logins.run(address, () => {
        started.push(name);
        return new Promise<void>((resolve) => running.set(name, resolve));
      }),
    finish: async (name: string | undefined) => {
      running.get(name ?? "")?.();
      running.delete(name ?? "");
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test("so many run at a time, and addresses take turns: a flood delays the others by a turn each", async () => {
  const { ask, finish, running, started } = controlled(new Logins(2));
  for (let i = 0; i < 50; i++) void ask("flood", `flood ${i}`);
  for (const i of [0, 1]) void ask("honest", `honest ${i}`);
  void ask("other", "other");
  while (running.size > 0) {
    expect(running.size).toBeLessThanOrEqual(2);
    await finish([...running.keys()][0]);
  }
  expect(started).toHaveLength(53);
  expect(started.slice(0, 8)).toEqual([
    "flood 0",
    "flood 1",
    "flood 2",
    "honest 0",
    "other",
    "flood 3",
    "honest 1",
    "flood 4",
  ]);
});

test("a login that fails makes room as well, and its failure is told", async () => {
  const logins = new Logins(1);
  const failed = logins.run("a", () => Promise.reject(new Error("no database")));
  const next = logins.run("a", () => Promise.resolve());
  await expect(failed).rejects.toThrow("no database");
  await expect(next).resolves.toBeUndefined();
});

test("an IPv6 network counts as one address, an IPv4 address as itself", () => {
  expect(addressKey("192.0.2.7")).toBe("192.0.2.7");
  expect(addressKey("2001:db8:1:2::1")).toBe(addressKey("2001:db8:1:2:ffff::9"));
  expect(addressKey("2001:db8:1:2::1")).not.toBe(addressKey("2001:db8:1:3::1"));
});
