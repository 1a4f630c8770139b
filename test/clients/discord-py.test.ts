import { test } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import { expectPong } from "./ping.ts";
import { pythonWithDiscord } from "./toolchains.ts";

const name = (compression: string) =>
  `an unmodified discord.py bot over ${compression} answers a person, who is on another gateway node`;

const python = pythonWithDiscord();
const compressions = ["zlib-stream", "zstd-stream"];

if (python === null) {
  for (const compression of compressions) test.skip(name(compression));
} else {
  const platform = await startPlatform({ gateways: 2 });
  for (const compression of compressions) {
    test(name(compression), async () => {
      const args = ["test/clients/with_compression.py", compression, "examples/discord_py_bot.py"];
      await expectPong(platform, python, args);
    });
  }
}
