-- People and bots, and the secrets that prove who they are. No secret is stored in the clear: tokens as SHA-256,
-- passwords as Argon2id.

create table users (
  id            bigint primary key,
  username      text not null check (char_length(username) between 2 and 32),
  discriminator text not null default '0' check (discriminator ~ '^[0-9]{1,4}$'),
  global_name   text check (char_length(global_name) between 1 and 32),
  email         text,
  password_hash text,
  bot           boolean not null default false,
  avatar        text,
  banner        text,
  accent_color  integer,
  locale        text not null default 'en-US',
  flags         bigint not null default 0,
  version       bigint not null default 0,
  created_at    timestamptz not null default now(),
  updated_at    timestamptz not null default now(),
  check (bot or (email is not null and password_hash is not null))
);
create unique index users_email on users (lower(email)) where email is not null;
create unique index users_username on users (lower(username)) where not bot;

comment on table users is 'Accounts: people, and the bot users of applications.';
comment on column users.id is 'Snowflake.';
comment on column users.discriminator is '0 for people; four digits for bots, whose names need not be unique.';
comment on column users.global_name is 'Display name, shown in place of the username.';
comment on column users.email is 'People only; unique without regard to case.';
comment on column users.password_hash is 'Argon2id in PHC form; people only.';
comment on column users.version is 'Grows by one with each change, so a late event of an older state can be told.';

create table refresh_tokens (
  id         bigint primary key,
  user_id    bigint not null references users on delete cascade,
  token      text not null unique,
  family_id  bigint not null,
  expires_at timestamptz not null,
  used_at    timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now()
);
create index refresh_tokens_family on refresh_tokens (family_id);
create index refresh_tokens_user on refresh_tokens (user_id);
create index refresh_tokens_expiry on refresh_tokens (expires_at);

comment on table refresh_tokens is 'One row per rotation; a login and all that descends from it is a family.';
comment on column refresh_tokens.token is 'SHA-256 of the token, hex. The token itself is never stored.';
comment on column refresh_tokens.family_id is 'The login that this token descends from: reuse revokes the whole family.';
comment on column refresh_tokens.used_at is 'When it was exchanged; an exchange is a single conditional update.';

create table access_tokens (
  token_hash bytea primary key,
  user_id    bigint not null references users on delete cascade,
  family_id  bigint not null,
  expires_at timestamptz not null
);
create index access_tokens_family on access_tokens (family_id);
create index access_tokens_user on access_tokens (user_id);
create index access_tokens_expiry on access_tokens (expires_at);

comment on table access_tokens is 'Short-lived tokens of people. A family that is revoked takes its access tokens with it.';
comment on column access_tokens.token_hash is 'SHA-256 of the token.';

create table applications (
  id                        bigint primary key,
  owner_id                  bigint not null references users on delete cascade,
  bot_id                    bigint unique references users on delete set null,
  name                      text not null check (char_length(name) between 1 and 32),
  description               text not null default '' check (char_length(description) <= 400),
  icon                      text,
  flags                     bigint not null default 0,
  tags                      text[] not null default '{}',
  bot_public                boolean not null default true,
  bot_require_code_grant    boolean not null default false,
  redirect_uris             text[] not null default '{}',
  custom_install_url        text,
  install_params            jsonb,
  interactions_endpoint_url text,
  role_connections_verification_url text,
  event_webhooks_url        text,
  event_webhooks_status     smallint not null default 1 check (event_webhooks_status between 1 and 3),
  event_webhooks_types      text[] not null default '{}',
  public_key                bytea not null check (octet_length(public_key) = 32),
  private_key               bytea not null,
  created_at                timestamptz not null default now()
);
create index applications_owner on applications (owner_id);
create index applications_event_webhooks on applications (bot_id) where event_webhooks_status = 2;

comment on table applications is 'What a developer registers: owns a bot user, keys to sign webhooks, and webhook URLs.';
comment on column applications.event_webhooks_status is '1 disabled, 2 enabled, 3 disabled by the platform after failures.';
comment on column applications.event_webhooks_types is 'Names of the events that event_webhooks_url is sent.';
comment on column applications.public_key is 'Ed25519, raw 32 bytes; shown to the developer as verify_key.';
comment on column applications.private_key is 'Ed25519 seed, sealed with AES-256-GCM under GUILDHALL_SECRET.';

create table bot_tokens (
  bot_id     bigint primary key references users on delete cascade,
  token_hash bytea not null unique,
  created_at timestamptz not null default now()
);
comment on table bot_tokens is 'The one token of each bot; a reset replaces the row.';
comment on column bot_tokens.token_hash is 'SHA-256 of the whole token.';
