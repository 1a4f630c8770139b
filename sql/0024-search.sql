-- Members are found by what a username or nickname begins with, in any case: by ranges of these, compared byte by byte.
create index users_username_prefix on users (lower(username) text_pattern_ops);
create index server_members_nickname_prefix on server_members (server_id, lower(nickname) text_pattern_ops)
  where nickname is not null;
