import { ChannelType, MessageFlags } from "discord-api-types/v10";
import { wireMessage } from "../../core/wire/message.ts";
import { demand, type InGuildChannel } from "../access.ts";
import type { App } from "../app.ts";
import { ApiError } from "../errors.ts";
import { resourceBusy } from "../limits/refusal.ts";
import type { Rate } from "../limits/rules.ts";
import { messageEvents } from "../messages/event.ts";
import { isSystemMessage } from "../messages/kinds.ts";
import { crosspostWait, insertCrosspost } from "../store/crossposts.ts";
import { findMessage, updateMessage } from "../store/messages.ts";

/**
 * What one caller may, and what all together: only what was published counts there, so that nobody who may not publish
 * uses it up. Discord documents no figures; these are what its clients tell.
 */
export const CROSSPOSTS: Rate = { requests: 10, seconds: 3600 };

/**
 * Publishes a message of an announcement channel. The copies are made later, however many follow: fan-out.ts.
 * https://discord.com/developers/docs/resources/message#crosspost-message
 */
export async function crosspost(app: App, where: InGuildChannel, messageId: string) {
  const { channel, caller } = where;
  if (channel.type !== ChannelType.GuildAnnouncement) throw new ApiError("WRONG_CHANNEL_TYPE");
  const place = { type: "guild", id: channel.id } as const;
  return app.change(async (tx, emit) => {
    const wait = app.config.rateLimits ? await crosspostWait(tx, channel.id, CROSSPOSTS) : 0;
    const message = await findMessage(tx, place, messageId, null);
    if (message === undefined) throw new ApiError("UNKNOWN_MESSAGE");
    if (message.author_id !== caller.user.id) demand(where.permissions, ["MANAGE_MESSAGES"]);
    if (isSystemMessage(message)) throw new ApiError("SYSTEM_MESSAGE");
    const isCopy = (message.flags & MessageFlags.IsCrosspost) !== 0;
    // What came from elsewhere is not passed on, or two channels that follow each other would never end.
    if (isCopy || message.snapshots !== null) throw new ApiError("INVALID_MESSAGE_TYPE");
    if (!(await insertCrosspost(tx, messageId, channel.id))) throw new ApiError("ALREADY_CROSSPOSTED");
    if (wait > 0) throw resourceBusy(wait * 1000);
    await updateMessage(tx, messageId, { setFlags: MessageFlags.Crossposted }, null);
    const after = await findMessage(tx, place, messageId, caller.user.id);
    if (after === undefined) throw new ApiError("UNKNOWN_MESSAGE");
    const wire = wireMessage(after, app.cdn);
    for (const event of messageEvents("MESSAGE_UPDATE", where, wire, after.version)) emit(event);
    return wire;
  });
}
