import { randomInt } from "node:crypto";
import { ChannelType, InviteTargetType } from "discord-api-types/v10";
import { z } from "zod";
import type { Transaction } from "../core/db.ts";
import type { Event } from "../core/event-log.ts";
import { guildPermissions, has } from "../core/permissions.ts";
import type { InviteRow } from "../core/wire/invite.ts";
import { demand, type LockedInGuildChannel } from "./access.ts";
import type { App } from "./app.ts";
import { ApiError, invalidField } from "./errors.ts";
import { snowflake } from "./fields.ts";
import { addMember } from "./membership.ts";
import { manageableRole } from "./roles.ts";
import { countGuildsOf, findGuild, MAX_GUILDS } from "./store/guilds.ts";
import { deleteInvite, type NewInvite, takeInviteUse } from "./store/invites.ts";
import { addMemberRole } from "./store/members.ts";
import { listRoles } from "./store/roles.ts";
import { insertTemporaryMember } from "./store/temporary-members.ts";
import { lockUser } from "./store/users.ts";

const DAY_SECONDS = 86_400;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const CODE_LENGTH = 8;
const MAX_ROLES = 250;

/** https://discord.com/developers/docs/resources/channel#create-channel-invite */
export const inviteBody = z.object({
  max_age: z
    .number()
    .int()
    .min(0)
    .max(7 * DAY_SECONDS)
    .nullish(),
  max_uses: z.number().int().min(0).max(100).nullish(),
  temporary: z.boolean().nullish(),
  unique: z.boolean().nullish(),
  target_type: z.literal([InviteTargetType.Stream, InviteTargetType.EmbeddedApplication]).nullish(),
  target_user_id: snowflake.nullish(),
  target_application_id: snowflake.nullish(),
  role_ids: z.array(snowflake).max(MAX_ROLES).nullish(),
});
type InviteBody = z.infer<typeof inviteBody>;

/** What an invite is to be, once it is clear that the caller may make it. */
export async function planInvite(tx: Transaction, where: LockedInGuildChannel, body: InviteBody): Promise<NewInvite> {
  if (where.channel.type === ChannelType.GuildCategory) throw new ApiError("WRONG_CHANNEL_TYPE");
  checkTarget(where, body);
  return {
    code: Array.from({ length: CODE_LENGTH }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join(""),
    guildId: where.guild.id,
    channelId: where.channel.id,
    inviterId: where.me.userId,
    maxAge: body.max_age ?? DAY_SECONDS,
    maxUses: body.max_uses ?? 0,
    temporary: body.temporary ?? false,
    roleIds: await rolesToGive(tx, where, body.role_ids ?? []),
  };
}

/**
 * What an invite may lead to beyond its channel needs something that is going on there: a stream, or an application
 * with the flag EMBEDDED. There is no media here, so there is neither.
 */
function checkTarget({ channel }: LockedInGuildChannel, body: InviteBody): void {
  const { target_type: type, target_user_id: userId, target_application_id: applicationId } = body;
  const asked = typeof type === "number" || Boolean(userId) || Boolean(applicationId);
  if (!asked) return;
  const inVoice = channel.type === ChannelType.GuildVoice;
  if (!inVoice) throw invalidField(["target_type"], "GUILD_INVITE_INVALID_TARGET_TYPE", "Invalid invite target type");
  if (type === InviteTargetType.Stream && userId) {
    const message = "The specified user is currently not streaming in this channel";
    throw invalidField(["target_user_id"], "GUILD_INVITE_INVALID_STREAMER", message);
  }
  if (type === InviteTargetType.EmbeddedApplication && applicationId) {
    const message = "The specified application is not embedded";
    throw invalidField(["target_application_id"], "GUILD_INVITE_INVALID_APPLICATION", message);
  }
  const field = type === InviteTargetType.EmbeddedApplication ? "target_application_id" : "target_user_id";
  throw invalidField([field], "BASE_TYPE_REQUIRED", "This field is required");
}

/** Nobody gives by an invite what they couldn't give by hand. */
async function rolesToGive(tx: Transaction, where: LockedInGuildChannel, wanted: readonly string[]): Promise<string[]> {
  if (wanted.length === 0) return [];
  const held = guildPermissions(where.guild, where.me, Date.now());
  demand(held, ["MANAGE_ROLES"]);
  const managed = new Set((await listRoles(tx, where.guild.id)).filter((role) => role.managed).map((role) => role.id));
  const ids = [...new Set(wanted)].sort();
  for (const id of ids) {
    const role = manageableRole(where, id);
    if (id === where.guild.id || managed.has(id)) throw new ApiError("INVALID_ROLE");
    if (!has(held, role.permissions)) throw new ApiError("MISSING_PERMISSIONS");
  }
  return ids;
}

/** Makes the user a member and counts the use, both or neither; who is a member already uses nothing up. */
export async function acceptInvite(app: App, invite: InviteRow, userId: string): Promise<void> {
  const guildId = invite.server_id;
  await app.change(async (tx, emit) => {
    await lockUser(tx, userId);
    const paused = (await findGuild(tx, guildId))?.features.includes("INVITES_DISABLED") === true;
    const added = await addMember(app, tx, emit, guildId, userId, async () => {
      if (paused) throw new ApiError("INVITES_PAUSED");
      const roles = new Set((await listRoles(tx, guildId)).map((role) => role.id));
      for (const { id } of invite.roles) if (roles.has(id)) await addMemberRole(tx, guildId, userId, id);
      if (invite.temporary) await insertTemporaryMember(tx, guildId, userId);
    });
    if (!added) return;
    if ((await countGuildsOf(tx, userId)) > MAX_GUILDS) throw new ApiError("MAX_GUILDS");
    const use = await takeInviteUse(tx, invite.code);
    if (use === undefined) throw new ApiError("UNKNOWN_INVITE");
    if (use.last && (await deleteInvite(tx, invite.code))) emit(inviteDelete(invite));
  });
}

export function inviteDelete({ server_id: guildId, channel_id: channelId, code }: InviteRow): Event {
  return { t: "INVITE_DELETE", guildId, channelId, data: { guild_id: guildId, channel_id: channelId, code } };
}
