import { test } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import { startBot } from "./bot-process.ts";
import { pythonWithDiscord } from "./toolchains.ts";

const name = "discord.py does all that the platform has by its own methods, and its caches are what REST says";
const python = pythonWithDiscord();

if (python === null) test.skip(name);
else {
  const platform = await startPlatform({ gateways: 2 });
  test(name, async () => {
    const owner = await platform.person("owner");
    const guild = await platform.guild(owner, "Round trip");
    const [target, victim] = [await platform.person("target"), await platform.person("victim")];
    for (const newcomer of [target, victim]) await platform.join(owner, guild, newcomer);
    const bot = await platform.bot(owner, guild.id, "8");
    await bot.patch("/applications/@me", { flags: (1 << 13) | (1 << 15) | (1 << 19) });
    const process = startBot(python, ["test/clients/round_trip.py"], {
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
