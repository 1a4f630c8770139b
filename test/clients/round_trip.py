# All that discord.py can do of what the platform has, by its own methods; then its caches are compared with REST.
# What the variables are is in round-trip-place.ts. Prints "invoke ID NAME" when its command may be used, and "round trip
# done" at the end, or a line for each difference.
import asyncio
import datetime
import io
import json
import os
from urllib.request import Request, urlopen

import discord
from discord import app_commands
from discord.http import Route

url = os.environ["GUILDHALL_URL"]
token = os.environ["BOT_TOKEN"]
Route.BASE = f"{url}/api/v10"
discord.asset.Asset.BASE = f"{url}/cdn"

# The one that asks where the gateway is.
client = discord.AutoShardedClient(intents=discord.Intents.all())
tree = app_commands.CommandTree(client)
differences = []


def rest(path):
    request = Request(f"{os.environ['REST_URL']}{path}", headers={"authorization": f"Bot {token}"})
    with urlopen(request) as answer:
        return json.load(answer)


def same(what, cached, told):
    if cached != told:
        differences.append(f"{what}: cached {cached!r}, REST {told!r}")


def compare(guild):
    told = rest(f"/guilds/{guild.id}")
    same("name", guild.name, told["name"])
    same("owner", str(guild.owner_id), told["owner_id"])
    same("description", guild.description, told["description"])
    roles = {
        str(r.id): (r.name, r.color.value, r.hoist, r.mentionable, str(r.permissions.value), r.position)
        for r in guild.roles
    }
    same(
        "roles",
        {i: v[:5] for i, v in roles.items()},
        {
            r["id"]: (r["name"], r["color"], r["hoist"], r["mentionable"], r["permissions"])
            for r in told["roles"]
        },
    )
    channels = {
        str(c.id): (
            c.type.value,
            c.name,
            c.category_id and str(c.category_id),
            sorted((str(t.id), o.pair()[0].value, o.pair()[1].value) for t, o in c.overwrites.items()),
        )
        for c in guild.channels
    }
    same(
        "channels",
        channels,
        {
            c["id"]: (
                c["type"],
                c["name"],
                c["parent_id"],
                sorted((o["id"], int(o["allow"]), int(o["deny"])) for o in c["permission_overwrites"]),
            )
            for c in rest(f"/guilds/{guild.id}/channels")
        },
    )
    same(
        "threads",
        {str(t.id): (t.name, str(t.parent_id), t.locked, t.archived) for t in guild.threads if not t.archived},
        {
            t["id"]: (t["name"], t["parent_id"], t["thread_metadata"]["locked"], t["thread_metadata"]["archived"])
            for t in rest(f"/guilds/{guild.id}/threads/active")["threads"]
        },
    )
    same(
        "members",
        {
            str(m.id): (m.name, m.bot, m.nick, sorted(str(r.id) for r in m.roles[1:]), m.timed_out_until)
            for m in guild.members
        },
        {
            m["user"]["id"]: (
                m["user"]["username"],
                m["user"].get("bot", False),
                m["nick"],
                sorted(m["roles"]),
                discord.utils.parse_time(m["communication_disabled_until"]),
            )
            for m in rest(f"/guilds/{guild.id}/members?limit=100")
        },
    )


async def settled(channel):
    """Until the client has had every event up to now."""
    marker = asyncio.ensure_future(client.wait_for("message", check=lambda m: m.content == "marker"))
    await asyncio.sleep(0)
    await (await channel.send("marker")).delete()
    await marker


@tree.command(name="ping", description="Says pong")
async def ping(interaction):
    try:
        await interaction.response.send_message("pong")
        await interaction.edit_original_response(content="edited")
        same("response", (await interaction.original_response()).content, "edited")
        more = await interaction.followup.send("more", wait=True)
        await more.delete()
        await interaction.delete_original_response()
        answered.set_result(None)
    except Exception as error:
        answered.set_exception(error)


