import { test } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import { expectPong } from "./ping.ts";

const platform = await startPlatform({ gateways: 2 });

test("an unmodified discord.js bot answers a person, who is on another gateway node", async () => {
  await expectPong(platform, "node", ["examples/discord-js-bot.mjs"]);
});
