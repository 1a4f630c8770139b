import { expect, test } from "vitest";
import { faultsOf, writesUnderFire } from "./writes-under-fire.ts";

test("no acknowledged message is lost, unheard or repeated while every process is killed -9 in turn", async () => {
  const report = await writesUnderFire({ writers: 4, kills: 6, pauseMs: 1000, print: () => {} });
  const counts = Object.entries(report).filter(([, value]) => typeof value === "number");
  console.log(`drill: ${counts.map(([name, value]) => `${name} ${value}`).join(", ")}`);
  expect(faultsOf(report)).toEqual([]);
  // The drill was one: each part was killed, messages were written, and the socket was cut off and came back.
  expect(report.kills).toBe(6);
  expect(report.acknowledged).toBeGreaterThan(100);
  expect(report.resumes).toBeGreaterThan(0);
}, 180_000);
