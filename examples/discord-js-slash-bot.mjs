// A discord.js bot with a slash command that suggests, a button and a modal. Only the base URL differs from a bot at
// Discord.
//   GUILDHALL_URL=http://localhost:3000 BOT_TOKEN=… node examples/discord-js-slash-bot.mjs
import {
  ActionRowBuilder,
  ButtonBuilder,
  ButtonStyle,
  Client,
  Events,
  MessageFlags,
  ModalBuilder,
  SlashCommandBuilder,
  TextInputBuilder,
  TextInputStyle,
} from "discord.js";

const { GUILDHALL_URL = "http://localhost:3000", BOT_TOKEN } = process.env;

const LANGUAGES = { English: "Hello", German: "Hallo", French: "Bonjour" };
const greet = new SlashCommandBuilder()
  .setName("greet")
  .setDescription("Greets somebody")
  .addUserOption((option) => option.setName("user").setDescription("Whom").setRequired(true))
  .addStringOption((option) => option.setName("language").setDescription("In which").setAutocomplete(true));

const client = new Client({ intents: ["Guilds"], rest: { api: `${GUILDHALL_URL}/api` } });

client.once(Events.ClientReady, async ({ user, application }) => {
  await application.commands.set([greet]);
  console.log(`ready as ${user.tag}`);
});

client.on(Events.InteractionCreate, async (interaction) => {
  if (interaction.isAutocomplete()) {
    const typed = interaction.options.getFocused().toLowerCase();
    const names = Object.keys(LANGUAGES).filter((name) => name.toLowerCase().startsWith(typed));
    await interaction.respond(names.map((name) => ({ name, value: name })));
  } else if (interaction.isChatInputCommand()) {
    await interaction.deferReply();
    const hello = LANGUAGES[interaction.options.getString("language") ?? "English"] ?? "Hello";
    const button = new ButtonBuilder().setCustomId("reply").setLabel("Reply").setStyle(ButtonStyle.Primary);
    await interaction.editReply({
      content: `${hello} ${interaction.options.getUser("user").username}`,
      components: [new ActionRowBuilder().addComponents(button)],
    });
    await interaction.followUp({ content: "Sent.", flags: MessageFlags.Ephemeral });
  } else if (interaction.isButton()) {
    const input = new TextInputBuilder().setCustomId("text").setLabel("Your reply").setStyle(TextInputStyle.Short);
    const modal = new ModalBuilder().setCustomId("reply").setTitle("Reply");
    await interaction.showModal(modal.addComponents(new ActionRowBuilder().addComponents(input)));
  } else if (interaction.isModalSubmit()) {
    const text = interaction.fields.getTextInputValue("text");
    await interaction.update({
      content: `${interaction.message.content}\n${interaction.user.username}: ${text}`,
      components: [],
    });
  }
});

await client.login(BOT_TOKEN);
