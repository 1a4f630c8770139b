import { z } from "zod";
import { wireUser } from "../../core/wire/user.ts";
import { inChannel } from "../access.ts";
import { ApiError } from "../errors.ts";
import { limit, snowflake } from "../fields.ts";
import type { Limit } from "../limits/rules.ts";
import { placeOf } from "../messages/place.ts";
import { type EmojiName, parseEmoji } from "../reactions/emoji.ts";
import { addReaction, keyOf, removeAllReactions, removeEmoji, removeReaction } from "../reactions/react.ts";
import { type Params, route } from "../route.ts";
import { findMessage } from "../store/messages.ts";
import { listReactionUsers } from "../store/reactions.ts";
import { findUser } from "../store/users.ts";
import { demandReactable } from "../threads/write.ts";

const REACTIONS = "/channels/:channel_id/messages/:message_id/reactions";
const BURST = 1;
/**
 * Discord has one in a quarter of a second. discordgo doesn't read it from the headers but waits a fifth, and would be
 * refused every other time.
 */
const REACT: Limit = { bucket: "reactions", requests: 1, seconds: 0.2 };

export const reactionRoutes = [
  route({
    method: "PUT",
    path: `${REACTIONS}/:emoji_name/@me`,
    operation: "add_my_message_reaction",
    access: inChannel("READ_MESSAGE_HISTORY"),
    limit: REACT,
    handle: async ({ app, params }, where) => {
      demandReactable(where);
      const emoji = emojiIn(params);
      await app.change((tx, emit) => addReaction(tx, emit, where, params.get("message_id"), emoji));
    },
  }),
  route({
    method: "DELETE",
    path: `${REACTIONS}/:emoji_name/@me`,
    operation: "delete_my_message_reaction",
    access: inChannel(),
    limit: REACT,
    handle: async ({ app, params }, where) => {
      demandReactable(where);
      const [emoji, messageId, userId] = [emojiIn(params), params.get("message_id"), where.caller.user.id];
      await app.change((tx, emit) => removeReaction(tx, emit, where, messageId, emoji, userId));
    },
  }),
  route({
    method: "DELETE",
    path: `${REACTIONS}/:emoji_name/:user_id`,
    operation: "delete_user_message_reaction",
    access: inChannel("MANAGE_MESSAGES"),
    limit: REACT,
    handle: async ({ app, params }, where) => {
      const [emoji, messageId, userId] = [emojiIn(params), params.get("message_id"), params.get("user_id")];
      // In a conversation nobody manages messages.
      if (where.type === "dm" && userId !== where.caller.user.id) throw new ApiError("NOT_IN_DM");
      if ((await findUser(app.sql, userId)) === undefined) throw new ApiError("UNKNOWN_USER");
      await app.change((tx, emit) => removeReaction(tx, emit, where, messageId, emoji, userId));
    },
  }),
  route({
    method: "GET",
    path: `${REACTIONS}/:emoji_name`,
    operation: "list_message_reactions_by_emoji",
    access: inChannel(),
    query: z.object({
      after: snowflake.optional(),
      limit: limit(100, 25),
      type: z.coerce
        .number()
        .pipe(z.literal([0, BURST]))
        .default(0),
    }),
    handle: async ({ app, params, query }, where) => {
      const emoji = emojiIn(params);
      const me = where.caller.user.id;
      const message = await findMessage(app.sql, placeOf(where), params.get("message_id"), me);
      if (message === undefined) throw new ApiError("UNKNOWN_MESSAGE");
      const there = message.reactions.some((one) => one.emoji_id === (emoji.type === "custom" ? emoji.id : null));
      if (emoji.type === "custom" && !there) throw new ApiError("UNKNOWN_EMOJI");
      if (query.type === BURST) return [];
      return (await listReactionUsers(app.sql, message.id, keyOf(emoji), query)).map(wireUser);
    },
  }),
  route({
    method: "DELETE",
    path: REACTIONS,
    operation: "delete_all_message_reactions",
    access: inChannel("MANAGE_MESSAGES"),
    limit: REACT,
    handle: async ({ app, params }, where) => {
      if (where.type === "dm") throw new ApiError("NOT_IN_DM");
      await app.change((tx, emit) => removeAllReactions(tx, emit, where, params.get("message_id")));
    },
  }),
  route({
    method: "DELETE",
    path: `${REACTIONS}/:emoji_name`,
    operation: "delete_all_message_reactions_by_emoji",
    access: inChannel("MANAGE_MESSAGES"),
    limit: REACT,
    handle: async ({ app, params }, where) => {
      if (where.type === "dm") throw new ApiError("NOT_IN_DM");
      const emoji = emojiIn(params);
      await app.change((tx, emit) => removeEmoji(tx, emit, where, params.get("message_id"), emoji));
    },
  }),
];

function emojiIn(params: Params): EmojiName {
  const emoji = parseEmoji(params.get("emoji_name"));
  if (emoji === undefined) throw new ApiError("UNKNOWN_EMOJI");
  return emoji;
}
