import { expect, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import { mannWhitney, median } from "../harness/statistics.ts";
import { expectRefusal } from "./refusal.ts";

const platform = await startPlatform();
const anyone = platform.anonymous();
const SAMPLES = Number(process.env.LOGIN_SAMPLES ?? 60);

test("a login takes as long for an account that doesn't exist as for a wrong password", async () => {
  const people = await Promise.all(Array.from({ length: 5 }, () => platform.person()));
  const emails = await Promise.all(people.map(async (person) => String((await person.get("/users/@me")).email)));
  const times: Record<"existing" | "absent", number[]> = { existing: [], absent: [] };
  const sample = async (kind: "existing" | "absent", i: number) => {
    const email = emails[i % emails.length] ?? "";
    const login = kind === "existing" ? email : email.replace("person", "nobody");
    const started = performance.now();
    const answer = await anyone.request("POST", "/auth/login", { login, password: "wrong horse battery" });
    times[kind].push(performance.now() - started);
    expect(answer.status).toBe(400);
  };
  for (let i = 0; i < 5; i++) await sample(i % 2 === 0 ? "existing" : "absent", i);
  times.existing = [];
  times.absent = [];
  // Side by side, in changing order, so that whatever else the machine does falls on both.
  for (let i = 0; i < SAMPLES; i++) {
    const order = Math.random() < 0.5 ? (["existing", "absent"] as const) : (["absent", "existing"] as const);
    for (const kind of order) await sample(kind, i);
  }
  const { p } = mannWhitney(times.existing, times.absent);
  const ratio = median(times.existing) / median(times.absent);
  console.log(
    `login: median existing/absent ${ratio.toFixed(3)}, Mann-Whitney p ${p.toFixed(4)}, ${SAMPLES} samples each`,
  );
  expect(p).toBeGreaterThan(0.0001);
});

test("the statistics see a difference where there is one", () => {
  const one = Array.from({ length: SAMPLES }, (_, i) => 20 + (i % 10));
  expect(mannWhitney(one, [...one].reverse()).p).toBeGreaterThan(0.9);
  const slower = one.map((ms) => ms + 5);
  expect(mannWhitney(one, slower).p).toBeLessThan(0.0001);
});

test("a flood of logins is turned away with 503 where it can't be hashed in time, and the rest goes on", async () => {
  const person = await platform.person();
  const flood = Promise.all(
    Array.from({ length: 300 }, () =>
      anyone.request("POST", "/auth/login", { login: "nobody", password: "wrong horse battery" }),
    ),
  );
  for (let i = 0; i < 5; i++) expect((await person.get("/users/@me")).id).toBe(person.id);
  const answers = await flood;
  const refused = answers.filter(({ status }) => status === 503);
  expect(refused.length).toBeGreaterThan(0);
  for (const answer of refused) {
    expectRefusal(answer, 503, 0);
    expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
  }
  for (const answer of answers.filter(({ status }) => status !== 503)) expectRefusal(answer, 400, 50035);
});
