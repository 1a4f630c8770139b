# Asks with discord.py and prints what came of it.
#   DISCORD_TOKEN=… python3 polls.py http://127.0.0.1:3000/api/v10 ws://127.0.0.1:3001 CHANNEL_ID
import asyncio
import datetime
import json
import os
import sys

import discord
import yarl

api, gateway, channel_id = sys.argv[1:]
discord.http.Route.BASE = api
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway)
intents = discord.Intents(guilds=True, messages=True, polls=True, message_content=True)
client = discord.Client(intents=intents)


async def main():
    ready, voted, finished = (asyncio.get_running_loop().create_future() for _ in range(3))

    @client.event
    async def on_ready():
        ready.set_result(None)

    @client.event
    async def on_raw_poll_vote_add(payload):
        voted.set_result([payload.answer_id, str(payload.user_id)])

    @client.event
    async def on_message(message):
        if message.type is discord.MessageType.poll_result:
            finished.set_result(None)

    async with client:
        running = asyncio.create_task(client.start(os.environ["DISCORD_TOKEN"]))
        await ready
        poll = discord.Poll(question="Tea or coffee?", duration=datetime.timedelta(hours=1))
        poll.add_answer(text="Tea", emoji="🍵").add_answer(text="Coffee")
        message = await client.get_channel(int(channel_id)).send(poll=poll)
        heard = await voted
        voters = [str(user.id) async for user in message.poll.get_answer(2).voters()]
        ended = await message.end_poll()
        await finished
        # The result changes the message in the cache.
        victor = discord.utils.get(client.cached_messages, id=message.id).poll.victor_answer
        print(json.dumps({"heard": heard, "voters": voters, "finalized": ended.poll.is_finalized(), "victor": victor.text}))
        await client.close()
        await running


asyncio.run(main())
