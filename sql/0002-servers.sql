-- Guilds (called servers here, as in the diagram), who is in them and what they may do.

create table servers (
  id                            bigint primary key,
  name                          text not null check (char_length(name) between 2 and 100),
  owner_id                      bigint not null references users on delete restrict,
  icon                          text,
  description                   text,
  verification_level            smallint not null default 0,
  default_message_notifications smallint not null default 0,
  explicit_content_filter       smallint not null default 0,
  mfa_level                     smallint not null default 0,
  nsfw_level                    smallint not null default 0,
  afk_channel_id                bigint,
  afk_timeout                   integer not null default 300,
  system_channel_id             bigint,
  system_channel_flags          integer not null default 0,
  rules_channel_id              bigint,
  public_updates_channel_id     bigint,
  safety_alerts_channel_id      bigint,
  preferred_locale              text not null default 'en-US',
  premium_progress_bar_enabled  boolean not null default false,
  features                      text[] not null default '{}',
  member_count                  integer not null default 0,
  version                       bigint not null default 0,
  created_at                    timestamptz not null default now()
);
create index servers_owner on servers (owner_id);

comment on table servers is 'Guilds.';
comment on column servers.owner_id is 'May do everything. An account that owns a guild can''t be deleted before the guild is.';
comment on column servers.member_count is 'Kept in the transaction that adds or removes a member: counting 100,000 rows for each reader is slow.';
comment on column servers.version is 'Grows by one with each change.';

create sequence membership_version;
comment on sequence membership_version is 'Versions of memberships, over all of them: who left and came back has a higher one.';

create table server_members (
  server_id                    bigint not null references servers on delete cascade,
  user_id                      bigint not null references users on delete cascade,
  joined_at                    timestamptz not null default now(),
  nickname                     text check (char_length(nickname) between 1 and 32),
  avatar                       text,
  communication_disabled_until timestamptz,
  deaf                         boolean not null default false,
  mute                         boolean not null default false,
  pending                      boolean not null default false,
  flags                        integer not null default 0,
  version                      bigint not null default nextval('membership_version'),
  primary key (server_id, user_id)
);
create index server_members_user on server_members (user_id, server_id);

comment on table server_members is 'Membership. Paged by user_id within a guild.';
comment on column server_members.communication_disabled_until is 'A timeout: until then the member may only view and read.';

create table roles (
  id            bigint primary key,
  server_id     bigint not null references servers on delete cascade,
  name          text not null check (char_length(name) between 1 and 100),
  permissions   jsonb not null default '[]' check (jsonb_typeof(permissions) = 'array'),
  is_default    boolean not null default false,
  color         integer not null default 0 check (color between 0 and 16777215),
  hoist         boolean not null default false,
  mentionable   boolean not null default false,
  managed       boolean not null default false,
  bot_id        bigint references users on delete set null,
  position      integer not null default 0 check (position >= 0),
  icon          text,
  unicode_emoji text,
  version       bigint not null default 0,
  unique (server_id, id),
  check (is_default = (id = server_id))
);
create unique index roles_one_default on roles (server_id) where is_default;
create index roles_bot on roles (bot_id) where bot_id is not null;

comment on table roles is 'Roles. The default role (@everyone) has its guild''s id.';
comment on column roles.permissions is 'JSON array of permission names, such as ["VIEW_CHANNEL","SEND_MESSAGES"].';
comment on column roles.managed is 'Made for a bot when it was added; can''t be given or deleted by hand.';
comment on column roles.bot_id is 'The bot that a managed role belongs to.';

create table server_member_roles (
  server_id bigint not null,
  user_id   bigint not null,
  role_id   bigint not null,
  primary key (server_id, user_id, role_id),
  foreign key (server_id, user_id) references server_members on delete cascade,
  foreign key (server_id, role_id) references roles (server_id, id) on delete cascade
);
create index server_member_roles_role on server_member_roles (role_id);

comment on table server_member_roles is 'Which members have which roles. The default role has no rows: everyone has it.';

create table server_bans (
  server_id    bigint not null references servers on delete cascade,
  user_id      bigint not null references users on delete cascade,
  moderator_id bigint references users on delete set null,
  reason       text check (char_length(reason) <= 512),
  created_at   timestamptz not null default now(),
  primary key (server_id, user_id)
);
create index server_bans_user on server_bans (user_id);
create index server_bans_moderator on server_bans (moderator_id) where moderator_id is not null;
comment on table server_bans is 'Who may not join. Paged by user_id within a guild.';
