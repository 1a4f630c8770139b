-- Outgoing webhooks: who is told of what, what waits to be sent, and what was.

create table event_endpoints (
  id                    bigint primary key,
  application_id        bigint unique references applications on delete cascade check (application_id = id),
  server_id             bigint references servers on delete cascade,
  creator_id            bigint references users on delete set null,
  url                   text,
  event_types           text[] not null default '{}',
  channel_ids           bigint[] check (cardinality(channel_ids) between 1 and 100),
  status                smallint not null default 1 check (status between 1 and 3),
  strict_order          boolean not null default false,
  public_key            bytea check (octet_length(public_key) = 32),
  private_key           bytea,
  secret                bytea,
  previous_secret       bytea,
  previous_secret_until timestamptz,
  disabled_reason       text,
  disabled_at           timestamptz,
  failing_since         timestamptz,
  paused_until          timestamptz,
  probed_at             timestamptz not null default now(),
  failed_probes         smallint not null default 0,
  created_at            timestamptz not null default now(),
  check ((application_id is null) <> (server_id is null)),
  check (status <> 2 or url is not null),
  check (server_id is null or (public_key is not null and private_key is not null and secret is not null))
);
create index event_endpoints_creator on event_endpoints (creator_id) where creator_id is not null;
create index event_endpoints_server on event_endpoints (server_id, id) where server_id is not null;

comment on table event_endpoints is 'URLs that events are sent to: of an application (its event webhooks), or of a guild.';
comment on column event_endpoints.id is 'An application''s is the application''s own.';
comment on column event_endpoints.creator_id is 'Of a guild''s: who set it up or changed it last; it gets what this member may see.';
comment on column event_endpoints.channel_ids is 'Of a guild''s: only events of these channels and their threads; null for all.';
comment on column event_endpoints.status is '1 disabled, 2 enabled, 3 disabled by the platform: see disabled_reason.';
comment on column event_endpoints.strict_order is 'A delivery that fails holds up those after it, of the same guild.';
comment on column event_endpoints.private_key is 'Ed25519 seed, sealed; applications have theirs in applications.';
comment on column event_endpoints.secret is 'Key of Standard Webhooks'' HMAC, sealed. Applications need not have one.';
comment on column event_endpoints.previous_secret is 'The one before, with which is signed as well until previous_secret_until.';
comment on column event_endpoints.failing_since is 'The first failure since the last success.';
comment on column event_endpoints.paused_until is 'Set while the breaker is open: nothing is sent before.';
comment on column event_endpoints.probed_at is 'When it was last sent a request with a wrong signature, which it must refuse.';
comment on column event_endpoints.failed_probes is 'How many in a row it did not refuse.';

insert into event_endpoints (id, application_id, url, event_types, status)
select id, id, event_webhooks_url, event_webhooks_types, case when event_webhooks_url is null then 1 else event_webhooks_status end
from applications where event_webhooks_url is not null or event_webhooks_types <> '{}';
drop index applications_event_webhooks;
alter table applications
  drop column event_webhooks_url,
  drop column event_webhooks_status,
  drop column event_webhooks_types;

-- Which applications are in a guild, without looking at all its members or all applications.
alter table server_members add column application_id bigint;
update server_members m set application_id = a.id from applications a where a.bot_id = m.user_id;
create index server_members_applications on server_members (server_id, application_id) where application_id is not null;
comment on column server_members.application_id is 'The application whose bot the member is; kept by a trigger.';

create function server_members_application() returns trigger language plpgsql as $$
begin
  new.application_id := (select id from applications where bot_id = new.user_id);
  return new;
end $$;
create trigger server_members_application before insert on server_members
  for each row execute function server_members_application();

create table event_endpoint_leases (
  endpoint_id bigint primary key references event_endpoints on delete cascade,
  holder      text not null default '',
  held_until  timestamptz not null default '-infinity',
  fence       bigint not null default 0
);
comment on table event_endpoint_leases is 'Which dispatcher sends to an endpoint. It alone does, so that order and limits hold.';
comment on column event_endpoint_leases.fence is 'Grows with each change of hands: what an earlier holder writes late is refused.';
insert into event_endpoint_leases (endpoint_id) select id from event_endpoints;
create function event_endpoints_lease() returns trigger language plpgsql as $$
begin
  insert into event_endpoint_leases (endpoint_id) values (new.id);
  return null;
end $$;
create trigger event_endpoints_lease after insert on event_endpoints
  for each row execute function event_endpoints_lease();

create temporary table under_way on commit drop as
  select id, application_id, event_type, server_id, channel_id, data from webhook_deliveries where state = 'pending';
drop table webhook_deliveries;

create sequence webhook_event_id;
comment on sequence webhook_event_id is 'Numbers events for outgoing webhooks: what happened after another has the higher one.';
create sequence webhook_delivery_id start 1000;
comment on sequence webhook_delivery_id is 'Numbers deliveries, in the order of their events.';

create table webhook_events (
  id         bigint not null,
  event_type text not null,
  server_id  bigint,
  channel_id bigint,
  data       text not null,
  created_at timestamptz not null default now(),
  primary key (created_at, id)
) partition by range (created_at);
comment on table webhook_events is 'Events that somebody has subscribed a URL to, once each, written in the transaction of the change itself.';
comment on column webhook_events.data is 'The event''s data as JSON text: the very text that sockets get.';

