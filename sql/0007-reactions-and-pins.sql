-- What people do with messages: react, pin, forward, publish to channels that follow.

create table emojis (
  id         bigint primary key,
  server_id  bigint not null references servers on delete cascade,
  name       text not null check (name ~ '^\w{2,32}$'),
  animated   boolean not null default false,
  creator_id bigint references users on delete set null,
  created_at timestamptz not null default now()
);
create index emojis_server on emojis (server_id, id);
create index emojis_creator on emojis (creator_id) where creator_id is not null;

comment on table emojis is 'Custom emoji of guilds, so that reactions with them resolve. No route makes any yet.';

create table message_reactions (
  message_id bigint not null references messages on delete cascade,
  emoji      text not null,
  emoji_id   bigint,
  emoji_name text not null,
  animated   boolean not null default false,
  place      integer not null,
  count      integer not null,
  primary key (message_id, emoji),
  check (emoji = coalesce(emoji_id::text, emoji_name))
);

comment on table message_reactions is 'The emoji that a message has reactions of, 20 at most. Written only with the message''s row locked.';
comment on column message_reactions.emoji is 'What tells emoji apart: a custom one''s id, or the characters.';
comment on column message_reactions.emoji_id is 'A custom emoji; it may be deleted since, its reactions stay.';
comment on column message_reactions.place is 'Emoji are shown in the order in which they were first used.';
comment on column message_reactions.count is 'Rows in message_reaction_users, kept with them: counting thousands for each reader is slow.';

create table message_reaction_users (
  message_id bigint not null,
  emoji      text not null,
  user_id    bigint not null references users on delete cascade,
  primary key (message_id, emoji, user_id),
  foreign key (message_id, emoji) references message_reactions on delete cascade
);
create index message_reaction_users_user on message_reaction_users (user_id);

comment on table message_reaction_users is 'Who reacted with what. Paged by user_id within an emoji.';

create sequence reaction_version;
comment on sequence reaction_version is 'Versions of reactions, drawn with the message''s row locked: of an addition and a removal that are told the wrong way round, the later holds.';

alter table messages
  drop column pinned,
  add column pinned_at timestamptz,
  add column snapshots jsonb check (jsonb_typeof(snapshots) = 'array');
create index messages_pinned on messages (channel_id, pinned_at desc)
  where pinned_at is not null and not deleted and channel_id is not null;
create index messages_dm_pinned on messages (dm_channel_id, pinned_at desc)
  where pinned_at is not null and not deleted and dm_channel_id is not null;
create index messages_crossposts on messages (reference_message_id) where flags & 2 <> 0 and not deleted;

comment on column messages.pinned_at is 'Set while it is pinned. No two pins of a channel have the same millisecond: lists are paged by it.';
comment on column messages.snapshots is 'A forward: what was forwarded, as it is sent, from the moment when it was. No later change reaches it.';
comment on column messages.mention_channels is 'Of a published message that follows: channels that it names and that everybody may know of.';

alter table channels add column last_pin_at timestamptz;
alter table dm_channels add column last_pin_at timestamptz;
comment on column channels.last_pin_at is 'When the newest of its pins was made; null without pins.';

alter table webhooks
  add column type smallint not null default 1 check (type in (1, 2)),
  add column source_channel_id bigint references channels on delete cascade,
  alter column token drop not null,
  add check ((type = 1) = (token is not null)),
  add check ((type = 2) = (source_channel_id is not null));
create index webhooks_source on webhooks (source_channel_id) where source_channel_id is not null;

comment on table webhooks is 'Incoming webhooks, whose URL lets anybody post into the channel, and followers, which bring an announcement channel''s published messages.';
comment on column webhooks.type is 'Discord''s type: 1 incoming, 2 channel follower.';
comment on column webhooks.source_channel_id is 'A follower: the announcement channel, of this or another guild.';
