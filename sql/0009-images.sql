-- Pictures of users, guilds, roles, webhooks and applications. Their bytes are in the file store, under images/.

create table images (
  hash       text primary key check (hash ~ '^(a_)?[0-9a-f]{32}$'),
  size       integer not null check (size > 0),
  checked_at timestamptz not null default now()
);
create index images_checked on images (checked_at);

comment on table images is 'Stored once, whoever has them. Columns named avatar, icon, banner, splash hold these hashes.';
comment on column images.hash is 'The beginning of the SHA-256, in hexadecimal digits; a_ before it if the image is animated.';
comment on column images.checked_at is 'When it was last put in, or found in use. A day later it is looked at again, and goes if nothing has it.';

alter table servers
  add column banner           text,
  add column splash           text,
  add column discovery_splash text;

-- Whether an image is in use is asked by its hash.
create index users_avatar on users (avatar) where avatar is not null;
create index users_banner on users (banner) where banner is not null;
create index servers_icon on servers (icon) where icon is not null;
create index servers_banner on servers (banner) where banner is not null;
create index servers_splash on servers (splash) where splash is not null;
create index servers_discovery_splash on servers (discovery_splash) where discovery_splash is not null;
create index roles_icon on roles (icon) where icon is not null;
create index webhooks_avatar on webhooks (avatar) where avatar is not null;
create index applications_icon on applications (icon) where icon is not null;
create index messages_webhook_avatar on messages (webhook_avatar) where webhook_avatar is not null;