async def commands(guild):
    global answered
    answered = asyncio.get_running_loop().create_future()
    for where in (None, guild):
        if where is not None:
            tree.copy_global_to(guild=where)
        await tree.sync(guild=where)
        fetched = (await tree.fetch_commands(guild=where))[0]
        edited = await fetched.edit(description="Changed")
        same("command", (await tree.fetch_command(edited.id, guild=where)).description, "Changed")
    try:
        await edited.fetch_permissions(guild)
        differences.append("a command without rules has some")
    except discord.NotFound:
        pass
    print(f"invoke {edited.id} {edited.name}", flush=True)
    await answered
    print(f"rule {edited.id}", flush=True)
    await client.wait_for("raw_app_command_permissions_update")
    same("rules", len((await edited.fetch_permissions(guild)).permissions), 1)
    await edited.delete()
    await (await tree.fetch_commands())[0].delete()
    application = await client.application_info()
    await application.edit(description="Says pong")
    same("application", (await client.application_info()).description, "Says pong")


async def fetches(guild, text):
    """What it has cached, asked for."""
    # The cache's own: it may have replaced the one that the request returned.
    same("channel", (await client.fetch_channel(text.id)).name, guild.get_channel(text.id).name)
    same("channels", {c.id for c in await guild.fetch_channels()}, {c.id for c in guild.channels})
    same("roles", {r.id for r in await guild.fetch_roles()}, {r.id for r in guild.roles})
    same("role", (await guild.fetch_role(guild.id)).name, "@everyone")
    same("members", {m.id async for m in guild.fetch_members()}, {m.id for m in guild.members})
    same("threads", {t.id for t in await guild.active_threads()}, {t.id for t in guild.threads if not t.archived})
    same("guild", (await client.fetch_guild(guild.id)).name, guild.name)
    same("guilds", {g.id async for g in client.fetch_guilds()}, {g.id for g in client.guilds})
    same("user", (await client.fetch_user(client.user.id)).name, client.user.name)
    invite = await text.create_invite()
    same("invite", (await client.fetch_invite(invite.code)).code, invite.code)
    same("channel's invites", invite.code in [i.code for i in await text.invites()], True)
    webhook = await text.create_webhook(name="Fetched")
    same("webhook", (await client.fetch_webhook(webhook.id)).token, webhook.token)
    same("guild's webhooks", webhook.id in [w.id for w in await guild.webhooks()], True)
    for prefers_auth in (True, False):
        await webhook.edit(name=f"By {prefers_auth}", prefer_auth=prefers_auth)
        same("webhook's name", (await webhook.fetch(prefer_auth=prefers_auth)).name, f"By {prefers_auth}")
    await webhook.delete(prefer_auth=False)
    await (await text.create_webhook(name="Deleted")).delete(prefer_auth=True)


async def leave_things(guild, text, target):
    """Threads, reactions, members and a guild go."""
    message = await text.send("react")
    for emoji in ("👍", "🔥"):
        await message.add_reaction(emoji)
    await message.remove_reaction("🔥", client.user)
    await message.remove_reaction("👍", target)
    await message.clear_reactions()
    thread = await message.create_thread(name="of it")
    await thread.leave()
    await thread.join()
    same("thread's member", (await thread.fetch_member(client.user.id)).id, client.user.id)
    await thread.edit(archived=True)
    same("archived", [t.id async for t in text.archived_threads()], [thread.id])
    mine = [t.id async for t in text.archived_threads(private=True, joined=True)]
    same("archived of mine", mine, [t.id async for t in text.archived_threads(private=True)])
    member = guild.get_member(target.id)
    await member.remove_roles(member.roles[-1])
    await (await guild.fetch_member(int(os.environ["VICTIM2"]))).kick(reason="out")
    await guild.bulk_ban([discord.Object(int(os.environ[name])) for name in ("VICTIM", "GUEST")], reason="both")
    same("bans", len([b async for b in guild.bans()]), 2)
    await client.user.edit(username="Renamed bot")
    await client.get_guild(int(os.environ["OTHER_GUILD"])).leave()


