import { AuditLogEvent } from "discord-api-types/v10";
import { z } from "zod";
import { has, Permission } from "../../core/permissions.ts";
import { type InviteRow, wireInvite, wireInviteCreate, wireManagedInvite } from "../../core/wire/invite.ts";
import { enterGuild, inGuild, inParentChannel, lockedChannel, permissionsIn } from "../access.ts";
import { auditChange } from "../audit/entry.ts";
import { inviteFields } from "../audit/fields.ts";
import { ApiError } from "../errors.ts";
import { queryFlag } from "../fields.ts";
import { acceptInvite, inviteBody, inviteDelete, planInvite } from "../invites.ts";
import { type Access, everyone, person, type Request, route, signedIn } from "../route.ts";
import { findChannel } from "../store/channels.ts";
import {
  countInvites,
  deleteInvite,
  findInvite,
  findSimilarInvite,
  insertInvite,
  listChannelInvites,
  listGuildInvites,
} from "../store/invites.ts";

const MAX_INVITES = 1000;

/** Who may revoke the invite `:code`: its inviter, who manages its channel, who manages the guild. */
const inviteKeeper: Access<InviteRow> = {
  kind: "account",
  needs: [],
  resolve: async (request) => {
    signedIn(request.caller);
    const invite = await existing(request);
    const where = await enterGuild(request, invite.server_id);
    if (invite.inviter?.id === where.me.userId || has(where.permissions, Permission.MANAGE_GUILD)) return invite;
    const channel = await findChannel(request.app.sql, invite.channel_id);
    if (channel === undefined) throw new ApiError("UNKNOWN_INVITE");
    if (!has(permissionsIn(where, channel), Permission.MANAGE_CHANNELS)) throw new ApiError("MISSING_PERMISSIONS");
    return invite;
  },
};

export const inviteRoutes = [
  route({
    method: "POST",
    path: "/channels/:channel_id/invites",
    operation: "create_channel_invite",
    access: inParentChannel("CREATE_INSTANT_INVITE"),
    body: inviteBody,
    handle: ({ app, body }, found) =>
      app.change(async (tx, emit) => {
        const where = await lockedChannel(tx, found);
        const { guild, channel } = where;
        const invite = await planInvite(tx, where, body);
        const similar = body.unique === true ? undefined : await findSimilarInvite(tx, invite);
        if (similar !== undefined) return wireManagedInvite(similar);
        if ((await countInvites(tx, guild.id)) >= MAX_INVITES) throw new ApiError("MAX_INVITES");
        await insertInvite(tx, invite);
        const row = await findInvite(tx, invite.code);
        if (row === undefined) throw new Error("the invite just made is not there");
        emit({ t: "INVITE_CREATE", guildId: guild.id, channelId: channel.id, data: wireInviteCreate(row) });
        emit(auditChange(guild.id, AuditLogEvent.InviteCreate, null, null, inviteFields(row)));
        return wireManagedInvite(row);
      }),
  }),
  route({
    method: "GET",
    path: "/channels/:channel_id/invites",
    operation: "list_channel_invites",
    access: inParentChannel("MANAGE_CHANNELS"),
    handle: async ({ app }, { channel }) => (await listChannelInvites(app.sql, channel.id)).map(wireManagedInvite),
  }),
  route({
    method: "GET",
    path: "/guilds/:guild_id/invites",
    operation: "list_guild_invites",
    access: inGuild("MANAGE_GUILD"),
    handle: async ({ app }, { guild }) => (await listGuildInvites(app.sql, guild.id)).map(wireManagedInvite),
  }),
  route({
    method: "GET",
    path: "/invites/:code",
    operation: "invite_resolve",
    access: everyone,
    query: z.object({ with_counts: queryFlag.optional() }),
    handle: async (request) => {
      const invite = await existing(request);
      if (request.query.with_counts !== true) return wireInvite(invite);
      const [online = 0] = await request.app.onlineIn([invite.server_id]);
      return wireInvite(invite, online);
    },
  }),
  route({
    method: "POST",
    path: "/invites/:code",
    summary: "Accept an invite",
    access: person,
    handle: async (request, caller) => {
      const invite = await existing(request);
      await acceptInvite(request.app, invite, caller.user.id);
      return wireInvite(invite);
    },
  }),
  route({
    method: "DELETE",
    path: "/invites/:code",
    operation: "invite_revoke",
    access: inviteKeeper,
    handle: async ({ app }, invite) => {
      await app.change(async (tx, emit) => {
        if (!(await deleteInvite(tx, invite.code))) throw new ApiError("UNKNOWN_INVITE");
        emit(inviteDelete(invite));
        emit(auditChange(invite.server_id, AuditLogEvent.InviteDelete, null, inviteFields(invite), null));
      });
      return wireInvite(invite);
    },
  }),
];

async function existing({ app, params }: Request<unknown, unknown>): Promise<InviteRow> {
  const code = params.get("code");
  const invite = /^[\w-]{1,64}$/.test(code) ? await findInvite(app.sql, code) : undefined;
  if (invite === undefined) throw new ApiError("UNKNOWN_INVITE");
  return invite;
}
