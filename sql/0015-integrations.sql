-- Integrations: the applications that were added to a guild, by whom and with which scopes.

create table integrations (
  id             bigint primary key,
  server_id      bigint not null references servers on delete cascade,
  application_id bigint not null references applications on delete cascade,
  user_id        bigint references users on delete set null,
  scopes         text[] not null,
  created_at     timestamptz not null default now(),
  unique (server_id, application_id)
);
create index integrations_application on integrations (application_id);
create index integrations_user on integrations (user_id) where user_id is not null;

comment on table integrations is 'An application in a guild. It is there as long as its bot is a member, or its webhook was not removed with it.';
comment on column integrations.id is 'Snowflake.';
comment on column integrations.server_id is 'The guild.';
comment on column integrations.application_id is 'The application.';
comment on column integrations.user_id is 'Who has added it.';
comment on column integrations.scopes is 'Of bot, applications.commands and webhook.incoming, those that it was added with.';
comment on column integrations.created_at is 'When it was added.';

-- Bots that are members already: snowflakes of the time of their joining, counted through so that no two are the same.
insert into integrations (id, server_id, application_id, scopes, created_at)
select ((extract(epoch from m.joined_at) * 1000)::bigint - 1420070400000 << 22) + row_number() over (order by m.joined_at, m.server_id, m.user_id),
  m.server_id, a.id, '{applications.commands,bot}', m.joined_at
from server_members m join applications a on a.bot_id = m.user_id;
