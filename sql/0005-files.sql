-- Files that people upload. Their bytes are in the file store (a folder or S3); here is what they are and who uses them.

create table files (
  id            bigint primary key,
  channel_id    bigint not null,
  filename      text not null check (filename ~ '^[A-Za-z0-9_.-]{1,255}$'),
  title         text check (char_length(title) <= 1024),
  size          integer not null check (size >= 0),
  content_type  text not null,
  width         integer,
  height        integer,
  duration_secs double precision,
  waveform      text check (char_length(waveform) <= 400),
  flags         integer not null default 0,
  created_at    timestamptz not null default now(),
  orphaned_at   timestamptz default now()
);
create index files_orphaned on files (orphaned_at) where orphaned_at is not null;

comment on table files is 'Uploaded files, stored under attachments/ and their id. A file may be attached to several messages: copies of a published one.';
comment on column files.channel_id is 'Where it was uploaded: part of its URL, which copies keep. The channel may be gone.';
comment on column files.content_type is 'Found in the bytes, never what the uploader said.';
comment on column files.flags is 'Discord''s attachment flags: 8 spoiler, 32 animated.';
comment on column files.orphaned_at is 'Set while no message may have it: it goes when this is old and no message does.';

create table attachments (
  message_id  bigint not null references messages on delete cascade,
  file_id     bigint not null references files on delete cascade,
  description text check (char_length(description) <= 1024),
  primary key (message_id, file_id)
);
create index attachments_file on attachments (file_id);

comment on table attachments is 'The files of a message, ten at most, in the order of their ids.';

create function look_at_file() returns trigger language plpgsql as $$
begin
  update files set orphaned_at = now() where id = old.file_id;
  return null;
end $$;
create trigger attachments_gone after delete on attachments for each row execute function look_at_file();
comment on function look_at_file() is 'However an attachment goes, with its message, channel or guild: the file is looked at later.';

alter table messages add column erased boolean not null default false;
drop index messages_deleted;
create index messages_deleted on messages (id) where deleted and not erased;
comment on column messages.erased is 'Deleted so long ago that its content and its attachments have been erased.';
