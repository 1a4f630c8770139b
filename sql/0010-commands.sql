-- Commands of applications: what people can invoke, in all guilds or in one.

create table application_commands (
  id                         bigint primary key,
  application_id             bigint not null references applications on delete cascade,
  server_id                  bigint references servers on delete cascade,
  type                       smallint not null check (type between 1 and 4),
  name                       text not null check (char_length(name) between 1 and 32),
  name_localizations         jsonb check (jsonb_typeof(name_localizations) = 'object'),
  description                text not null default '' check (char_length(description) <= 100),
  description_localizations  jsonb check (jsonb_typeof(description_localizations) = 'object'),
  options                    jsonb not null default '[]' check (jsonb_typeof(options) = 'array'),
  default_member_permissions bigint,
  nsfw                       boolean not null default false,
  integration_types          smallint[] not null default '{0}',
  contexts                   smallint[],
  handler                    smallint check (handler in (1, 2)),
  version                    bigint not null,
  created_at                 timestamptz not null default now(),
  -- Looked at when a transaction ends: within one, two commands may change names with each other.
  constraint application_commands_name unique nulls not distinct (application_id, server_id, type, name)
    deferrable initially deferred
);
create index application_commands_server on application_commands (server_id) where server_id is not null;

comment on table application_commands is 'Unique by application, guild (or none), type and name.';
comment on column application_commands.server_id is 'The one guild that has it; null for a global command.';
comment on column application_commands.type is '1 chat input, 2 user, 3 message, 4 primary entry point.';
comment on column application_commands.name_localizations is 'By locale, without those equal to the name; null when none was given.';
comment on column application_commands.options is 'As they are told, with localizations: see core/wire/command.ts.';
comment on column application_commands.default_member_permissions is 'Who may use it where nothing else is said: null everybody, 0 administrators.';
comment on column application_commands.contexts is '0 guild, 1 conversation with the bot, 2 other conversations; null when not said, which means all. Global ones only.';
comment on column application_commands.version is 'Snowflake, new with every change.';

create table application_command_creates (
  application_id bigint not null references applications on delete cascade,
  server_id      bigint not null default 0,
  since          timestamptz not null default now(),
  creates        integer not null,
  primary key (application_id, server_id)
);
comment on table application_command_creates is 'How many commands were made in the present 24 hours, for the daily limit.';
comment on column application_command_creates.server_id is '0 for global ones.';
comment on column application_command_creates.since is 'When the 24 hours began; those that are over count for nothing.';

create table application_command_permissions (
  application_id bigint not null references applications on delete cascade,
  server_id      bigint not null references servers on delete cascade,
  command_id     bigint references application_commands on delete cascade,
  rules          jsonb not null check (jsonb_typeof(rules) = 'array'),
  constraint application_command_permissions_target unique nulls not distinct (server_id, application_id, command_id)
);
create index application_command_permissions_application on application_command_permissions (application_id);
create index application_command_permissions_command on application_command_permissions (command_id)
  where command_id is not null;

comment on table application_command_permissions is 'What the managers of a guild allow and deny for an application''s commands there; without a row nothing.';
comment on column application_command_permissions.command_id is 'Null: of all commands for which nothing else is said.';
comment on column application_command_permissions.rules is '[{"id","type","permission"}], 100 at most; type 1 role, 2 user, 3 channel. The guild''s id is @everyone, the one before it all channels.';
