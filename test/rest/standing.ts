import type { Sql } from "../../core/db.ts";

/** What the accounts in one person's hands may do in a guild, and what stands above them; read from the rows. */
export interface Standing {
  ownerId: string;
  roleIds: readonly string[];
  channelIds: readonly string[];
  /** Names of permissions that any of the accounts has in the guild, or has had from somebody who may give them. */
  permissions: ReadonlySet<string>;
  /** Roles that none of the accounts reaches, and members with such a role, each with all that is kept of them. */
  above: ReadonlyMap<string, string>;
  /** What this has that another standing does not allow, a line each. */
  beyond(before: Standing): string[];
  /** This, with what another allowed. */
  under(before: Standing): Standing;
}

interface RoleRow {
  id: string;
  position: number;
  permissions: string[];
  row: string;
}
interface MemberRow {
  user_id: string;
  roles: string[];
  row: string;
}

export async function standingOf(sql: Sql, guildId: string, accounts: readonly string[]): Promise<Standing> {
  const [guild] = await sql<{ owner_id: string }[]>`select owner_id::text from servers where id = ${guildId}`;
  const roles = await sql<RoleRow[]>`
    select id::text, position, permissions, (to_jsonb(r) - 'version' - 'position')::text as row
    from roles r where server_id = ${guildId} order by position, id desc`;
  const channels = await sql<{ id: string }[]>`select id::text from channels where server_id = ${guildId} order by id`;
  const members = await sql<MemberRow[]>`
    select user_id::text, (to_jsonb(m) - 'version')::text as row,
      array(select role_id::text from server_member_roles r
        where r.server_id = m.server_id and r.user_id = m.user_id order by 1) as roles
    from server_members m where server_id = ${guildId}`;
  // The place in this order is the rank: of two with one position, the older is higher.
  const rank = new Map(roles.map(({ id }, i) => [id, i]));
  const rankOf = (member: MemberRow) => Math.max(0, ...member.roles.map((id) => rank.get(id) ?? 0));
  const own = members.filter(({ user_id }) => accounts.includes(user_id));
  const reached = Math.max(0, ...own.map(rankOf));
  const held = new Set([guildId, ...own.flatMap((member) => member.roles)]);
  const permissions = new Set(
    own.length === 0 ? [] : roles.filter(({ id }) => held.has(id)).flatMap((role) => role.permissions),
  );
  const higher = roles.slice(reached + 1);
  const above = new Map<string, string>([
    // In their order: none of them may pass another.
    ...higher.map(({ id, row }) => [`role ${id}`, row] as [string, string]),
    ["the order of roles above", higher.map(({ id }) => id).join()] as const,
    ...members
      .filter((member) => !accounts.includes(member.user_id))
      .filter((member) => member.user_id === guild?.owner_id || rankOf(member) >= Math.max(reached, 1))
      .flatMap((member) => [
        [`member ${member.user_id}`, member.row] as [string, string],
        // Roles within reach may be given to anybody, and taken: https://discord.com/developers/docs/topics/permissions
        ...higher.map(
          ({ id }) => [`member ${member.user_id} with ${id}`, String(member.roles.includes(id))] as [string, string],
        ),
      ]),
  ]);
  const standing: Standing = {
    ownerId: guild?.owner_id ?? "",
    roleIds: roles.map(({ id }) => id),
    channelIds: channels.map(({ id }) => id),
    permissions,
    above,
    beyond: (before) => [
      ...(standing.ownerId === before.ownerId ? [] : ["the guild has another owner"]),
      ...[...permissions].filter((name) => !before.permissions.has(name)).map((name) => `has ${name}`),
      ...[...before.above]
        .filter(([name, what]) => !name.startsWith("the order") && above.get(name) !== what)
        .map(([name, what]) => `${name} was ${what}, is ${above.get(name)}`),
      ...(isSubsequence(before.above, above) ? [] : ["the order of roles above has changed"]),
    ],
    under: (before) => ({ ...standing, permissions: before.permissions, above: before.above }),
  };
  return standing;
}

/** Whether the roles that were above are still so, in the same order. */
function isSubsequence(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): boolean {
  const order = (map: ReadonlyMap<string, string>) => (map.get("the order of roles above") ?? "").split(",");
  const still = order(now);
  return (
    order(before).every((id) => id === "" || still.includes(id)) &&
    order(before).join() === still.filter((id) => order(before).includes(id)).join()
  );
}
