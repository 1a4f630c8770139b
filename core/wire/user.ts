export interface UserRow {
  id: string;
  username: string;
  discriminator: string;
  global_name: string | null;
  avatar: string | null;
  banner: string | null;
  accent_color: number | null;
  bot: boolean;
  flags: string;
}

/** What the account itself may see on top. */
export interface OwnUserRow extends UserRow {
  email: string | null;
  locale: string;
}

/** A user as everybody sees it. https://discord.com/developers/docs/resources/user#user-object */
export function wireUser(row: UserRow) {
  return {
    id: row.id,
    username: row.username,
    avatar: row.avatar,
    discriminator: row.discriminator,
    public_flags: Number(row.flags),
    flags: Number(row.flags),
    ...(row.bot ? { bot: true } : {}),
    banner: row.banner,
    accent_color: row.accent_color,
    global_name: row.global_name,
    avatar_decoration_data: null,
    collectibles: null,
    primary_guild: null,
  };
}

export type WireUser = ReturnType<typeof wireUser>;

/**
 * The account that asks, with what only it may see. Nobody verifies people's addresses, and applications that join accounts
 * by address must know that: they would let anybody into anybody's. Bots are verified, as at Discord.
 */
export function wireOwnUser(row: OwnUserRow) {
  return {
    ...wireUser(row),
    mfa_enabled: false,
    locale: row.locale,
    premium_type: 0,
    email: row.email,
    verified: row.bot,
  };
}

/** The account for an application that acts for it. */
export function wireGrantedUser(row: OwnUserRow, scopes: readonly string[]) {
  const { email, verified, ...user } = wireOwnUser(row);
  return scopes.includes("email") ? { ...user, email, verified } : user;
}

/** Stands for an account that no longer exists. */
export const deletedUser: WireUser = wireUser({
  id: "0",
  username: "Deleted User",
  discriminator: "0000",
  global_name: null,
  avatar: null,
  banner: null,
  accent_color: null,
  bot: false,
  flags: "0",
});
