import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import { expectPong } from "./ping.ts";
import { go } from "./toolchains.ts";

const name = "an unmodified discordgo bot answers a person, who is on another gateway node";

const compiler = go();

if (compiler === null) {
  test.skip(name);
} else {
  const platform = await startPlatform({ gateways: 2 });
  const dir = await mkdtemp(join(tmpdir(), "guildhall-discordgo-"));
  const binary = join(dir, "bot");
  // The first build on a machine compiles Go's own library, too.
  const buildTimeoutMs = 300_000;
  beforeAll(async () => {
    await promisify(execFile)(compiler, ["build", "-o", binary, "."], { cwd: "examples/discordgo-bot" });
  }, buildTimeoutMs);
  afterAll(() => rm(dir, { recursive: true, force: true }));

  test(name, async () => {
    await expectPong(platform, binary, []);
  });
}
