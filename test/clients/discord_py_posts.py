# Posts into channels, reacts and deletes, all as fast as discord.py's own limiter lets it: GUILDHALL_URL, BOT_TOKEN,
# WEBHOOK (id/token), FIRST_CHANNEL, the number of messages and the channels' ids as arguments.
import asyncio
import logging
import os
import sys

import aiohttp
import discord

discord.http.Route.BASE = os.environ["GUILDHALL_URL"] + "/api/v10"
logging.basicConfig(level=logging.WARNING)


async def main(count: int, channels: list[int]) -> None:
    client = discord.Client(intents=discord.Intents.none())
    await client.login(os.environ["BOT_TOKEN"])

    async def one(channel: discord.PartialMessageable, i: int) -> None:
        message = await channel.send(f"discord.py {i}")
        await message.add_reaction("👍")
        if i % 2 == 0:
            await message.delete()

    await one(client.get_partial_messageable(int(os.environ["FIRST_CHANNEL"])), 0)
    places = [client.get_partial_messageable(id) for id in channels]
    await asyncio.gather(*(one(place, i) for place in places for i in range(count)))
    await client.close()

    async with aiohttp.ClientSession() as session:
        id, token = os.environ["WEBHOOK"].split("/")
        webhook = discord.Webhook.partial(int(id), token, session=session)
        await asyncio.gather(*(webhook.send(f"webhook {i}") for i in range(count)))
    print("done")


asyncio.run(main(int(sys.argv[1]), [int(id) for id in sys.argv[2:]]))
