# Posts with senders that know nothing of Guildhall but its URL: WEBHOOK_URL is a webhook's, with the name of the sender
# as argument. What has Discord's or Slack's host written into it has that one variable changed.
import os
import sys

url = os.environ["WEBHOOK_URL"]
base, id, token = url.rsplit("/", 2)


def discord_py() -> None:
    import discord
    import requests

    discord.http.Route.BASE = base.removesuffix("/webhooks")
    webhook = discord.SyncWebhook.partial(int(id), token, session=requests.Session())
    message = webhook.send("from discord.py", username="py", embed=discord.Embed(title="Embed"), wait=True)
    message.edit(content="edited by discord.py")
    assert webhook.fetch_message(message.id).content == "edited by discord.py"


def discord_webhook() -> None:
    from discord_webhook import DiscordEmbed, DiscordWebhook

    # Faster than the limit: it waits as it is told.
    for i in range(7):
        webhook = DiscordWebhook(url=url, content=f"discord-webhook {i}", rate_limit_retry=True)
        webhook.add_embed(DiscordEmbed(title="Embed", description="of discord-webhook", color="03b2f8"))
        webhook.add_file(file=b"text of a file", filename="note.txt")
        response = webhook.execute()
        assert response.status_code == 200, response.text
    webhook.content = "edited by discord-webhook"
    assert webhook.edit().status_code == 200


def apprise_discord() -> None:
    import apprise
    from apprise.plugins.discord import NotifyDiscord

    NotifyDiscord.notify_url = base
    sender = apprise.Apprise()
    assert sender.add(f"discord://{id}/{token}/?format=markdown&footer=yes")
    assert sender.notify(title="From apprise", body="**body** of it")


def apprise_slack() -> None:
    import apprise
    from apprise.plugins.slack import NotifySlack

    # It appends the three parts of a Slack URL.
    NotifySlack.webhook_url = f"{url}/slack?of="
    sender = apprise.Apprise()
    assert sender.add("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?footer=no")
    assert sender.notify(title="From apprise", body="body for *Slack*")


globals()[sys.argv[1]]()
