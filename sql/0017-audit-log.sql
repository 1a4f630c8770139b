-- Who changed what in a guild, and why.

create table audit_log (
  id          bigint primary key,
  server_id   bigint not null references servers on delete cascade,
  action_type smallint not null,
  user_id     bigint references users on delete set null,
  target_id   bigint,
  changes     jsonb,
  options     jsonb,
  reason      text check (char_length(reason) <= 512)
);
create index audit_log_server on audit_log (server_id, id);
create index audit_log_user on audit_log (user_id, server_id, id);
create index audit_log_action on audit_log (server_id, action_type, id);
create index audit_log_target on audit_log (server_id, target_id, id);

comment on table audit_log is 'Guilds'' audit logs, each entry written in the transaction of its change. Paged by id within a guild; the id tells the time, by which old entries are removed.';
comment on column audit_log.action_type is 'Discord''s audit log event, such as 10 for a channel that was made.';
comment on column audit_log.user_id is 'Who did it; null for who has only a webhook''s token, or when the account is gone.';
comment on column audit_log.target_id is 'What was changed: a user, a channel, a role, a webhook; it may be gone.';
comment on column audit_log.changes is 'JSON array of {key, old_value, new_value}, as it is sent; null for actions that change no field.';
comment on column audit_log.options is 'JSON object of texts, as it is sent.';
comment on column audit_log.reason is 'What was given in X-Audit-Log-Reason.';
