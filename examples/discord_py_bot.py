# A discord.py bot that answers !ping with pong. Only the base URL differs from a bot at Discord.
#   GUILDHALL_URL=http://localhost:3000 BOT_TOKEN=… python3 examples/discord_py_bot.py
import json
import os
from urllib.request import urlopen

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

url = os.environ.get("GUILDHALL_URL", "http://localhost:3000")

Route.BASE = f"{url}/api/v10"
# discord.py has Discord's gateway built in and doesn't ask for it, so this does.
with urlopen(f"{Route.BASE}/gateway") as answer:
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(json.load(answer)["url"])

intents = discord.Intents(guilds=True, guild_messages=True, message_content=True)
client = discord.Client(intents=intents)


@client.event
async def on_ready():
    print(f"ready as {client.user} in {', '.join(guild.name for guild in client.guilds)}", flush=True)


@client.event
async def on_message(message):
    if message.content == "!ping":
        await message.reply("pong")


client.run(os.environ["BOT_TOKEN"])
