import {
  anonymous,
  BAD_LENGTH,
  BAD_TYPE,
  CHOICES,
  channelLacking,
  type FailureTable,
  full,
  guildLacking,
  hidden,
  lacks,
  long,
  NOTHING,
  noChannel,
  noGuild,
  noMember,
  noMessage,
  only,
  REQUIRED,
  stranger,
  TOO_LARGE,
  TOO_SMALL,
  unknown,
  wrong,
  wrongBody,
  wrongQuery,
} from "./failure.ts";

const seen = only([anonymous, stranger, hidden], [noChannel]);
const channelForm = [
  wrong("name", long(101), BAD_LENGTH),
  wrong("topic", long(1025), BAD_LENGTH),
  wrong("rate_limit_per_user", 21_601, TOO_LARGE),
  wrong("bitrate", 7999, TOO_SMALL),
  wrong("permission_overwrites.0.type", 2, CHOICES),
];
const noOverwrite = unknown("overwrite_id", 10009);
const noInvite = unknown("code", 10006);
const page = [wrongQuery("limit", "101", TOO_LARGE), wrongQuery("before", "yesterday", "DATE_TIME_TYPE_PARSE")];

/** As many threads in the guild as may be active. */
const manyThreads: NonNullable<Parameters<typeof full>[1]> = async ({ sql, at, freeId }) => {
  await sql`
    with made as (
      insert into channels (id, server_id, name, type)
      select ${freeId}::bigint + n, ${at.guild_id}, 'thread', 11 from generate_series(1, 1000) n returning id)
    insert into threads (channel_id, server_id, parent_id, private, owner_id, auto_archive_duration, archive_due)
    select id, ${at.guild_id}, ${at.channel_id}, false, ${at.user_id}, 60, now() + interval '1 hour' from made`;
  return {};
};

