-- Those who send share the endpoints, so each must know of the others, also of one that has none yet.
create table webhook_dispatchers (
  id          text primary key,
  alive_until timestamptz not null,
  endpoints   integer not null
);
comment on table webhook_dispatchers is 'Processes that send outgoing webhooks and live, as far as is known; the holders of event_endpoint_leases.';
comment on column webhook_dispatchers.endpoints is 'Whose lease it has, without those that it only probes now and then.';
