import { expect, onTestFinished, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import { startBot } from "./bot-process.ts";
import { pythonWithDiscord } from "./toolchains.ts";

const name = "an unmodified discord.py syncs commands of every kind, and fetches and edits them";
const python = pythonWithDiscord();

if (python === null) test.skip(name);
else {
  const platform = await startPlatform();
  test(name, async () => {
    const owner = await platform.person("owner");
    const guild = await platform.guild(owner);
    const bot = await platform.bot(owner, guild.id);
    const script = startBot(python, ["test/clients/sync_commands.py"], {
      API_URL: `${platform.url()}/api`,
      GATEWAY_URL: `${platform.gatewayUrl()}/`,
      GUILD_ID: guild.id,
      BOT_TOKEN: bot.token?.replace("Bot ", "") ?? "",
    });
    onTestFinished(() => script.stop());
    expect(await script.says("edited ")).toBe("edited True Changed");
    expect(await script.says("made ")).toBe("made ['High five!', 'everything', 'group']");
    expect(await script.says("fetched ")).toBe("fetched ['High five!', 'everything', 'group']");
    expect(await script.says("options ")).toBe(
      "options [('text', True), ('whole', True), ('number', True), ('flag', False)]",
    );
    expect(await script.says("default ")).toBe("default True False True");
    const [everything] = await bot.get(`/applications/${bot.id}/guilds/${guild.id}/commands?with_localizations=1`);
    expect(everything).toMatchObject({ name_localizations: { de: "alles" }, default_member_permissions: "4" });
    const commands = await bot.get(`/applications/${bot.id}/commands`);
    const group = commands.find((command: { name: string }) => command.name === "group");
    expect(group.options[0].options[0].options[0]).toMatchObject({ max_value: 2 ** 53 - 1, required: true });
  });
}
