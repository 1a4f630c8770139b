-- What people do with applications: commands, components and modals, and what the applications answer.

create table interactions (
  id                 bigint primary key,
  token_hash         bytea not null unique,
  application_id     bigint not null references applications on delete cascade,
  user_id            bigint not null references users on delete cascade,
  server_id          bigint references servers on delete cascade,
  channel_id         bigint references channels on delete cascade,
  dm_channel_id      bigint references dm_channels on delete cascade,
  type               smallint not null check (type between 2 and 5),
  about              jsonb not null,
  nonce              text,
  app_permissions    bigint not null,
  focused_type       smallint,
  source_id          bigint,
  source_ephemeral   boolean not null default false,
  answer             smallint,
  response_id        bigint,
  response_ephemeral boolean not null default false,
  modal              jsonb,
  created_at         timestamptz not null,
  failed_at          timestamptz,
  check (num_nonnulls(channel_id, dm_channel_id) = 1)
);
create index interactions_application on interactions (application_id);
create index interactions_user on interactions (user_id);
create index interactions_server on interactions (server_id) where server_id is not null;
create index interactions_channel on interactions (channel_id) where channel_id is not null;
create index interactions_dm_channel on interactions (dm_channel_id) where dm_channel_id is not null;
create index interactions_age on interactions (created_at);
create index interactions_waiting on interactions (created_at) where answer is null and failed_at is null;

comment on table interactions is 'Each is kept for a day: its token ends after 15 minutes, its modal and its ephemeral messages with the row.';
comment on column interactions.token_hash is 'SHA-256 of the token, by which the application answers.';
comment on column interactions.about is 'What messages tell of it: core/wire/interaction.ts.';
comment on column interactions.nonce is 'What the person''s client calls it.';
comment on column interactions.app_permissions is 'What the application may do in the channel.';
comment on column interactions.focused_type is 'Autocomplete: the type of the option that is written.';
comment on column interactions.source_id is 'The message whose component was used, also where its modal was submitted.';
comment on column interactions.source_ephemeral is 'Whether that is in ephemeral_messages.';
comment on column interactions.answer is 'The type of the first answer; null while there is none.';
comment on column interactions.response_id is 'The message that @original means.';
comment on column interactions.response_ephemeral is 'Whether that is in ephemeral_messages.';
comment on column interactions.modal is 'What was shown and is not submitted yet.';
comment on column interactions.failed_at is 'Set when no answer came in time: none is taken any more.';

create table ephemeral_messages (
  id             bigint primary key,
  interaction_id bigint not null references interactions on delete cascade,
  user_id        bigint not null,
  message        jsonb not null,
  version        bigint not null default 0
);
create index ephemeral_messages_interaction on ephemeral_messages (interaction_id);

comment on table ephemeral_messages is 'Answers that one person alone sees: no query of messages can find them.';
comment on column ephemeral_messages.message is 'As core/wire/message.ts reads it, a MessageRow.';

create table interaction_files (
  interaction_id bigint not null references interactions on delete cascade,
  file_id        bigint not null references files on delete cascade,
  primary key (interaction_id, file_id)
);
create index interaction_files_file on interaction_files (file_id);
create trigger interaction_files_gone after delete on interaction_files for each row execute function look_at_file();

comment on table interaction_files is 'Files that came with an interaction, or are in its ephemeral answers.';

alter table messages add column interaction jsonb;
comment on column messages.interaction is 'The interaction that it answers: core/wire/interaction.ts.';
