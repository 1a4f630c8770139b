# Runs a discord.py bot with the transport compression named first: discord.py takes zstd-stream where it finds a zstd
# module, so for zlib-stream the modules are hidden from it.
#   python3 with_compression.py zlib-stream|zstd-stream bot.py
import runpy
import sys

compression, bot = sys.argv[1:]
if compression == "zlib-stream":
    sys.modules["zstandard"] = None
    sys.modules["compression.zstd"] = None

import discord

chosen = discord.utils._ActiveDecompressionContext.COMPRESSION_TYPE
if chosen != compression:
    sys.exit(f"discord.py would ask for {chosen}, not {compression}")
runpy.run_path(bot, run_name="__main__")
