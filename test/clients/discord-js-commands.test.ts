import {
  ApplicationCommandPermissionType,
  ApplicationCommandType,
  ApplicationIntegrationType,
  ChannelType,
  Client,
  ContextMenuCommandBuilder,
  Events,
  GatewayIntentBits,
  InteractionContextType,
  Locale,
  PermissionFlagsBits,
  SlashCommandBuilder,
} from "discord.js";
import { afterAll, expect, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const bot = await platform.bot(owner, guild.id);
const client = new Client({ intents: [GatewayIntentBits.Guilds], rest: { api: `${platform.url()}/api` } });
afterAll(() => client.destroy());
const ready = new Promise<Client<true>>((resolve) => client.once(Events.ClientReady, resolve));
await client.login(bot.token?.replace("Bot ", ""));
const { application } = await ready;

const everything = new SlashCommandBuilder()
  .setName("everything")
  .setNameLocalizations({ [Locale.German]: "alles" })
  .setDescription("Every type of option")
  .setDefaultMemberPermissions(PermissionFlagsBits.BanMembers | PermissionFlagsBits.KickMembers)
  .setNSFW(true)
  .setContexts(InteractionContextType.Guild)
  .setIntegrationTypes(ApplicationIntegrationType.GuildInstall)
  .addStringOption((o) =>
    o.setName("text").setDescription("d").setRequired(true).addChoices({ name: "Cat", value: "cat" }),
  )
  .addIntegerOption((o) => o.setName("whole").setDescription("d").setMinValue(1).setMaxValue(9).setAutocomplete(true))
  .addNumberOption((o) => o.setName("number").setDescription("d").setMinValue(0.5).setMaxValue(1.5))
  .addBooleanOption((o) => o.setName("flag").setDescription("d"))
  .addUserOption((o) => o.setName("user").setDescription("d"))
  .addRoleOption((o) => o.setName("role").setDescription("d"))
  .addMentionableOption((o) => o.setName("mentionable").setDescription("d"))
  .addAttachmentOption((o) => o.setName("file").setDescription("d"))
  .addChannelOption((o) => o.setName("channel").setDescription("d").addChannelTypes(ChannelType.GuildText));
const nested = new SlashCommandBuilder()
  .setName("nested")
  .setDescription("Groups")
  .setContexts(InteractionContextType.Guild, InteractionContextType.BotDM)
  .setIntegrationTypes(ApplicationIntegrationType.GuildInstall)
  .addSubcommand((s) => s.setName("alone").setDescription("d"))
  .addSubcommandGroup((g) =>
    g
      .setName("group")
      .setDescription("d")
      .addSubcommand((s) =>
        s
          .setName("sub")
          .setDescription("d")
          .addStringOption((o) => o.setName("text").setDescription("d").setMaxLength(9)),
      ),
  );
const menu = new ContextMenuCommandBuilder()
  .setName("High five!")
  .setType(ApplicationCommandType.User)
  .setContexts(InteractionContextType.Guild)
  .setIntegrationTypes(ApplicationIntegrationType.GuildInstall, ApplicationIntegrationType.UserInstall);
const all = [everything, nested, menu];

test("discord.js registers every kind of command and finds what it registered", async () => {
  for (const set of [() => application.commands.set(all), () => application.commands.set(all, guild.id)]) {
    const made = await set();
    expect(made.map((command) => command.name)).toEqual(["everything", "nested", "High five!"]);
    const again = await set();
    expect(again.map(({ id, version }) => [id, version])).toEqual(made.map(({ id, version }) => [id, version]));
  }
  const fetched = await application.commands.fetch({ withLocalizations: true });
  for (const builder of all) {
    const command = fetched.find(({ name }) => name === builder.name);
    if (command === undefined) throw new Error(`${builder.name} is not there`);
    const { id, applicationId: application_id, version } = command;
    const json = builder.toJSON();
    // What a builder leaves undefined, equals() takes for a difference.
    const { default_member_permissions = null, nsfw = false, type = command.type } = json;
    const wanted = { description: "", ...json, default_member_permissions, nsfw, type };
    expect(command.equals({ ...wanted, id, application_id, version }, true), builder.name).toBe(true);
  }
});

test("discord.js edits, localizes and deletes", async () => {
  const command = await application.commands.create({ name: "ping", description: "Says pong" });
  const edited = await command.edit({ description: "Changed", nameLocalizations: { de: "klopf" } });
  expect(edited).toMatchObject({ id: command.id, description: "Changed", nameLocalizations: { de: "klopf" } });
  const german = await application.commands.fetch({ locale: Locale.German });
  expect(german.get(command.id)).toMatchObject({ name: "ping", nameLocalized: "klopf" });
  await command.delete();
  await expect(application.commands.fetch(command.id)).rejects.toMatchObject({ code: 10063 });
});

test("discord.js hears of rules for its commands, and reads them", async () => {
  const command = await application.commands.create({ name: "ruled", description: "d" }, guild.id);
  const heard = new Promise((resolve) => client.once(Events.ApplicationCommandPermissionsUpdate, resolve));
  const permissions = [{ id: owner.id, type: ApplicationCommandPermissionType.User, permission: false }];
  await owner.put(`/applications/${bot.id}/guilds/${guild.id}/commands/${command.id}/permissions`, { permissions });
  expect(await heard).toMatchObject({ id: command.id, guildId: guild.id, applicationId: bot.id, permissions });
  expect(await client.application?.commands.permissions.fetch({ guild: guild.id, command: command.id })).toEqual(
    permissions,
  );
});

test("discord.js edits its application", async () => {
  const edited = await application.edit({ description: "Says pong", tags: ["ping"], installParams: undefined });
  expect(edited).toMatchObject({ description: "Says pong", tags: ["ping"], owner: { id: owner.id } });
  const fetched = await application.fetch();
  expect(fetched.approximateGuildCount).toBe(1);
  expect(Object.keys(fetched.integrationTypesConfig ?? {})).toEqual(["0", "1"]);
});
