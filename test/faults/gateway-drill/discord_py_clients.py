# Several discord.py clients in a process of their own, as bots have them. What each gets over the gateway is printed, a
# line of JSON each: library-readers.ts reads them. Takes its task from the environment, as JSON.
import asyncio
import json
import logging
import os
import time
from urllib.request import urlopen

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

task = json.loads(os.environ["DRILL_TASK"])
Route.BASE = f"{task['api']}/api/v10"
with urlopen(f"{Route.BASE}/gateway") as answer:
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(json.load(answer)["url"])
logging.getLogger("discord").setLevel(logging.CRITICAL)


def report(client, kind, **more):
    try:
        print(json.dumps({"client": client, "kind": kind, "at": int(time.time() * 1000), **more}), flush=True)
    except BrokenPipeError:
        # The parent is gone, however it ended.
        os._exit(1)


def ids(things):
    return [{"id": thing["id"]} for thing in things]


# As `essence` in record.ts.
def essence(t, d):
    if t == "READY":
        return {"session_id": d["session_id"], "guilds": ids(d["guilds"])}
    if t == "GUILD_CREATE":
        return {"id": d["id"], "channels": ids(d["channels"])}
    if t in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
        known = {key: d[key] for key in ("id", "edited_timestamp")}
        return {**known, "content": d["content"][:30], "mentions": ids(d["mentions"])}
    if t == "GUILD_ROLE_UPDATE":
        return {"role": {key: d["role"][key] for key in ("id", "name")}}
    if t == "GUILD_MEMBER_UPDATE":
        return {"user": {"id": d["user"]["id"]}}
    d = d or {}
    return {key: d[key] for key in ("id", "guild_id") if key in d}


class Reader(discord.Client):
    def __init__(self, index, **options):
        super().__init__(enable_debug_events=True, max_messages=None, **options)
        self.index = index

    async def on_socket_raw_receive(self, text):
        payload = json.loads(text)
        if payload["op"] == 0:
            t, d = payload["t"], payload["d"]
            report(self.index, "dispatch", t=t, s=payload["s"], d=essence(t, d))
        elif payload["op"] == 9 and not payload["d"]:
            report(self.index, "invalid")

    async def on_disconnect(self):
        report(self.index, "reconnecting")


async def run(index, settings):
    intents = discord.Intents(0)
    intents.value = settings["intents"]
    shard_id, shard_count = settings["shard"]
    reader = Reader(index, intents=intents, shard_id=shard_id, shard_count=shard_count)
    report(index, "reconnecting")
    await reader.start(settings["token"])


async def main():
    await asyncio.gather(*(run(index, settings) for index, settings in enumerate(task["clients"])))


asyncio.run(main())