async def everything(guild):
    target = await guild.fetch_member(int(os.environ["TARGET"]))
    await guild.edit(name="Renamed", description="Described", afk_timeout=900, reason="ümlauts")
    role = await guild.create_role(name="Role", color=discord.Color(0x3498DB), hoist=True, mentionable=True)
    await role.edit(name="Edited", permissions=discord.Permissions(ban_members=True), position=1)
    short = await guild.create_role(name="Short")
    await guild.edit_role_positions({role: 1})
    await short.delete()
    await target.add_roles(role)
    await target.edit(nick="Nick", timed_out_until=discord.utils.utcnow() + datetime.timedelta(minutes=5))
    await guild.me.edit(nick="Robot")

    category = await guild.create_category("category")
    text = await guild.create_text_channel("text", category=category, topic="topic", slowmode_delay=1)
    await guild.create_voice_channel("voice", category=category)
    await guild.create_stage_channel("stage", category=category)
    news = await guild.create_text_channel("news", news=True)
    forum = await guild.create_forum("forum", available_tags=[discord.ForumTag(name="tag")])
    await text.set_permissions(guild.default_role, send_messages=False)
    await text.set_permissions(target, view_channel=True, send_messages=True)
    await text.set_permissions(client.user, view_channel=True)
    await text.set_permissions(client.user, overwrite=None)
    await text.edit(name="edited", topic="another", position=0)
    await (await guild.create_text_channel("short")).delete(reason="not needed")

    async with text.typing():
        first = await text.send(f"hello {target.mention}", embed=discord.Embed(title="T", color=1))
    reply = await first.reply("reply", file=discord.File(io.BytesIO(b"text"), "a.txt", description="alt"))
    same("file", await reply.attachments[0].read(), b"text")
    await first.forward(text)
    await first.edit(content="edited", suppress=False)
    for emoji in ("👍", "🔥"):
        await first.add_reaction(emoji)
    await first.clear_reaction("🔥")
    same("reacted", [u.id async for u in (await text.fetch_message(first.id)).reactions[0].users()], [client.user.id])
    await first.pin()
    same("pins", [m.id async for m in text.pins()], [first.id])
    await first.unpin()
    await text.delete_messages([await text.send("1"), await text.send("2")])
    await reply.delete()
    told = {m["id"]: m for m in rest(f"/channels/{text.id}/messages?limit=100")}
    async for message in text.history(limit=100):
        one = told.pop(str(message.id))
        same(
            f"message {message.id}",
            (message.content, message.type.value, message.pinned, str(message.author.id), message.edited_at, len(message.embeds)),
            (
                one["content"],
                one["type"],
                one["pinned"],
                one["author"]["id"],
                discord.utils.parse_time(one["edited_timestamp"]),
                len(one["embeds"]),
            ),
        )
    same("history", told, {})

    webhook = await text.create_webhook(name="Hook")
    posted = await webhook.send("posted", username="Name", wait=True, embed=discord.Embed(title="E"))
    await posted.edit(content="changed")
    same("webhook's message", (await webhook.fetch_message(posted.id)).content, "changed")
    await posted.delete()
    await webhook.edit(name="Renamed")
    same("webhooks", [w.name for w in await text.webhooks()], ["Renamed"])
    await webhook.delete()

    thread = await text.create_thread(name="public", type=discord.ChannelType.public_thread)
    await thread.add_user(target)
    await thread.send("in it")
    await thread.edit(name="named", locked=True)
    same("thread members", {m.id for m in await thread.fetch_members()}, {target.id, client.user.id})
    await thread.remove_user(target)
    hidden = await text.create_thread(name="private", type=discord.ChannelType.private_thread)
    await hidden.edit(archived=True)
    same("archived", [t.id async for t in text.archived_threads(private=True)], [hidden.id])
    post, _ = await forum.create_thread(name="post", content="body", applied_tags=[forum.available_tags[0]])
    await post.edit(name="renamed post")
    headline = await news.send("news")
    await headline.publish()
    await news.follow(destination=text)
    await headline.create_thread(name="of news")

    invite = await text.create_invite(max_age=60, max_uses=1)
    same("invites", invite.code in [i.code for i in await guild.invites()], True)
    await invite.delete()
    victim = await guild.fetch_member(int(os.environ["VICTIM"]))
    await guild.ban(victim, reason="spam", delete_message_seconds=60)
    same("ban", (await guild.fetch_ban(victim)).reason, "spam")
    await guild.unban(victim)
    entry = [e async for e in guild.audit_logs(limit=1)][0]
    same("audit log", (entry.action, entry.target.id), (discord.AuditLogAction.unban, victim.id))
    dm = await target.send("in private")
    await dm.edit(content="still")
    await dm.delete()
    await commands(guild)
    await fetches(guild, text)
    await leave_things(guild, text, target)
    await settled(news)
    compare(guild)


@client.event
async def on_ready():
    try:
        await everything(client.get_guild(int(os.environ["GUILD"])))
        print("; ".join(differences) if differences else "round trip done", flush=True)
    except Exception as error:
        import traceback

        traceback.print_exc()
        print(f"failed: {error!r}", flush=True)
    await client.close()


client.run(token)
