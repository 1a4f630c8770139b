-- What applications tell of themselves beyond the beginning.

alter table applications
  add column cover_image              text,
  add column integration_types_config jsonb not null default '{"0": {}, "1": {}}'
    check (jsonb_typeof(integration_types_config) = 'object'),
  add column terms_of_service_url     text,
  add column privacy_policy_url       text;
create index applications_cover_image on applications (cover_image) where cover_image is not null;

comment on column applications.install_params is 'With what it is added where the link doesn''t say: {"scopes","permissions"}.';
comment on column applications.integration_types_config is 'How it may be installed, as keys: 0 to guilds, 1 to users; each with {"oauth2_install_params"} or {}.';
