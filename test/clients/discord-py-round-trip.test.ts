import { expect, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import { startBot } from "./bot-process.ts";
import { makeRoundTripPlace } from "./round-trip-place.ts";
import { missingFrom } from "./tier-1.ts";
import { pythonWithDiscord } from "./toolchains.ts";

const name = "discord.py does all of tier 1 by its own methods, and its caches are what REST says";
const python = pythonWithDiscord();

if (python === null) test.skip(name);
else {
  const platform = await startPlatform({ gateways: 2 });
  test(name, async () => {
    const at = await makeRoundTripPlace(platform);
    const process = startBot(python, ["test/clients/round_trip.py"], at.env);
    try {
      const [, id = "", command = ""] = (await process.says("invoke ")).split(" ");
      await at.invoke({ id, name: command });
      await process.says("rule ");
      await at.rule(id);
      await process.says("round trip done");
    } finally {
      await process.stop();
    }
    expect(missingFrom("discord.py", at.log.done)).toEqual([]);
  }, 120_000);
}
