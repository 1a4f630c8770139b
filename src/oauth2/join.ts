import { AuditLogEvent } from "discord-api-types/v10";
import { z } from "zod";
import type { Db, Transaction } from "../../core/db.ts";
import { wireMember } from "../../core/wire/member.ts";
import { demand, type InGuild, type LockedInGuild, lockedGuild } from "../access.ts";
import type { App } from "../app.ts";
import { auditChange } from "../audit/entry.ts";
import { memberFields } from "../audit/fields.ts";
import type { Grant } from "../auth/caller.ts";
import { hashToken } from "../auth/tokens.ts";
import type { Emit } from "../change.ts";
import { ApiError } from "../errors.ts";
import { snowflake } from "../fields.ts";
import { auditRoles, changeRoles, existingMember, nickname } from "../members.ts";
import { addMember } from "../membership.ts";
import { countGuildsOf, MAX_GUILDS } from "../store/guilds.ts";
import { updateMember } from "../store/members.ts";
import { accountOfBearerToken } from "../store/oauth2-tokens.ts";
import { listRoles } from "../store/roles.ts";
import { findUser, lockUser } from "../store/users.ts";

/** https://discord.com/developers/docs/resources/guild#add-guild-member-json-params */
export const newMember = z.object({
  access_token: z.string().max(10_240),
  nick: nickname.nullish(),
  roles: z.array(snowflake).max(250).nullish(),
  mute: z.boolean().nullish(),
  deaf: z.boolean().nullish(),
});
type NewMember = z.infer<typeof newMember>;

/**
 * Makes a user a member who has let the bot's application do so.
 * @returns the member; undefined when the user was one already, and nothing was changed
 * @throws 50025 for a token that is not this user's, or of another application; 50026 without guilds.join
 */
export async function joinMember(app: App, found: InGuild, userId: string, body: NewMember) {
  if ((await findUser(app.sql, userId)) === undefined) throw new ApiError("UNKNOWN_USER");
  const grant = await grantOf(app, body.access_token, userId, found.caller.applicationId);
  if (!grant.scopes.includes("guilds.join")) throw new ApiError("MISSING_SCOPE");
  return app.change(async (tx, emit) => {
    await lockUser(tx, userId);
    // Under the lock, a revocation that comes at the same time is seen here or comes after.
    await grantOf({ ...app, sql: tx }, body.access_token, userId, grant.applicationId);
    const where = await lockedGuild(tx, found);
    const added = await addMember(app, tx, emit, where.guild.id, userId, () => settle(tx, emit, where, userId, body));
    if (!added) return undefined;
    if ((await countGuildsOf(tx, userId)) > MAX_GUILDS) throw new ApiError("MAX_GUILDS");
    return wireMember(await existingMember(tx, where, userId));
  });
}

async function grantOf(app: { sql: Db }, token: string, userId: string, applicationId: string | null): Promise<Grant> {
  const caller = await accountOfBearerToken(app.sql, hashToken(token));
  const grant = caller?.grant ?? null;
  if (caller === null || grant === null || caller.user.id !== userId || grant.applicationId !== applicationId) {
    throw new ApiError("INVALID_BEARER");
  }
  return grant;
}

/** Gives a new member what it comes with, before anybody is told of it. Each field needs its own permission. */
async function settle(
  tx: Transaction,
  emit: Emit,
  where: LockedInGuild,
  userId: string,
  body: NewMember,
): Promise<void> {
  const { nick, roles, mute, deaf } = body;
  if (nick) demand(where.permissions, ["MANAGE_NICKNAMES"]);
  if (mute) demand(where.permissions, ["MUTE_MEMBERS"]);
  if (deaf) demand(where.permissions, ["DEAFEN_MEMBERS"]);
  const given = [...new Set(roles ?? [])].filter((id) => id !== where.guild.id);
  if (given.length > 0) demand(where.permissions, ["MANAGE_ROLES"]);
  const before = await existingMember(tx, where, userId);
  await changeRoles(tx, where, before, given, []);
  await updateMember(tx, where.guild.id, userId, { nickname: nick ?? null, mute: mute ?? false, deaf: deaf ?? false });
  const after = await existingMember(tx, where, userId);
  emit(auditChange(where.guild.id, AuditLogEvent.MemberUpdate, userId, memberFields(before), memberFields(after)));
  if (given.length > 0) emit(auditRoles(before, after, await listRoles(tx, where.guild.id)));
}
