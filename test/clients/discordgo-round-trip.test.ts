import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import { startBot } from "./bot-process.ts";
import { makeRoundTripPlace } from "./round-trip-place.ts";
import { missingFrom } from "./tier-1.ts";
import { go } from "./toolchains.ts";

const name = "discordgo does all of tier 1 by its own methods, and its state is what REST says";
const compiler = go();

if (compiler === null) test.skip(name);
else {
  const platform = await startPlatform({ gateways: 2 });
  const dir = await mkdtemp(join(tmpdir(), "guildhall-discordgo-"));
  const binary = join(dir, "bot");
  // The first build on a machine compiles Go's own library, too.
  const buildTimeoutMs = 300_000;
  beforeAll(async () => {
    await promisify(execFile)(compiler, ["build", "-o", binary, "."], { cwd: "test/clients/round-trip-go" });
  }, buildTimeoutMs);
  afterAll(() => rm(dir, { recursive: true, force: true }));

  test(name, async () => {
    const at = await makeRoundTripPlace(platform);
    const process = startBot(binary, [], at.env);
    try {
      const [, id = "", command = ""] = (await process.says("invoke ")).split(" ");
      await at.invoke({ id, name: command });
      await process.says("round trip done");
    } finally {
      await process.stop();
    }
    expect(missingFrom("discordgo", at.log.done)).toEqual([]);
  }, 120_000);
}
