-- OAuth2: what people let applications do on their behalf. No secret is stored in the clear: client secrets, codes and
-- tokens as SHA-256.

alter table applications add column client_secret_hash bytea unique;
comment on column applications.client_secret_hash is 'SHA-256 of the client secret; null until one was made.';
comment on column applications.redirect_uris is 'Where codes may be sent, compared character by character.';

create table oauth2_authorizations (
  id             bigint primary key,
  user_id        bigint not null references users on delete cascade,
  application_id bigint not null references applications on delete cascade,
  scopes         text[] not null,
  created_at     timestamptz not null default now(),
  unique (user_id, application_id)
);
create index oauth2_authorizations_application on oauth2_authorizations (application_id);

comment on table oauth2_authorizations is 'Which applications a person has let act for them: what they see, and may end.';
comment on column oauth2_authorizations.id is 'Snowflake.';
comment on column oauth2_authorizations.user_id is 'Who has consented.';
comment on column oauth2_authorizations.application_id is 'To whom.';
comment on column oauth2_authorizations.scopes is 'All that was consented to, over several times.';
comment on column oauth2_authorizations.created_at is 'Of the first consent.';

create table oauth2_codes (
  code_hash      bytea primary key,
  chain_id       bigint not null,
  user_id        bigint not null references users on delete cascade,
  application_id bigint not null references applications on delete cascade,
  scopes         text[] not null,
  redirect_uri   text,
  code_challenge text,
  nonce          text,
  guild_id       bigint,
  webhook_id     bigint,
  expires_at     timestamptz not null,
  used_at        timestamptz
);
create index oauth2_codes_owner on oauth2_codes (user_id, application_id);
create index oauth2_codes_application on oauth2_codes (application_id);
create index oauth2_codes_expiry on oauth2_codes (expires_at);

comment on table oauth2_codes is 'Authorization codes. A used one stays for a while: a second use of it ends what the first gave.';
comment on column oauth2_codes.code_hash is 'SHA-256 of the code.';
comment on column oauth2_codes.chain_id is 'Names all tokens that descend from the code.';
comment on column oauth2_codes.user_id is 'Who has consented.';
comment on column oauth2_codes.application_id is 'Who alone may exchange it.';
comment on column oauth2_codes.scopes is 'What its tokens will be good for.';
comment on column oauth2_codes.redirect_uri is 'As the request named it: the exchange must name the same. Null when it named none.';
comment on column oauth2_codes.code_challenge is 'PKCE with S256 (RFC 7636); null when the request had none.';
comment on column oauth2_codes.nonce is 'For the id_token (OpenID Connect).';
comment on column oauth2_codes.guild_id is 'The guild that a bot was added to with it.';
comment on column oauth2_codes.webhook_id is 'The webhook that was made with it.';
comment on column oauth2_codes.expires_at is 'Ten minutes after it was given.';
comment on column oauth2_codes.used_at is 'When it was exchanged.';

create table oauth2_access_tokens (
  token_hash     bytea primary key,
  chain_id       bigint not null,
  user_id        bigint not null references users on delete cascade,
  application_id bigint not null references applications on delete cascade,
  scopes         text[] not null,
  expires_at     timestamptz not null
);
create index oauth2_access_tokens_chain on oauth2_access_tokens (chain_id);
create index oauth2_access_tokens_owner on oauth2_access_tokens (user_id, application_id);
create index oauth2_access_tokens_application on oauth2_access_tokens (application_id);
create index oauth2_access_tokens_expiry on oauth2_access_tokens (expires_at);

comment on table oauth2_access_tokens is 'Bearer tokens of applications. Apart from people''s own tokens: one is never taken for the other.';
comment on column oauth2_access_tokens.token_hash is 'SHA-256 of the token.';
comment on column oauth2_access_tokens.chain_id is 'The code, or the client credentials, that it descends from.';
comment on column oauth2_access_tokens.user_id is 'For whom the application acts.';
comment on column oauth2_access_tokens.application_id is 'The application that acts.';
comment on column oauth2_access_tokens.scopes is 'What it is good for.';
comment on column oauth2_access_tokens.expires_at is 'Seven days after it was given.';

create table oauth2_refresh_tokens (
  token_hash     bytea primary key,
  chain_id       bigint not null,
  user_id        bigint not null references users on delete cascade,
  application_id bigint not null references applications on delete cascade,
  scopes         text[] not null,
  expires_at     timestamptz not null,
  used_at        timestamptz
);
create index oauth2_refresh_tokens_chain on oauth2_refresh_tokens (chain_id);
create index oauth2_refresh_tokens_owner on oauth2_refresh_tokens (user_id, application_id);
create index oauth2_refresh_tokens_application on oauth2_refresh_tokens (application_id);
create index oauth2_refresh_tokens_expiry on oauth2_refresh_tokens (expires_at);

comment on table oauth2_refresh_tokens is 'One row per rotation, as refresh_tokens has for people''s own.';
comment on column oauth2_refresh_tokens.token_hash is 'SHA-256 of the token.';
comment on column oauth2_refresh_tokens.chain_id is 'The code that it descends from: reuse ends all of the chain.';
comment on column oauth2_refresh_tokens.user_id is 'For whom the application acts.';
comment on column oauth2_refresh_tokens.application_id is 'Who alone may exchange it.';
comment on column oauth2_refresh_tokens.scopes is 'The most that its successors are good for.';
comment on column oauth2_refresh_tokens.expires_at is 'When a person who stays away has to consent anew.';
comment on column oauth2_refresh_tokens.used_at is 'When it was exchanged.';

create table oauth2_signing_keys (
  id          bigint primary key,
  public_jwk  jsonb not null,
  private_key bytea not null,
  created_at  timestamptz not null default now()
);

comment on table oauth2_signing_keys is 'RSA keys that sign id_tokens (OpenID Connect). The newest signs; all are published.';
comment on column oauth2_signing_keys.id is 'Snowflake; the key''s kid.';
comment on column oauth2_signing_keys.public_jwk is 'What is published: kty, n, e.';
comment on column oauth2_signing_keys.private_key is 'PKCS #8 (DER), sealed with AES-256-GCM under GUILDHALL_SECRET.';
comment on column oauth2_signing_keys.created_at is 'When it was made.';
