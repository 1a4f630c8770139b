-- Deleting an account or an application must not scan every table that refers to it.

create index roles_bot on roles (bot_id) where bot_id is not null;
create index server_bans_moderator on server_bans (moderator_id) where moderator_id is not null;
create index webhooks_creator on webhooks (creator_id) where creator_id is not null;
create index webhooks_application on webhooks (application_id) where application_id is not null;
create index invites_inviter on invites (inviter_id) where inviter_id is not null;
