import { expect, test, vi } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import { redisFaults } from "../harness/redis-faults.ts";

const platform = await startPlatform({ apis: 2, gateways: 0, env: { RATE_LIMITS: "on" } });
const owner = await platform.person();
const guild = await platform.guild(owner);
const redis = redisFaults(platform.stores);
const bots = await Promise.all([platform.bot(owner, guild.id, "8"), platform.bot(owner, guild.id, "8")]);

/** A hundred at once; none may fail or hang. @returns how many were let through */
async function flood(api: number): Promise<number> {
  const channel = await owner.post(`/guilds/${guild.id}/channels`, { name: "flooded" });
  let passed = 0;
  for (const bot of bots) {
    bot.api = api;
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => bot.request("POST", `/channels/${channel.id}/invites`, {})),
    );
    for (const { status, headers } of answers) {
      expect([200, 429]).toContain(status);
      expect(headers.get("x-ratelimit-limit") ?? headers.get("x-ratelimit-global")).not.toBeNull();
      if (status === 200) passed += 1;
    }
  }
  return passed;
}

test("Redis killed: each process counts by itself; when it is back all count together", async () => {
  expect(await flood(0)).toBe(20);
  await redis.kill();
  for (const api of [0, 1]) expect(await flood(api)).toBe(20);
  await redis.start();
  await vi.waitFor(async () => expect((await fetch(`${platform.url(0)}/readyz`)).status).toBe(200));
  expect(await flood(1)).toBe(20);
});

test("Redis mute: the same, and no request hangs", async () => {
  redis.pause();
  try {
    for (const api of [0, 1]) expect(await flood(api)).toBe(20);
  } finally {
    redis.goOn();
  }
  expect(await flood(0)).toBe(20);
});
