import { createHash } from "node:crypto";
import type { Sql } from "../core/db.ts";
import { applicationFlags } from "../core/store/fragments.ts";
import type { OwnUserRow } from "../core/wire/user.ts";

/** Whose token it is. */
export interface Identity {
  user: OwnUserRow;
  familyId: string | null;
  /** A bot's application; null for people. */
  application: { id: string; flags: string } | null;
  /** The guilds it is in. */
  guildIds: string[];
}

type Row = OwnUserRow & {
  family_id: string | null;
  application_id: string | null;
  application_flags: string | null;
  guild_ids: string[];
};

/** @returns null when the token is unknown, expired or revoked. `Bot ` before it is accepted, as libraries differ. */
export async function identify(sql: Sql, token: string): Promise<Identity | null> {
  const hash = createHash("sha256")
    .update(token.replace(/^(Bot|Bearer)\s+/, ""))
    .digest();
  const [row] = await sql<Row[]>`
    select u.id, u.username, u.discriminator, u.global_name, u.avatar, u.banner, u.accent_color, u.bot, u.flags,
      u.email, u.locale, t.family_id, a.id as application_id, ${applicationFlags(sql)} as application_flags,
      array(select m.server_id::text from server_members m where m.user_id = u.id order by m.server_id) as guild_ids
    from (
      select bot_id as user_id, null::bigint as family_id from bot_tokens where token_hash = ${hash}
      union all
      select user_id, family_id from access_tokens where token_hash = ${hash} and expires_at > now()
    ) t
    join users u on u.id = t.user_id
    left join applications a on a.bot_id = u.id`;
  if (row === undefined) return null;
  const { family_id, application_id, application_flags, guild_ids, ...user } = row;
  const application = application_id === null ? null : { id: application_id, flags: application_flags ?? "0" };
  return { user, familyId: family_id, application, guildIds: guild_ids };
}