create table webhook_queue (
  id              bigint primary key default nextval('webhook_delivery_id'),
  endpoint_id     bigint not null,
  event_id        bigint not null,
  event_type      text not null,
  server_id       bigint not null,
  state           text not null default 'first' check (state in ('first', 'retry', 'replay')),
  attempts        integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  created_at      timestamptz not null default now()
);
create index webhook_queue_first on webhook_queue (endpoint_id, id) where state = 'first';
create index webhook_queue_due on webhook_queue (endpoint_id, next_attempt_at) where state <> 'first';
-- Rows live for moments: what is dead of them must go as quickly.
alter table webhook_queue set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0, fillfactor = 80);

comment on table webhook_queue is 'Deliveries that are not settled: one event for one endpoint each. No foreign keys, as rows are written with every message.';
comment on column webhook_queue.server_id is '0 for events of no guild.';
comment on column webhook_queue.state is 'first: waits for its turn. retry: waits for next_attempt_at. replay: somebody wants it sent once more.';
comment on column webhook_queue.created_at is 'The event''s too: its partition.';

create table webhook_deliveries (
  id          bigint not null,
  endpoint_id bigint not null,
  event_id    bigint not null,
  event_type  text not null,
  server_id   bigint not null,
  state       text not null check (state in ('delivered', 'dead', 'dropped')),
  attempts    integer not null,
  last_status integer,
  last_error  text,
  created_at  timestamptz not null,
  finished_at timestamptz not null default now(),
  primary key (created_at, id)
) partition by range (created_at);
create index webhook_deliveries_endpoint on webhook_deliveries (endpoint_id, id);
create index webhook_deliveries_dead on webhook_deliveries (endpoint_id, id) where state = 'dead';
comment on table webhook_deliveries is 'Deliveries that are settled, until their partition is dropped.';
comment on column webhook_deliveries.state is 'dead: given up, can be replayed. dropped: the endpoint may not, or no longer, see it.';

create table webhook_attempts (
  delivery_id      bigint not null,
  endpoint_id      bigint not null,
  attempt          integer not null,
  started_at       timestamptz not null,
  latency_ms       integer not null,
  status           integer,
  error            text,
  manual           boolean not null default false,
  request_headers  jsonb not null,
  response_headers jsonb,
  response_body    text,
  primary key (started_at, delivery_id, attempt)
) partition by range (started_at);
create index webhook_attempts_delivery on webhook_attempts (delivery_id, attempt);
comment on table webhook_attempts is 'What was sent and answered, until its partition is dropped.';
comment on column webhook_attempts.response_body is 'The first KiB.';
comment on column webhook_attempts.request_headers is 'Without signatures.';

-- A partition a day, UTC. Made for two weeks ahead, so that a platform without upkeep does not stand still at midnight;
-- dropped whole. Gives up rather than queue behind a long reader, as all writers would queue behind it.
create function webhook_partitions(keep_days integer) returns void language plpgsql as $$
declare
  parent text;
  day date;
  old record;
begin
  perform set_config('lock_timeout', '2s', true);
  if not pg_try_advisory_xact_lock(x'776870'::int, 0) then return; end if;
  foreach parent in array array['webhook_events', 'webhook_deliveries', 'webhook_attempts'] loop
    for day in select d::date from generate_series((now() at time zone 'utc')::date - 1, (now() at time zone 'utc')::date + 14, '1 day') d loop
      if to_regclass(parent || '_' || to_char(day, 'YYYYMMDD')) is null then
        execute format('create table %I partition of %I for values from (%L) to (%L)',
          parent || '_' || to_char(day, 'YYYYMMDD'), parent, day::text || ' 00:00+00', (day + 1)::text || ' 00:00+00');
        execute format('comment on table %I is %L', parent || '_' || to_char(day, 'YYYYMMDD'), 'A day of ' || parent || '.');
      end if;
    end loop;
    for old in select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = parent::regclass
        and c.relname < parent || '_' || to_char((now() at time zone 'utc')::date - keep_days, 'YYYYMMDD')
    loop
      execute format('drop table %I', old.relname);
    end loop;
  end loop;
end $$;
comment on function webhook_partitions(integer) is 'Makes the partitions of the next two weeks and drops those older than so many days.';
select webhook_partitions(30);

-- What was under way under the old table.
insert into webhook_events (id, event_type, server_id, channel_id, data)
select nextval('webhook_event_id'), d.event_type, d.server_id, d.channel_id, d.data
from (select event_type, server_id, channel_id, data, min(id) as first from under_way
  group by event_type, server_id, channel_id, data order by first) d;
insert into webhook_queue (endpoint_id, event_id, event_type, server_id)
select d.application_id, e.id, d.event_type, coalesce(d.server_id, 0)
from under_way d
join webhook_events e on (e.event_type, e.data) = (d.event_type, d.data) and e.server_id is not distinct from d.server_id
  and e.channel_id is not distinct from d.channel_id
order by d.id;