export const channelFailures: FailureTable = {
  get_channel: seen,
  update_channel: {
    forbidden: channelLacking("MANAGE_CHANNELS"),
    unknown: [noChannel],
    invalid: [...channelForm, wrong("parent_id", NOTHING, "CHANNEL_PARENT_INVALID")],
    limits: [
      wrong(
        "available_tags",
        Array.from({ length: 21 }, (_, i) => ({ name: `tag ${i}` })),
        BAD_LENGTH,
      ),
    ],
  },
  delete_channel: only(channelLacking("MANAGE_CHANNELS"), [noChannel]),
  list_guild_channels: only([anonymous, stranger], [noGuild]),
  create_guild_channel: {
    forbidden: guildLacking("MANAGE_CHANNELS"),
    unknown: [noGuild],
    invalid: [
      ...channelForm,
      wrong("type", 99, CHOICES),
      wrongBody(() => ({}), "name", REQUIRED),
      wrong("parent_id", NOTHING, "CHANNEL_PARENT_INVALID"),
    ],
    limits: [
      full(30013, async ({ sql, at, freeId }) => {
        await sql`insert into channels (id, server_id, name)
          select ${freeId}::bigint + n, ${at.guild_id}, 'many' from generate_series(1, 500) n`;
        return {};
      }),
    ],
  },
  bulk_update_guild_channels: {
    // A channel that one may not manage counts as one that isn't there for one.
    forbidden: [anonymous, stranger, { ...lacks("MANAGE_CHANNELS"), code: 50001 }],
    unknown: [noGuild, { body: () => [{ id: NOTHING, position: 1 }], status: 404, code: 10003 }],
    invalid: [wrong("0.position", -1, TOO_SMALL), wrong("0.lock_permissions", 1, BAD_TYPE)],
    limits: [],
  },
  set_channel_permission_overwrite: {
    forbidden: channelLacking("MANAGE_ROLES"),
    unknown: [noChannel, noOverwrite],
    invalid: [wrong("type", 2, CHOICES), wrong("allow", "all", "BASE_TYPE_BAD_FORMAT")],
    limits: [
      full(30060, async ({ sql, at, owner }) => {
        await sql`insert into permission_overwrites (channel_id, target_id, type)
          select ${at.channel_id}, n, 1 from generate_series(1, 1000) n`;
        const role = await owner.post(`/guilds/${at.guild_id}/roles`, { name: "one more" });
        return { params: { overwrite_id: role.id } };
      }),
    ],
  },
  delete_channel_permission_overwrite: only(channelLacking("MANAGE_ROLES"), [noChannel, noOverwrite]),
  create_channel_invite: {
    forbidden: channelLacking("CREATE_INSTANT_INVITE"),
    unknown: [noChannel],
    invalid: [wrong("max_age", 604_801, TOO_LARGE), wrong("max_uses", 101, TOO_LARGE)],
    limits: [
      full(30016, async ({ sql, at }) => {
        await sql`insert into invites (code, server_id, channel_id)
          select ${at.guild_id} || n, ${at.guild_id}, ${at.channel_id} from generate_series(1, 1000) n`;
        return {};
      }),
    ],
  },
  list_channel_invites: only(channelLacking("MANAGE_CHANNELS"), [noChannel]),
  list_guild_invites: only(guildLacking("MANAGE_GUILD"), [noGuild]),
  invite_resolve: {
    forbidden: [],
    unknown: [noInvite],
    invalid: [wrongQuery("with_counts", "maybe", CHOICES)],
    limits: [],
  },
  invite_revoke: only(guildLacking(), [noInvite]),
  create_thread_from_message: {
    forbidden: channelLacking("CREATE_PUBLIC_THREADS"),
    unknown: [noChannel, noMessage],
    invalid: [
      wrong("name", long(101), BAD_LENGTH),
      wrong("auto_archive_duration", 61, CHOICES),
      wrongBody(() => ({}), "name", REQUIRED),
    ],
    limits: [
      full(160006, manyThreads),
      full(160004, async ({ owner, at }) => {
        await owner.post(`/channels/${at.channel_id}/messages/${at.message_id}/threads`, { name: "the one" });
        return {};
      }),
    ],
  },
  create_thread: {
    forbidden: channelLacking("SEND_MESSAGES"),
    unknown: [noChannel],
    invalid: [
      wrong("name", long(101), BAD_LENGTH),
      wrong("message.content", long(2001), BAD_LENGTH),
      wrong("message.embeds.0.title", long(257), BAD_LENGTH),
    ],
    limits: [full(160006, manyThreads), wrong("applied_tags", ["1", "2", "3", "4", "5", "6"], BAD_LENGTH)],
  },
  join_thread: { ...seen },
  leave_thread: { ...seen },
  add_thread_member: {
    forbidden: channelLacking("SEND_MESSAGES_IN_THREADS"),
    unknown: [noChannel, noMember],
    invalid: [],
    limits: [
      full(30033, async ({ sql, at, owner, freeId }) => {
        await owner.delete(`/channels/${at.thread_id}/thread-members/${at.user_id}`);
        await sql`insert into users (id, username, bot)
          select ${freeId}::bigint + n, ${at.guild_id} || n, true from generate_series(1, 1000) n`;
        await sql`insert into thread_members (thread_id, user_id)
          select ${at.thread_id}, ${freeId}::bigint + n from generate_series(1, 1000) n`;
        await sql`update threads set member_count = 1000 where channel_id = ${at.thread_id}`;
        return {};
      }),
    ],
  },
  delete_thread_member: only(channelLacking("MANAGE_THREADS"), [noChannel, noMember]),
  get_thread_member: {
    ...seen,
    unknown: [noChannel, noMember],
    invalid: [wrongQuery("with_member", "maybe", CHOICES)],
  },
  list_thread_members: { ...seen, invalid: [wrongQuery("limit", "101", TOO_LARGE)] },
  list_public_archived_threads: {
    ...seen,
    forbidden: [anonymous, stranger, hidden, lacks("READ_MESSAGE_HISTORY")],
    invalid: page,
  },
  list_private_archived_threads: {
    ...seen,
    forbidden: channelLacking("READ_MESSAGE_HISTORY", "MANAGE_THREADS"),
    invalid: page,
  },
  list_my_private_archived_threads: {
    ...seen,
    forbidden: [anonymous, stranger, hidden, lacks("READ_MESSAGE_HISTORY")],
    invalid: [wrongQuery("limit", "101", TOO_LARGE), wrongQuery("before", "x", "BASE_TYPE_INVALID")],
  },
  get_active_guild_threads: only([anonymous, stranger], [noGuild]),
};
