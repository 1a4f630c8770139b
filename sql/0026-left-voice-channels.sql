-- Who may view only the voice channel that somebody left is told that they left, not where they went.

alter table webhook_events add column left_channel_id bigint;
comment on column webhook_events.left_channel_id is 'Of a voice state: the channel that was left for channel_id.';
