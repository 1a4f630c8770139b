import type { Sql } from "../../core/db.ts";

export interface Size {
  messages: number;
  members: number;
  channels: number;
  roles: number;
}

/** Before all that a generator makes now, and after Discord's epoch. */
const FIRST_ID = 10n ** 17n;

/**
 * Makes a guild huge, in its first channel and in all else, by statements that make the rows in Postgres: without the
 * checks of foreign keys, a million messages take seconds. Each member has two of the roles.
 */
export async function growGuild(
  sql: Sql,
  guild: { id: string; channelId: string },
  authorId: string,
  size: Size,
): Promise<void> {
  const first = String(FIRST_ID);
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`set local statement_timeout = 0`;
    await tx`
      insert into users (id, username, discriminator, email, password_hash)
      select ${first}::bigint + n, 'huge' || n, '0', 'huge' || n || '@example.com', 'no login'
      from generate_series(1, ${size.members}::int) n`;
    await tx`
      insert into server_members (server_id, user_id)
      select ${guild.id}::bigint, ${first}::bigint + n from generate_series(1, ${size.members}::int) n`;
    await tx`
      insert into roles (id, server_id, name, permissions, position)
      select ${first}::bigint + n, ${guild.id}::bigint, 'role ' || n,
        (select permissions from roles where id = ${guild.id}), n
      from generate_series(1, ${size.roles}::int) n`;
    await tx`
      insert into server_member_roles (server_id, user_id, role_id)
      select ${guild.id}::bigint, ${first}::bigint + n, ${first}::bigint + 1 + (n * 7 + k * 11) % ${size.roles}::int
      from generate_series(1, ${size.members}::int) n, generate_series(0, 1) k`;
    await tx`
      insert into channels (id, server_id, name, type)
      select ${first}::bigint + n, ${guild.id}::bigint, 'channel ' || n, 0
      from generate_series(1, ${size.channels}::int) n`;
    await tx`
      insert into messages (id, channel_id, author_id, content)
      select ${first}::bigint + n, ${guild.channelId}::bigint, ${authorId}::bigint, 'Message ' || n
      from generate_series(1, ${size.messages}::int) n`;
    await tx`update servers set member_count = member_count + ${size.members}::int where id = ${guild.id}`;
  });
  await sql`analyze users, server_members, server_member_roles, servers, roles, channels, messages`;
}
