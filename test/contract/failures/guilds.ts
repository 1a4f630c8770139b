import { Permission } from "../../../core/permissions.ts";
import {
  anonymous,
  BAD_LENGTH,
  BAD_TYPE,
  CHOICES,
  type FailureTable,
  full,
  guildLacking,
  lacks,
  long,
  NOTHING,
  noGuild,
  noMember,
  noRole,
  only,
  REQUIRED,
  reader,
  stranger,
  TOO_LARGE,
  TOO_SMALL,
  unknown,
  wrong,
  wrongBody,
  wrongQuery,
} from "./failure.ts";

const seen = only([anonymous, stranger], [noGuild]);
const noBan = unknown("user_id", 10026);
const rolesForm = [
  wrong("name", long(101), BAD_LENGTH),
  wrong("permissions", "all", "BASE_TYPE_BAD_FORMAT"),
  wrong("color", 0x1000000, TOO_LARGE),
  wrong("colors.primary_color", -1, TOO_SMALL),
];

/** A role above the bot's own, which it may not touch. */
const aboveTheBot: NonNullable<Parameters<typeof full>[1]> = async ({ owner, at }) => {
  const roles = `/guilds/${at.guild_id}/roles`;
  const mine = await owner.post(roles, { name: "the bot's", permissions: String(Permission.MANAGE_ROLES) });
  await owner.put(`/guilds/${at.guild_id}/members/${at.application_id}/roles/${mine.id}`);
  const role = await owner.post(roles, { name: "above" });
  await owner.patch(roles, [
    { id: mine.id, position: 1 },
    { id: role.id, position: 9 },
  ]);
  return { params: { role_id: role.id } };
};
const beyondRank = full(50013, aboveTheBot, { as: "bot", status: 403 });

export const guildFailures: FailureTable = {
  get_guild: { ...seen, invalid: [wrongQuery("with_counts", "maybe", CHOICES)] },
  update_guild: {
    forbidden: guildLacking("MANAGE_GUILD"),
    unknown: [
      noGuild,
      { body: () => ({ system_channel_id: NOTHING }), status: 404, code: 10003 },
      { body: () => ({ owner_id: NOTHING }), status: 404, code: 10007 },
    ],
    invalid: [
      wrong("name", "x", BAD_LENGTH),
      wrong("afk_timeout", 61, CHOICES),
      wrong("preferred_locale", "xx", CHOICES),
      wrong("description", long(301), BAD_LENGTH),
    ],
    limits: [],
  },
  list_guild_audit_log_entries: {
    forbidden: guildLacking("VIEW_AUDIT_LOG"),
    unknown: [noGuild],
    invalid: [wrongQuery("limit", "101", TOO_LARGE), wrongQuery("user_id", "somebody", "BASE_TYPE_INVALID")],
    limits: [],
  },
  list_guild_roles: seen,
  get_guild_role: { ...seen, unknown: [noGuild, noRole] },
  create_guild_role: {
    forbidden: guildLacking("MANAGE_ROLES"),
    unknown: [noGuild],
    invalid: rolesForm,
    limits: [
      full(30005, async ({ sql, at, freeId }) => {
        await sql`insert into roles (id, server_id, name, position)
          select ${freeId}::bigint + n, ${at.guild_id}, 'many', n from generate_series(1, 249) n`;
        return {};
      }),
    ],
  },
  update_guild_role: {
    forbidden: [anonymous, stranger, reader, lacks("MANAGE_ROLES"), beyondRank],
    unknown: [noGuild, noRole],
    invalid: rolesForm,
    limits: [],
  },
  bulk_update_guild_roles: {
    forbidden: guildLacking("MANAGE_ROLES"),
    unknown: [noGuild, { body: () => [{ id: NOTHING, position: 1 }], status: 404, code: 10011 }],
    invalid: [wrong("0.position", -1, TOO_SMALL), wrongBody(() => [{ position: 1 }], "0.id", REQUIRED)],
    limits: [],
  },
  delete_guild_role: only([anonymous, stranger, reader, lacks("MANAGE_ROLES"), beyondRank], [noGuild, noRole]),
  list_guild_members: {
    ...seen,
    invalid: [wrongQuery("limit", "1001", TOO_LARGE), wrongQuery("limit", "0", TOO_SMALL)],
  },
  get_guild_member: { ...seen, unknown: [noGuild, noMember] },
  get_my_guild_member: seen,
  update_guild_member: {
    forbidden: [
      anonymous,
      stranger,
      reader,
      { ...lacks("MANAGE_NICKNAMES"), body: () => ({ nick: "nick" }) },
      { ...lacks("MANAGE_ROLES"), body: (at) => ({ roles: [at.role_id] }) },
      { ...lacks("MODERATE_MEMBERS"), body: () => ({ communication_disabled_until: null }) },
      { ...lacks("MUTE_MEMBERS"), body: () => ({ mute: true }) },
    ],
    unknown: [noGuild, noMember, { body: () => ({ roles: [NOTHING] }), status: 404, code: 10011 }],
    invalid: [
      wrong("nick", long(33), BAD_LENGTH),
      wrong("communication_disabled_until", "soon", "DATE_TIME_TYPE_PARSE"),
      wrongBody(() => ({ mute: 1 }), "mute", BAD_TYPE),
    ],
    limits: [],
  },
  update_my_guild_member: {
    forbidden: [anonymous, stranger, reader, { ...lacks("CHANGE_NICKNAME"), body: () => ({ nick: "nick" }) }],
    unknown: [noGuild],
    invalid: [wrong("nick", long(33), BAD_LENGTH)],
    limits: [],
  },
  add_guild_member_role: only(
    [anonymous, stranger, reader, lacks("MANAGE_ROLES"), beyondRank],
    [noGuild, noMember, noRole],
  ),
  delete_guild_member_role: only(
    [anonymous, stranger, reader, lacks("MANAGE_ROLES"), beyondRank],
    [noGuild, noMember, noRole],
  ),
  delete_guild_member: only(guildLacking("KICK_MEMBERS"), [noGuild, noMember]),
  list_guild_bans: {
    forbidden: guildLacking("BAN_MEMBERS"),
    unknown: [noGuild],
    invalid: [wrongQuery("limit", "1001", TOO_LARGE)],
    limits: [],
  },
  get_guild_ban: only(guildLacking("BAN_MEMBERS"), [noGuild, noBan]),
  ban_user_from_guild: {
    forbidden: guildLacking("BAN_MEMBERS"),
    unknown: [noGuild, unknown("user_id", 10013)],
    invalid: [wrong("delete_message_seconds", 604_801, TOO_LARGE), wrong("delete_message_days", 8, TOO_LARGE)],
    limits: [],
  },
  bulk_ban_users_from_guild: {
    forbidden: guildLacking("BAN_MEMBERS", "MANAGE_GUILD"),
    unknown: [noGuild],
    invalid: [
      wrongBody(() => ({}), "user_ids", REQUIRED),
      wrong("user_ids", [], BAD_LENGTH),
      wrong("delete_message_seconds", 604_801, TOO_LARGE),
    ],
    limits: [
      wrong(
        "user_ids",
        Array.from({ length: 201 }, (_, i) => String(i)),
        BAD_LENGTH,
      ),
    ],
  },
  unban_user_from_guild: only(guildLacking("BAN_MEMBERS"), [noGuild, noBan]),
};
