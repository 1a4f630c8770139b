import type { Db } from "../../core/db.ts";
import type { UserRow } from "../../core/wire/user.ts";
import { mentionableRoles } from "../store/roles.ts";
import { findUsers } from "../store/users.ts";
import type { AllowedMentions } from "./body.ts";

/** Who a message notifies. https://discord.com/developers/docs/resources/message#allowed-mentions-object */
export interface Mentions {
  everyone: boolean;
  users: UserRow[];
  roleIds: string[];
}

/** Who mentions, and where. */
export interface Sender {
  /** Null in a conversation. */
  guildId: string | null;
  /** Whether it may use @everyone, and roles that aren't mentionable. */
  mayMentionEveryone: boolean;
  /** The author of the message replied to. */
  repliedTo: UserRow | null;
}

const MAX_MENTIONS = 100;

/** Finds the mentions in `content` that the sender allows and may make. */
export async function resolveMentions(
  sql: Db,
  content: string,
  allowed: AllowedMentions | null | undefined,
  sender: Sender,
): Promise<Mentions> {
  const named = idsIn(content, /<@!?(\d{1,19})>/g).filter((id) => permits(allowed, "users", id));
  const roles = idsIn(content, /<@&(\d{1,19})>/g).filter((id) => permits(allowed, "roles", id));
  const everyone =
    sender.mayMentionEveryone &&
    sender.guildId !== null &&
    (allowed?.parse?.includes("everyone") ?? (allowed === null || allowed === undefined)) &&
    /@(everyone|here)\b/.test(content);
  const users = inOrderOf(named, await findUsers(sql, named), (user) => user.id);
  const { repliedTo } = sender;
  const mentionsReply = repliedTo !== null && (allowed?.replied_user ?? (allowed === null || allowed === undefined));
  if (mentionsReply && !users.some((user) => user.id === repliedTo.id)) users.push(repliedTo);
  const roleIds =
    sender.guildId === null ? [] : await mentionableRoles(sql, sender.guildId, roles, sender.mayMentionEveryone);
  return { everyone, users, roleIds };
}

/** In the order in which they are named, as reading the message again gives them. */
function inOrderOf<T>(ids: readonly string[], found: readonly T[], idOf: (one: T) => string): T[] {
  return [...found].sort((a, b) => ids.indexOf(idOf(a)) - ids.indexOf(idOf(b)));
}

function idsIn(content: string, pattern: RegExp): string[] {
  const ids = new Set<string>();
  for (const [, id] of content.matchAll(pattern)) {
    // Nineteen digits may still be more than Postgres' bigint holds.
    if (id !== undefined && BigInt(id) <= 9_223_372_036_854_775_807n) ids.add(id);
  }
  return [...ids].slice(0, MAX_MENTIONS);
}

/** Without an allowed_mentions object everything is; with one, what `parse` or the list names. */
function permits(allowed: AllowedMentions | null | undefined, kind: "users" | "roles", id: string): boolean {
  if (allowed === null || allowed === undefined) return true;
  return (allowed.parse?.includes(kind) ?? false) || (allowed[kind]?.includes(id) ?? false);
}
