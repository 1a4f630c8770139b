import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { Client } from "../harness/client.ts";
import { addApi, startPlatform } from "../harness/platform.ts";

const env = { RATE_LIMITS: "on", TRUSTED_PROXIES: "127.0.0.0/8", INVALID_REQUEST_LIMIT: "100", LOGIN_ATTEMPTS: "3" };
const platform = await startPlatform({ apis: 2, gateways: 0, env });
const owner = await platform.person();
const guild = await platform.guild(owner);
const bot = await platform.bot(owner, guild.id, "8");

/** Each is somebody else to the limits. */
let next = 1;
const newAddress = () => ({ "x-forwarded-for": `203.0.113.${next++}` });

test("after so many answers of 401, 403 and 429 an address is refused, by every process", async () => {
  const from = newAddress();
  const stranger = platform.anonymous();
  for (let i = 0; i < 100; i++) {
    stranger.api = i % 2;
    // A few at a time, or the limit of a second would answer: which counts as well.
    if (i % 20 === 0) await sleep(950);
    expect([401, 429]).toContain((await stranger.request("GET", "/users/@me", undefined, from)).status);
  }
  await sleep(200);
  for (const api of [0, 1]) {
    stranger.api = api;
    const refused = await stranger.request("GET", "/gateway", undefined, from);
    expect(refused.status).toBe(429);
    expect(refused.body).toMatchObject({ global: true, code: 0 });
    expect(refused.body.message).toContain("blocked");
    expect(refused.body.retry_after).toBeGreaterThan(500);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(500);
    expect(refused.headers.get("via")).toBe("1.1 guildhall");
    expect((await bot.request("GET", "/users/@me", undefined, from)).status).toBe(429);
    expect((await stranger.request("GET", "/gateway", undefined, newAddress())).status).toBe(200);
  }
});

test("a webhook that isn't there counts", async () => {
  const lost = platform.anonymous();
  const from = newAddress();
  for (let i = 0; i < 100; i++) {
    const { status } = await lost.request("POST", `/webhooks/${i + 1}/gone`, { content: "x" }, from);
    expect(status).toBe(404);
  }
  expect((await lost.request("GET", "/gateway", undefined, from)).status).toBe(429);
});

test("refusals of a resource's limit do not count", async () => {
  await addApi(platform, { ...env, INVALID_REQUEST_LIMIT: "10" });
  const strict = new Client(platform, bot.token, bot.id);
  strict.api = 2;
  const from = newAddress();
  let refusals = 0;
  for (let i = 0; i < 5; i++) {
    const { id } = await owner.post(`/guilds/${guild.id}/channels`, { name: "renamed" });
    for (let j = 0; j < 5; j++) {
      const { status, headers } = await strict.request("PATCH", `/channels/${id}`, { topic: `topic ${j}` }, from);
      expect([status, headers.get("x-ratelimit-scope")]).toEqual(j < 2 ? [200, null] : [429, "shared"]);
      if (status === 429) refusals += 1;
    }
  }
  expect(refusals).toBeGreaterThan(10);
  await sleep(200);
  expect((await strict.request("GET", "/gateway", undefined, from)).status).toBe(200);
});

test("wrong passwords: few by one address at one account, and the right one lets them start anew", async () => {
  const person = await platform.person("guessed");
  const { username } = await person.get("/users/@me");
  const log = (password: string, from: Record<string, string>) =>
    platform.anonymous().request("POST", "/auth/login", { login: username, password }, from);
  const guesser = newAddress();
  const guesses = await Promise.all(Array.from({ length: 8 }, () => log("wrong password", guesser)));
  expect(guesses.filter(({ status }) => status === 400)).toHaveLength(3);
  const refused = guesses.find(({ status }) => status === 429);
  expect(refused?.body).toMatchObject({ global: false, code: 40062 });
  expect(refused?.body.retry_after).toBeGreaterThan(200);
  expect((await log("correct horse battery", guesser)).status).toBe(429);
  const home = newAddress();
  for (let i = 0; i < 6; i++) {
    expect((await log(i % 2 === 0 ? "wrong password" : "correct horse battery", home)).status).toBe(
      i % 2 === 0 ? 400 : 200,
    );
  }
});

test("an address that tries one account after the other comes to an end, too", async () => {
  const from = newAddress();
  const statuses = [];
  for (let i = 0; i < 16; i++) {
    const body = { login: `nobody${i}`, password: "guess" };
    statuses.push((await platform.anonymous().request("POST", "/auth/login", body, from)).status);
  }
  expect(statuses.filter((status) => status === 400)).toHaveLength(15);
  expect(statuses.at(-1)).toBe(429);
});

test("an address makes twenty accounts in an hour", async () => {
  const from = newAddress();
  const answers = [];
  for (let i = 0; i < 21; i++) {
    const body = { username: `many_${i}`, email: `many_${i}@example.com`, password: "correct horse battery" };
    answers.push(await platform.anonymous().request("POST", "/auth/register", body, from));
  }
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(20);
  expect(answers.at(-1)?.body).toMatchObject({ code: 40062, global: false });
});

test("an operator raises or lifts the limits of one application", async () => {
  const { id } = await bot.get("/applications/@me");
  const set = async (factor: string) => {
    const { stdout } = await promisify(execFile)(process.execPath, ["bin/guildhall.js", "limits", id, factor], {
      env: { ...process.env, ...platform.stores.env },
    });
    // A token's account is remembered for so long.
    await sleep(3100);
    return stdout;
  };
  const limit = async () => (await bot.request("GET", "/users/@me")).headers.get("x-ratelimit-limit");
  expect(await limit()).toBe("30");
  expect(await set("2.5")).toBe("Testbot: 2.5 times the usual rate limits, was the usual rate limits\n");
  expect(await limit()).toBe("75");
  expect(await set("off")).toContain("no rate limits");
  expect(await limit()).toBeNull();
});
