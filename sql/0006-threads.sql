-- What channels of every type have, and threads: channels within a channel.

alter table channels
  add column rtc_region                         text check (char_length(rtc_region) <= 64),
  add column video_quality_mode                 smallint check (video_quality_mode in (1, 2)),
  add column default_thread_rate_limit_per_user integer check (default_thread_rate_limit_per_user between 0 and 21600),
  add column default_reaction_emoji             jsonb check (jsonb_typeof(default_reaction_emoji) = 'object'),
  add column default_sort_order                 smallint check (default_sort_order in (0, 1)),
  add column default_forum_layout               smallint check (default_forum_layout in (0, 1, 2)),
  add column default_tag_setting                text check (default_tag_setting in ('match_all', 'match_some')),
  add column available_tags                     jsonb not null default '[]' check (jsonb_typeof(available_tags) = 'array'),
  add unique (server_id, id);

comment on table channels is 'Channels of guilds, threads among them.';
comment on column channels.type is 'Discord''s channel type: 0 text, 2 voice, 4 category, 5 announcement, 10 to 12 threads, 13 stage, 15 forum, 16 media.';
comment on column channels.parent_id is 'The category it is in; of a thread, the channel it is in.';
comment on column channels.rtc_region is 'Voice and stage: the region that was chosen; null is automatic.';
comment on column channels.default_thread_rate_limit_per_user is 'Copied into rate_limit_per_user of threads made in it.';
comment on column channels.default_reaction_emoji is 'Forum and media: {"emoji_id","emoji_name"}, one of them null.';
comment on column channels.available_tags is 'Forum and media: tags for posts, 20 at most, in their order: [{"id","name","moderated","emoji_id","emoji_name"}].';

-- A guild has 500 channels at most, but any number of threads: lists of channels must not read those.
drop index channels_server;
create index channels_server on channels (server_id, position, id) where type not in (10, 11, 12);

create table threads (
  channel_id            bigint primary key,
  server_id             bigint not null,
  parent_id             bigint not null references channels on delete cascade,
  private               boolean not null,
  owner_id              bigint not null,
  archived              boolean not null default false,
  archive_timestamp     timestamptz not null default now(),
  auto_archive_duration integer not null check (auto_archive_duration in (60, 1440, 4320, 10080)),
  archive_due           timestamptz not null,
  locked                boolean not null default false,
  invitable             boolean not null default true,
  applied_tags          bigint[] not null default '{}',
  message_count         integer not null default 0,
  total_message_sent    integer not null default 0,
  member_count          integer not null default 0,
  created_at            timestamptz not null default now(),
  foreign key (server_id, channel_id) references channels (server_id, id) on delete cascade
);
create index threads_active on threads (server_id, channel_id) where not archived;
create index threads_due on threads (archive_due) where not archived;
create index threads_archived on threads (parent_id, private, archive_timestamp desc, channel_id desc) where archived;
create index threads_parent on threads (parent_id, channel_id);

comment on table threads is 'What a thread has beyond its row in channels, which bears its name, type and parent.';
comment on column threads.private is 'Of type 12: seen by its members and by those who manage threads.';
comment on column threads.owner_id is 'Who started it: a user or a webhook; may be gone.';
comment on column threads.archive_timestamp is 'When it was made, archived, unarchived, or its duration changed.';
comment on column threads.archive_due is 'No earlier need it be looked at for inactivity. Messages do not move it: that would be an index entry each.';
comment on column threads.message_count is 'Without the first message and deleted ones; total_message_sent counts the deleted too.';
comment on column threads.member_count is 'Rows in thread_members, kept with them.';

create table thread_members (
  thread_id bigint not null references threads on delete cascade,
  user_id   bigint not null references users on delete cascade,
  joined_at timestamptz not null default now(),
  flags     integer not null default 0,
  primary key (thread_id, user_id)
);
create index thread_members_user on thread_members (user_id, thread_id);

comment on table thread_members is 'Who has joined a thread, 1000 at most.';
