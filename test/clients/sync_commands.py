"""Registers commands of every kind with discord.py as it is, and prints what it then fetches."""

import os
from typing import Literal, Optional

import discord
import yarl
from discord import app_commands

api = os.environ["API_URL"]
discord.http.Route.BASE = f"{api}/v10"
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["GATEWAY_URL"])
guild = discord.Object(int(os.environ["GUILD_ID"]))


class German(app_commands.Translator):
    async def translate(self, string, locale, context):
        return "alles" if locale is discord.Locale.german and string.message == "everything" else None


class Bot(discord.Client):
    def __init__(self):
        super().__init__(intents=discord.Intents.none())
        self.tree = app_commands.CommandTree(self)

    async def setup_hook(self):
        await self.tree.set_translator(German())


bot = Bot()


@bot.tree.command(name="everything", description="Every type of option", nsfw=True)
@app_commands.describe(text="d", whole="d", number="d")
@app_commands.default_permissions(ban_members=True)
@app_commands.guild_only()
async def everything(
    interaction: discord.Interaction,
    text: Literal["cat", "dog"],
    whole: app_commands.Range[int, 1, 9],
    number: app_commands.Range[float, 0.5, 1.5],
    flag: Optional[bool],
    member: Optional[discord.Member],
    role: Optional[discord.Role],
    channel: Optional[discord.TextChannel],
    file: Optional[discord.Attachment],
    anybody: Optional[discord.User],
    limit: Optional[app_commands.Range[str, 1, 20]],
):
    pass


@everything.autocomplete("limit")
async def suggest(interaction: discord.Interaction, current: str):
    return []


group = app_commands.Group(name="group", description="A group")
inner = app_commands.Group(name="inner", description="A group within", parent=group)


@inner.command(name="leaf", description="d")
async def leaf(interaction: discord.Interaction, at_most: app_commands.Range[int, None, 9_007_199_254_740_991]):
    pass


bot.tree.add_command(group)


@bot.tree.context_menu(name="High five!")
async def high_five(interaction: discord.Interaction, member: discord.Member):
    pass


@bot.event
async def on_ready():
    made = await bot.tree.sync()
    bot.tree.copy_global_to(guild=guild)
    await bot.tree.sync(guild=guild)
    fetched = await bot.tree.fetch_commands(guild=guild)
    first = next(command for command in await bot.tree.fetch_commands() if command.name == "everything")
    print("made", sorted(command.name for command in made), flush=True)
    print("fetched", sorted(command.name for command in fetched), flush=True)
    print("options", [(option.name, option.required) for option in first.options][:4], flush=True)
    print("default", first.default_member_permissions.ban_members, first.dm_permission, first.nsfw, flush=True)
    edited = await first.edit(description="Changed")
    print("edited", edited.id == first.id, edited.description, flush=True)
    await bot.close()


bot.run(os.environ["BOT_TOKEN"], log_handler=None)
