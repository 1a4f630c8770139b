import { z } from "zod";
import { isTaken } from "../../core/db.ts";
import { wireDmChannel } from "../../core/wire/channel.ts";
import { wireGrantedUser, wireOwnUser, wireUser } from "../../core/wire/user.ts";
import { enterGuild } from "../access.ts";
import type { App } from "../app.ts";
import { ApiError, invalidField } from "../errors.ts";
import { imageData, limit, queryFlag, snowflake, trimmed } from "../fields.ts";
import { storeImages } from "../files/images.ts";
import { permissionsOf } from "../guilds.ts";
import { memberUpdate, removeMember } from "../membership.ts";
import { account, route } from "../route.ts";
import { openDm } from "../store/dms.ts";
import { listGuildsOf } from "../store/guilds.ts";
import { bumpMembershipsOf } from "../store/members.ts";
import { findUser, updateUser } from "../store/users.ts";

/** Names that would be mistaken for something else. https://discord.com/developers/docs/resources/user#usernames-and-nicknames */
const FORBIDDEN = /[@#:]|```|^(everyone|here|discord)$/i;

export const username = trimmed(2, 32).refine(
  (name) => !FORBIDDEN.test(name),
  "Username contains forbidden characters.",
);

export const userRoutes = [
  route({
    method: "GET",
    path: "/users/@me",
    operation: "get_my_user",
    access: account,
    scopes: ["identify"],
    handle: async (_request, { user, grant }) =>
      grant === null ? wireOwnUser(user) : wireGrantedUser(user, grant.scopes),
  }),
  route({
    method: "PATCH",
    path: "/users/@me",
    operation: "update_my_user",
    access: account,
    images: true,
    body: z.object({
      username: username.optional(),
      global_name: trimmed(1, 32).nullish(),
      avatar: imageData,
      banner: imageData,
      accent_color: z.number().int().min(0).max(0xffffff).nullish(),
    }),
    handle: async ({ app, body }, caller) => {
      const taken = () => invalidField(["username"], "USERNAME_ALREADY_TAKEN", "Username is unavailable.");
      const images = await storeImages(app, body, ["avatar", "banner"]);
      const change = app.change(async (tx, emit) => {
        const updated = await updateUser(tx, caller.user.id, { ...body, ...images });
        if (updated === undefined) throw taken();
        const { id: userId, version } = updated;
        emit({ t: "USER_UPDATE", userId, data: wireOwnUser(updated), entity: `user:${userId}`, version });
        // https://discord.com/developers/docs/events/gateway-events#guild-member-update
        for (const member of await bumpMembershipsOf(tx, userId)) emit(memberUpdate(member));
        return updated;
      });
      // Somebody else takes it at the same time.
      const row = await change.catch((error) => {
        throw isTaken(error, "users_username") ? taken() : error;
      });
      await app.auth.forget(row.id);
      return wireOwnUser(row);
    },
  }),
  route({
    method: "GET",
    path: "/users/:user_id",
    operation: "get_user",
    access: account,
    handle: async ({ app, params }) => {
      const user = await findUser(app.sql, params.get("user_id"));
      if (user === undefined) throw new ApiError("UNKNOWN_USER");
      return wireUser(user);
    },
  }),
  route({
    method: "GET",
    path: "/users/@me/guilds",
    operation: "list_my_guilds",
    access: account,
    scopes: ["guilds"],
    query: z.object({
      before: snowflake.optional(),
      after: snowflake.optional(),
      limit: limit(200, 200),
      with_counts: queryFlag.optional(),
    }),
    handle: async ({ app, query }, caller) => {
      const rows = await listGuildsOf(app.sql, caller.user.id, query);
      const online = query.with_counts === true ? await app.onlineIn(rows.map((row) => row.id)) : [];
      return rows.map((row, i) => {
        return {
          id: row.id,
          name: row.name,
          icon: row.icon,
          banner: row.banner,
          owner: row.owner_id === caller.user.id,
          permissions: permissionsOf(row).toString(),
          features: row.features,
          ...(query.with_counts === true
            ? { approximate_member_count: row.member_count, approximate_presence_count: online[i] ?? 0 }
            : {}),
        };
      });
    },
  }),
  route({
    method: "GET",
    path: "/users/@me/connections",
    operation: "list_my_connections",
    access: account,
    scopes: ["connections"],
    // There are no accounts elsewhere that one could link.
    handle: async () => [],
  }),
  route({
    method: "DELETE",
    path: "/users/@me/guilds/:guild_id",
    operation: "leave_guild",
    access: {
      kind: "account",
      needs: [],
      resolve: async (request) => enterGuild(request, request.params.get("guild_id")),
    },
    handle: async ({ app }, { guild, me }) => {
      if (guild.ownerId === me.userId) throw new ApiError("INVALID_GUILD");
      await app.change((tx, emit) => removeMember(tx, emit, guild.id, me.userId, me.userId));
    },
  }),
  route({
    method: "POST",
    path: "/users/@me/channels",
    operation: "create_dm",
    access: account,
    body: z.object({ recipient_id: snowflake.optional(), recipients: z.array(snowflake).max(1).optional() }),
    handle: async (request, caller) => {
      const recipientId = request.body.recipient_id ?? request.body.recipients?.[0];
      if (recipientId === undefined) {
        throw invalidField(["recipient_id"], "BASE_TYPE_REQUIRED", "This field is required");
      }
      return createDm(request.app, caller.user.id, recipientId);
    },
  }),
];

/** Opens the conversation of two, or finds it. */
async function createDm(app: App, userId: string, recipientId: string) {
  if (recipientId === userId) throw new ApiError("CANNOT_DM");
  const recipient = await findUser(app.sql, recipientId);
  if (recipient === undefined) throw new ApiError("INVALID_RECIPIENTS");
  return app.change(async (tx, emit) => {
    const { dm, made } = await openDm(tx, app.nextId(), userId, recipientId);
    const channel = wireDmChannel(dm, recipient);
    if (made) emit({ t: "CHANNEL_CREATE", userId, channelId: dm.id, data: channel });
    return channel;
  });
}
