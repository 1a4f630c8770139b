import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import { startBot } from "./bot-process.ts";
import { go } from "./toolchains.ts";

const name = "discordgo does all that the platform has by its own methods, and its state is what REST says";
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
    const owner = await platform.person("owner");
    const guild = await platform.guild(owner, "Round trip");
    const [target, victim] = [await platform.person("target"), await platform.person("victim")];
    for (const newcomer of [target, victim]) await platform.join(owner, guild, newcomer);
    const bot = await platform.bot(owner, guild.id, "8");
    await bot.patch("/applications/@me", { flags: (1 << 13) | (1 << 15) | (1 << 19) });
    const process = startBot(binary, [], {
      GUILDHALL_URL: platform.url(),
      BOT_TOKEN: bot.token?.replace("Bot ", ""),
      GUILD: guild.id,
      TARGET: target.id,
      VICTIM: victim.id,
    });
    try {
      await process.says("round trip done");
    } finally {
      await process.stop();
    }
  }, 120_000);
}
