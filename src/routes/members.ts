import { AuditLogEvent } from "discord-api-types/v10";
import { z } from "zod";
import { outranks } from "../../core/permissions.ts";
import { membersAfter } from "../../core/store/member-search.ts";
import { type MemberRow, memberFacts, wireMember } from "../../core/wire/member.ts";
import { demand, type InGuild, inGuild, inGuildAsBot, inGuildOf, lockedGuild } from "../access.ts";
import type { App } from "../app.ts";
import { auditAction } from "../audit/entry.ts";
import { ApiError } from "../errors.ts";
import { imageData, limit, snowflake } from "../fields.ts";
import { storeImages } from "../files/images.ts";
import type { Limit } from "../limits/rules.ts";
import {
  changeRoles,
  existingMember,
  followInVoice,
  memberPatch,
  nickname,
  patchMember,
  saveMember,
} from "../members.ts";
import { removeMember } from "../membership.ts";
import { joinMember, newMember } from "../oauth2/join.ts";
import { route } from "../route.ts";
import type { MemberPatch } from "../store/members.ts";

/** As long as that of a user. https://discord.com/developers/docs/resources/guild#modify-current-member */
const MAX_BIO = 190;
const MEMBER_ROLES: Limit = { bucket: "member roles", requests: 10, seconds: 10 };

export const memberRoutes = [
  route({
    method: "GET",
    path: "/guilds/:guild_id/members",
    operation: "list_guild_members",
    access: inGuild(),
    limit: { requests: 10, seconds: 10 },
    query: z.object({ limit: limit(1000, 1), after: snowflake.default("0") }),
    handle: async ({ app, query }, { guild }) =>
      (await membersAfter(app.sql, guild.id, query.after, query.limit)).map(wireMember),
  }),
  route({
    method: "GET",
    path: "/guilds/:guild_id/members/:user_id",
    operation: "get_guild_member",
    access: inGuildOf(({ params }) => params.get("user_id")),
    handle: async (_request, { target }) => show(target),
  }),
  route({
    method: "GET",
    path: "/users/@me/guilds/:guild_id/member",
    operation: "get_my_guild_member",
    access: inGuildOf((_request, caller) => caller.user.id),
    scopes: ["guilds.members.read"],
    handle: async (_request, { target }) => show(target),
  }),
  route({
    method: "PUT",
    path: "/guilds/:guild_id/members/:user_id",
    operation: "add_guild_member",
    access: inGuildAsBot("CREATE_INSTANT_INVITE"),
    status: 201,
    body: newMember,
    handle: ({ app, params, body }, where) => joinMember(app, where, params.get("user_id"), body),
  }),
  route({
    method: "PATCH",
    path: "/guilds/:guild_id/members/:user_id",
    operation: "update_guild_member",
    // Each field has its own permission.
    access: inGuild(),
    body: memberPatch,
    handle: async ({ app, params, body }, found) => {
      const userId = params.get("user_id");
      const shown = await app.change(async (tx, emit) =>
        patchMember(tx, emit, await lockedGuild(tx, found), userId, body, app.voice),
      );
      await followInVoice(app, found.guild.id, userId, body);
      return shown;
    },
  }),
  route({
    method: "PATCH",
    path: "/guilds/:guild_id/members/@me",
    operation: "update_my_guild_member",
    access: inGuild(),
    images: true,
    body: z.object({
      nick: nickname.nullish(),
      avatar: imageData,
      banner: imageData,
      bio: z.string().max(MAX_BIO).nullish(),
    }),
    handle: async ({ app, body }, where) => {
      const images = await storeImages(app, body, ["avatar", "banner"]);
      return changeSelf(app, where, { ...namePatch(body.nick), ...images, ...bioPatch(body.bio) });
    },
  }),
  route({
    method: "PATCH",
    path: "/guilds/:guild_id/members/@me/nick",
    summary: "The older form of updating oneself, which libraries still use",
    access: inGuild("CHANGE_NICKNAME"),
    body: z.object({ nick: nickname.nullish() }),
    handle: async ({ app, body }, where) => ({ nick: (await changeSelf(app, where, namePatch(body.nick))).nick }),
  }),
  route({
    method: "PUT",
    path: "/guilds/:guild_id/members/:user_id/roles/:role_id",
    operation: "add_guild_member_role",
    access: inGuild("MANAGE_ROLES"),
    limit: MEMBER_ROLES,
    handle: ({ app, params }, where) =>
      changeRole(app, where, params.get("user_id"), { give: [params.get("role_id")] }),
  }),
  route({
    method: "DELETE",
    path: "/guilds/:guild_id/members/:user_id/roles/:role_id",
    operation: "delete_guild_member_role",
    access: inGuild("MANAGE_ROLES"),
    limit: MEMBER_ROLES,
    handle: ({ app, params }, where) =>
      changeRole(app, where, params.get("user_id"), { take: [params.get("role_id")] }),
  }),
  route({
    method: "DELETE",
    path: "/guilds/:guild_id/members/:user_id",
    operation: "delete_guild_member",
    access: inGuild("KICK_MEMBERS"),
    handle: async ({ app, params }, found) => {
      await app.change(async (tx, emit) => {
        const where = await lockedGuild(tx, found);
        const target = await existingMember(tx, where, params.get("user_id"));
        if (!outranks(where.guild, where.me, memberFacts(target))) throw new ApiError("MISSING_PERMISSIONS");
        await removeMember(tx, emit, where.guild.id, target.user_id, where.me.userId);
        emit(auditAction(where.guild.id, AuditLogEvent.MemberKick, target.user_id));
      });
    },
  }),
];

function show(row: MemberRow | undefined) {
  if (row === undefined) throw new ApiError("UNKNOWN_MEMBER");
  return wireMember(row);
}

const namePatch = (nick: string | null | undefined): MemberPatch => (nick === undefined ? {} : { nickname: nick });

const bioPatch = (bio: string | null | undefined): MemberPatch => (bio === undefined ? {} : { bio: bio || null });

/** What members change of themselves. */
async function changeSelf(app: App, found: InGuild, patch: MemberPatch) {
  return app.change(async (tx, emit) => {
    const where = await lockedGuild(tx, found);
    const self = await existingMember(tx, where, where.me.userId);
    if (patch.nickname !== undefined) demand(where.permissions, ["CHANGE_NICKNAME"]);
    if (Object.keys(patch).length === 0) return wireMember(self);
    return saveMember(tx, emit, self, patch);
  });
}

async function changeRole(app: App, found: InGuild, userId: string, change: { give?: string[]; take?: string[] }) {
  await app.change(async (tx, emit) => {
    const where = await lockedGuild(tx, found);
    const target = await existingMember(tx, where, userId);
    const seen = await changeRoles(tx, where, target, change.give ?? [], change.take ?? []);
    if (seen !== undefined) await saveMember(tx, emit, target, {}, seen);
  });
}
