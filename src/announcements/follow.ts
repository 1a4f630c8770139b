import { AuditLogEvent, ChannelType, MessageType } from "discord-api-types/v10";
import { beginningOf } from "../../core/text.ts";
import { demand, enterChannel, type InGuildChannel } from "../access.ts";
import type { App } from "../app.ts";
import { auditChange } from "../audit/entry.ts";
import { webhookFields } from "../audit/fields.ts";
import type { Caller } from "../auth/caller.ts";
import { ApiError, invalidField } from "../errors.ts";
import { postSystemMessage } from "../messages/system.ts";
import { findGuild } from "../store/guilds.ts";
import { findFollower, insertWebhook } from "../store/webhooks.ts";
import { MAX_PER_CHANNEL, webhooksUpdate } from "../webhooks/event.ts";

const MAX_NAME = 80;
/** Where what is published elsewhere may be shown. */
const TARGETS: readonly number[] = [ChannelType.GuildText, ChannelType.GuildAnnouncement];

/**
 * Lets a channel follow an announcement channel, by a webhook of its own; one that does already goes on as it is.
 * https://discord.com/developers/docs/resources/channel#follow-announcement-channel
 */
export async function followChannel(app: App, source: InGuildChannel, caller: Caller, targetId: string) {
  if (source.channel.type !== ChannelType.GuildAnnouncement) throw new ApiError("WRONG_CHANNEL_TYPE");
  const target = await enterChannel({ app, caller }, targetId);
  if (target.type === "dm") throw new ApiError("NOT_IN_DM");
  demand(target.permissions, ["MANAGE_WEBHOOKS"]);
  if (!TARGETS.includes(target.channel.type)) throw new ApiError("WRONG_CHANNEL_TYPE");
  if (targetId === source.channel.id) {
    throw invalidField(["webhook_channel_id"], "BASE_TYPE_INVALID", "A channel can't follow itself.");
  }
  return app.change(async (tx, emit) => {
    const known = await findFollower(tx, targetId, source.channel.id);
    if (known !== undefined) return { channel_id: source.channel.id, webhook_id: known.id };
    const guild = await findGuild(tx, source.guild.id);
    if (guild === undefined) throw new ApiError("UNKNOWN_CHANNEL");
    const followed = `${guild.name} #${source.channel.name}`;
    const id = app.nextId();
    const webhook = {
      id,
      guildId: target.guild.id,
      channelId: targetId,
      creatorId: caller.user.id,
      applicationId: null,
      name: beginningOf(followed, MAX_NAME),
      avatar: guild.icon,
      sourceChannelId: source.channel.id,
    };
    if (!(await insertWebhook(tx, webhook, MAX_PER_CHANNEL))) throw new ApiError("MAX_WEBHOOKS");
    const row = await findFollower(tx, targetId, source.channel.id);
    if (row === undefined) throw new Error("the webhook just made is not there");
    emit(webhooksUpdate(target.guild.id, targetId));
    emit(auditChange(target.guild.id, AuditLogEvent.WebhookCreate, id, null, webhookFields(row)));
    await postSystemMessage(app, tx, emit, target, {
      id: app.nextId(),
      channelId: targetId,
      type: MessageType.ChannelFollowAdd,
      content: followed,
      reference: { messageId: null, channelId: source.channel.id, guildId: guild.id },
    });
    return { channel_id: source.channel.id, webhook_id: row.id };
  });
}
