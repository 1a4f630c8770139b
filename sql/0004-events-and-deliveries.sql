-- What has happened and has yet to reach somebody.

create table event_outbox (
  id         bigint generated always as identity primary key,
  key        text not null,
  event_id   text not null,
  durable    boolean not null,
  entity     text not null default '',
  version    bigint not null default 0,
  header     text not null,
  body       text not null,
  created_at timestamptz not null default now()
);
create index event_outbox_key on event_outbox (key, id);

comment on table event_outbox is 'Events that Redis could not take when they happened. A relay drains them in order per key; rows go when published.';
comment on column event_outbox.key is 'The log: g:GUILD or u:USER.';
comment on column event_outbox.event_id is 'Makes a second publish of the same event a no-op.';
comment on column event_outbox.entity is 'With version: an event older than what the log has of this entity is dropped.';

create table webhook_deliveries (
  id              bigint primary key,
  application_id  bigint not null references applications on delete cascade,
  event_type      text not null,
  server_id       bigint,
  channel_id      bigint,
  data            text not null,
  state           text not null default 'pending' check (state in ('pending', 'delivered', 'dead', 'dropped')),
  attempts        integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  locked_by       text,
  locked_until    timestamptz,
  last_status     integer,
  last_error      text,
  created_at      timestamptz not null default now(),
  finished_at     timestamptz
);
create index webhook_deliveries_due on webhook_deliveries (next_attempt_at) where state = 'pending';
create index webhook_deliveries_application on webhook_deliveries (application_id, id desc);

comment on table webhook_deliveries is 'One event for one application''s event_webhooks_url, written in the transaction of the change itself.';
comment on column webhook_deliveries.data is 'The event''s data as JSON text: the very text that sockets get.';
comment on column webhook_deliveries.locked_by is 'The worker that holds the lease until locked_until; with attempts it is the fence against a late finish.';
comment on column webhook_deliveries.state is 'dropped: the application may no longer see it, or has no URL any more.';
