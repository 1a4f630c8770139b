# A discord.py bot with a slash command, a button and a modal. Only the base URL differs from a bot at Discord.
#   GUILDHALL_URL=http://localhost:3000 BOT_TOKEN=… python3 examples/discord_py_slash_bot.py
import json
import os
from urllib.request import urlopen

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

url = os.environ.get("GUILDHALL_URL", "http://localhost:3000")

Route.BASE = f"{url}/api/v10"
# discord.py has Discord's gateway built in and doesn't ask for it, so this does.
with urlopen(f"{Route.BASE}/gateway") as answer:
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(json.load(answer)["url"])


class Feedback(discord.ui.Modal, title="Reply"):
    text = discord.ui.TextInput(label="Your reply", custom_id="text")

    def __init__(self):
        super().__init__(custom_id="reply")

    async def on_submit(self, interaction):
        content = f"{interaction.message.content}\n{interaction.user.name}: {self.text.value}"
        await interaction.response.edit_message(content=content, view=None)


class Reply(discord.ui.View):
    @discord.ui.button(label="Reply", style=discord.ButtonStyle.primary, custom_id="reply")
    async def reply(self, interaction, _button):
        await interaction.response.send_modal(Feedback())


class Bot(discord.Client):
    def __init__(self):
        super().__init__(intents=discord.Intents(guilds=True))
        self.tree = app_commands.CommandTree(self)

    async def setup_hook(self):
        await self.tree.sync()

    async def on_ready(self):
        print(f"ready as {self.user}", flush=True)


bot = Bot()
LANGUAGES = {"English": "Hello", "German": "Hallo", "French": "Bonjour"}


@bot.tree.command(description="Greets somebody")
@app_commands.describe(user="Whom", language="In which")
async def greet(interaction: discord.Interaction, user: discord.User, language: str = "English"):
    await interaction.response.defer()
    await interaction.edit_original_response(content=f"{LANGUAGES.get(language, 'Hello')} {user.name}", view=Reply())
    await interaction.followup.send("Sent.", ephemeral=True)


@greet.autocomplete("language")
async def suggest(_interaction, typed: str):
    names = [name for name in LANGUAGES if name.lower().startswith(typed.lower())]
    return [app_commands.Choice(name=name, value=name) for name in names]


bot.run(os.environ["BOT_TOKEN"])
