import { z } from "zod";
import { autoArchiveDuration, channelPatch, slowmode } from "../channels/body.ts";
import { appliedTags } from "../channels/tags.ts";
import { trimmed } from "../fields.ts";
import { messageCreate } from "../messages/body.ts";

/** https://discord.com/developers/docs/resources/channel#start-thread-from-message */
export const threadFromMessage = z.object({
  name: trimmed(1, 100),
  auto_archive_duration: autoArchiveDuration.nullish(),
  rate_limit_per_user: slowmode.nullish(),
});

/** Without a message, or in a forum with its first: the channel's type says which. */
export const threadCreate = threadFromMessage.extend({
  type: z.literal([10, 11, 12]).nullish(),
  invitable: z.boolean().nullish(),
  applied_tags: appliedTags.nullish(),
  message: messageCreate
    .pick({ content: true, embeds: true, attachments: true, allowed_mentions: true, flags: true })
    .optional(),
});

/** PATCH of a channel is that of a thread as well. */
export const channelOrThreadPatch = channelPatch.extend({
  archived: z.boolean().nullish(),
  locked: z.boolean().nullish(),
  invitable: z.boolean().nullish(),
  auto_archive_duration: autoArchiveDuration.nullish(),
  applied_tags: appliedTags.nullish(),
});

export type ThreadFromMessage = z.infer<typeof threadFromMessage>;
export type ThreadCreate = z.infer<typeof threadCreate>;
export type ChannelOrThreadPatch = z.infer<typeof channelOrThreadPatch>;
