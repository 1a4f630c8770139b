-- Who was in a private thread that is gone: only they, and who manages threads there, may hear that it is, and of what
-- was said in it.

alter table deleted_channels
  add column parent_id bigint,
  add column members bigint[] not null default '{}';
comment on table deleted_channels is 'Channels and threads that were deleted lately, kept by a trigger.';
comment on column deleted_channels.members is 'Of a private thread: who was in it, 1000 at most.';

create or replace function channels_remember() returns trigger language plpgsql as $$
begin
  -- Not those that go with their guild, which is gone by then.
  insert into deleted_channels (id, server_id, type, parent_id, overwrites, members)
  select old.id, s.id, old.type, old.parent_id, coalesce((
      select json_agg(json_build_object('id', o.target_id::text, 'type', o.type, 'allow', o.allow::text, 'deny', o.deny::text))
      from permission_overwrites o
      where o.channel_id = case when old.type in (10, 11, 12) then old.parent_id else old.id end), '[]'),
    array(select tm.user_id from thread_members tm where old.type = 12 and tm.thread_id = old.id)
  from servers s where s.id = old.server_id
  on conflict (id) do nothing;
  return old;
end $$;
