-- Where people talk and what they say.

create table channels (
  id                            bigint primary key,
  server_id                     bigint not null references servers on delete cascade,
  name                          text not null check (char_length(name) between 1 and 100),
  type                          smallint not null default 0,
  topic                         text check (char_length(topic) <= 4096),
  position                      integer not null default 0,
  parent_id                     bigint references channels on delete set null,
  nsfw                          boolean not null default false,
  rate_limit_per_user           integer not null default 0 check (rate_limit_per_user between 0 and 21600),
  bitrate                       integer,
  user_limit                    integer,
  default_auto_archive_duration integer,
  flags                         integer not null default 0,
  version                       bigint not null default 0,
  created_at                    timestamptz not null default now()
);
create index channels_server on channels (server_id, id);
create index channels_parent on channels (parent_id) where parent_id is not null;

comment on table channels is 'Channels of guilds.';
comment on column channels.type is 'Discord''s channel type: 0 text, 4 category.';
comment on column channels.parent_id is 'The category it is in.';

create table permission_overwrites (
  channel_id bigint not null references channels on delete cascade,
  target_id  bigint not null,
  type       smallint not null check (type in (0, 1)),
  allow      bigint not null default 0,
  deny       bigint not null default 0,
  primary key (channel_id, target_id)
);
create index permission_overwrites_target on permission_overwrites (target_id);

comment on table permission_overwrites is 'What a channel allows or denies a role or a member, beyond the guild''s roles.';
comment on column permission_overwrites.type is '0: target_id is a role; 1: it is a member.';

create table dm_channels (
  id         bigint primary key,
  user1_id   bigint not null references users on delete cascade,
  user2_id   bigint not null references users on delete cascade,
  created_at timestamptz not null default now(),
  unique (user1_id, user2_id),
  check (user1_id < user2_id)
);
create index dm_channels_user2 on dm_channels (user2_id);
comment on table dm_channels is 'Direct conversations of two; user1_id is the lower id, so a pair has one row.';

create table webhooks (
  id             bigint primary key,
  server_id      bigint not null references servers on delete cascade,
  channel_id     bigint not null references channels on delete cascade,
  creator_id     bigint references users on delete set null,
  application_id bigint references applications on delete cascade,
  name           text not null check (char_length(name) between 1 and 80),
  avatar         text,
  token          bytea not null,
  version        bigint not null default 0,
  created_at     timestamptz not null default now()
);
create index webhooks_channel on webhooks (channel_id);
create index webhooks_server on webhooks (server_id);
create index webhooks_creator on webhooks (creator_id) where creator_id is not null;
create index webhooks_application on webhooks (application_id) where application_id is not null;

comment on table webhooks is 'Incoming webhooks: whoever has the URL may post into the channel.';
comment on column webhooks.token is 'Sealed with AES-256-GCM under GUILDHALL_SECRET, as members who manage webhooks may read it again.';

create table messages (
  id                   bigint primary key,
  channel_id           bigint references channels on delete cascade,
  dm_channel_id        bigint references dm_channels on delete cascade,
  author_id            bigint references users on delete set null,
  webhook_id           bigint,
  webhook_name         text,
  webhook_avatar       text,
  application_id       bigint,
  type                 smallint not null default 0,
  flags                integer not null default 0,
  content              text not null default '' check (char_length(content) <= 4000),
  embeds               jsonb not null default '[]',
  components           jsonb not null default '[]',
  tts                  boolean not null default false,
  pinned               boolean not null default false,
  mention_everyone     boolean not null default false,
  mentions             bigint[] not null default '{}',
  mention_roles        bigint[] not null default '{}',
  mention_channels     bigint[] not null default '{}',
  reference_message_id bigint,
  reference_channel_id bigint,
  reference_server_id  bigint,
  version              bigint not null default 0,
  created_at           timestamptz not null default now(),
  edited_at            timestamptz,
  deleted              boolean not null default false,
  check (num_nonnulls(channel_id, dm_channel_id) = 1)
);
create index messages_channel on messages (channel_id, id desc) where channel_id is not null and not deleted;
create index messages_dm_channel on messages (dm_channel_id, id desc) where dm_channel_id is not null and not deleted;
create index messages_author on messages (author_id);
create index messages_deleted on messages (id) where deleted and content <> '';

comment on table messages is 'Messages of guild channels and of direct conversations: exactly one of channel_id and dm_channel_id is set.';
comment on column messages.author_id is 'Null for a webhook''s message, or when the account is gone.';
comment on column messages.webhook_id is 'The webhook that posted it; outlives the webhook.';
comment on column messages.webhook_name is 'The name it was posted under.';
comment on column messages.reference_message_id is 'The message that this one replies to; may be gone.';
comment on column messages.deleted is 'Soft delete: hidden at once, content erased after the retention time.';

create table message_nonces (
  author_id  bigint not null,
  channel_id bigint not null,
  nonce      text not null,
  message_id bigint not null,
  created_at timestamptz not null default now(),
  primary key (author_id, channel_id, nonce)
);
create index message_nonces_age on message_nonces (created_at);
comment on table message_nonces is 'Nonces of the past few minutes, for enforce_nonce: a repeat gets the message made first.';

create table invites (
  code       text primary key,
  server_id  bigint not null references servers on delete cascade,
  channel_id bigint not null references channels on delete cascade,
  inviter_id bigint references users on delete set null,
  max_age    integer not null default 86400 check (max_age between 0 and 604800),
  max_uses   integer not null default 0 check (max_uses between 0 and 100),
  uses       integer not null default 0,
  temporary  boolean not null default false,
  created_at timestamptz not null default now(),
  expires_at timestamptz
);
create index invites_server on invites (server_id);
create index invites_channel on invites (channel_id);
create index invites_inviter on invites (inviter_id) where inviter_id is not null;
create index invites_expiry on invites (expires_at) where expires_at is not null;
comment on table invites is 'Invite codes. max_uses 0: no limit; expires_at null: never.';
