-- How the URLs that applications get interactions at stand the probes.

alter table applications
  add column interactions_endpoint_probed_at timestamptz,
  add column interactions_endpoint_failures smallint not null default 0,
  add column interactions_endpoint_fault text,
  add column interactions_endpoint_removed_at timestamptz;
create index applications_interactions_endpoint on applications (interactions_endpoint_probed_at nulls first)
  where interactions_endpoint_url is not null;

comment on column applications.interactions_endpoint_url is 'Where its interactions are sent; null: to its bot, by the gateway.';
comment on column applications.interactions_endpoint_probed_at is 'When it last got a request with an invalid signature, which it must refuse.';
comment on column applications.interactions_endpoint_failures is 'How many such requests in a row it has not refused; with the third the URL is removed.';
comment on column applications.interactions_endpoint_fault is 'What was wrong with the last one that was not refused.';
comment on column applications.interactions_endpoint_removed_at is 'When the URL was removed for that; null since another was set.';
