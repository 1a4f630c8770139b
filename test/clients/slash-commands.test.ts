import { test } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import { expectGreeting } from "./greeting.ts";
import { pythonWithDiscord } from "./toolchains.ts";

const platform = await startPlatform({ gateways: 2 });

test("an unmodified discord.js bot: command, autocomplete, deferral, follow-up, button and modal", async () => {
  await expectGreeting(platform, "node", ["examples/discord-js-slash-bot.mjs"]);
});

const python = pythonWithDiscord();
const ofPython = "an unmodified discord.py bot: the same";
if (python === null) test.skip(ofPython);
else {
  test(ofPython, async () => {
    await expectGreeting(platform, python, ["examples/discord_py_slash_bot.py"]);
  });
}
