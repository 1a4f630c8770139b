-- Messages of announcement channels that are published to the channels that follow; what invites give beside membership;
-- how members show themselves in a guild.

create table crossposts (
  message_id     bigint primary key references messages on delete cascade,
  channel_id     bigint not null references channels on delete cascade,
  crossposted_at timestamptz not null default now(),
  next_webhook   bigint,
  next_copy      bigint,
  due            timestamptz
);
create index crossposts_channel on crossposts (channel_id, crossposted_at);
create index crossposts_due on crossposts (due) where due is not null;

comment on table crossposts is 'Published messages, and how far their copies have got. A row is the work''s only memory: who has it locked goes on with it, a batch in each transaction.';
comment on column crossposts.next_webhook is 'Followers above this id have no copy yet; null when all have.';
comment on column crossposts.next_copy is 'Copies above this id don''t have the message''s last change yet; null when all have.';
comment on column crossposts.due is 'When the next batch is to be made: those that have waited longest come first. Null when nothing is left to do.';

drop index messages_crossposts;
create index messages_crossposts on messages (reference_message_id, id) where flags & 2 <> 0 and not deleted;
create index webhooks_followers on webhooks (source_channel_id, id) where source_channel_id is not null;
drop index webhooks_source;

alter table invites add column role_ids bigint[] not null default '{}';
comment on column invites.role_ids is 'Roles that whoever accepts it gets; those that are gone by then count for nothing.';

create table temporary_members (
  server_id    bigint not null,
  user_id      bigint not null,
  absent_since timestamptz,
  primary key (server_id, user_id),
  foreign key (server_id, user_id) references server_members on delete cascade
);
comment on table temporary_members is 'Who came by an invite for temporary membership: out again once they have gone, unless they have got a role.';
comment on column temporary_members.absent_since is 'When the user was first seen without a session; null while there is one, or before the first look.';

alter table server_members
  add column banner text,
  add column bio text check (char_length(bio) between 1 and 190);
create index server_members_avatar on server_members (avatar) where avatar is not null;
create index server_members_banner on server_members (banner) where banner is not null;
comment on column server_members.avatar is 'Hash of an image that is shown in this guild in place of the user''s own; so is banner.';
comment on column server_members.bio is 'What the member says of itself in this guild. Nobody is shown it but by clients that ask for profiles.';
