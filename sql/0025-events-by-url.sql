-- Whether any URL asks for an event that is not kept is looked up each second by every process.
create index event_endpoints_types on event_endpoints using gin (event_types) where status = 2;

comment on column webhook_queue.server_id is '0 for events of no guild: of an application, or of a conversation with its bot.';

-- Who could view a channel that is gone: what happened in it may still have to be delivered.
create table deleted_channels (
  id         bigint primary key,
  server_id  bigint not null references servers on delete cascade,
  type       smallint not null,
  overwrites json not null,
  deleted_at timestamptz not null default now()
);
create index deleted_channels_server on deleted_channels (server_id);
create index deleted_channels_age on deleted_channels (deleted_at);
comment on table deleted_channels is 'Channels and public threads that were deleted lately, kept by a trigger. Who was in a private thread is no longer known.';
comment on column deleted_channels.overwrites is 'As they last were, for a thread its parent''s: [{"id","type","allow","deny"}].';

create function channels_remember() returns trigger language plpgsql as $$
begin
  -- Not those that go with their guild, which is gone by then.
  insert into deleted_channels (id, server_id, type, overwrites)
  select old.id, s.id, old.type, coalesce((
      select json_agg(json_build_object('id', o.target_id::text, 'type', o.type, 'allow', o.allow::text, 'deny', o.deny::text))
      from permission_overwrites o
      where o.channel_id = case when old.type in (10, 11) then old.parent_id else old.id end), '[]')
  from servers s where s.id = old.server_id and old.type <> 12
  on conflict (id) do nothing;
  return old;
end $$;
create trigger channels_remember before delete on channels for each row execute function channels_remember();
