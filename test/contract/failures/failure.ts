import type { Sql } from "../../../core/db.ts";
import type { PermissionName } from "../../../core/permissions.ts";
import type { Client } from "../../harness/client.ts";
import type { Places } from "../../rest/world.ts";

/**
 * One way in which an operation is refused: its good request (test/rest/rows.ts) with one part made bad, and the
 * answer that Discord documents. https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
 */
export interface Failure {
  status: number;
  /** Discord's JSON code. */
  code: number;
  /** Who asks; who may, unless said. */
  as?: "nobody" | "stranger" | "reader" | "owner" | "bot";
  /** Asked by a member who has every permission but this one. */
  lacks?: PermissionName;
  params?: Record<string, string>;
  /** In place of the good body. */
  body?: (at: Places) => unknown;
  /** A field of the good body that has this value, `embeds.0.title`. */
  field?: { path: string; value: unknown };
  query?: Record<string, string>;
  /** Where in the body or the query `_errors` must stand, `embeds.0.title`, and the code there. */
  at?: { path: string; code: string };
  /** Fills a guild that is made for this case alone; what it returns takes the place of parts of the good request. */
  prepare?: (guild: Filled) => Promise<Pick<Failure, "params" | "body">>;
}

/** A guild to be filled up to a limit. */
interface Filled {
  at: Places;
  owner: Client;
  bot: Client;
  sql: Sql;
  /** The first of some thousand ids that nothing has. */
  freeId: string;
}

/** The failures of one operation. A list is empty where Discord documents none of its kind. */
export interface Failures {
  /** Without a token, without a permission, by somebody who isn't there. */
  forbidden: readonly Failure[];
  /** Of something that isn't there, by path or body. */
  unknown: readonly Failure[];
  /** Of a body or a query that breaks a rule. */
  invalid: readonly Failure[];
  /** Beyond how much there may be of something. */
  limits: readonly Failure[];
}

export type FailureTable = Readonly<Record<string, Failures>>;

export const NOTHING = "1";

export const anonymous: Failure = { as: "nobody", status: 401, code: 0 };
export const stranger: Failure = { as: "stranger", status: 403, code: 50001 };
/** A member who may view channels and read them, and nothing else. */
export const reader: Failure = { as: "reader", status: 403, code: 50013 };
export const lacks = (permission: PermissionName): Failure => ({ lacks: permission, status: 403, code: 50013 });
export const hidden: Failure = { lacks: "VIEW_CHANNEL", status: 403, code: 50001 };

/** In a guild: who is nobody, isn't there, may do nothing, or lacks just one of these. */
export const guildLacking = (...permissions: PermissionName[]): Failure[] => [
  anonymous,
  stranger,
  reader,
  ...permissions.map(lacks),
];
/** The same in a channel, and who may not view it. */
export const channelLacking = (...permissions: PermissionName[]): Failure[] => [
  ...guildLacking(...permissions),
  hidden,
];
/** An operation without a body that could be wrong or too much. */
export const only = (forbidden: readonly Failure[], unknown: readonly Failure[]): Failures => ({
  forbidden,
  unknown,
  invalid: [],
  limits: [],
});

export const unknown = (parameter: string, code: number): Failure => ({
  params: { [parameter]: NOTHING },
  status: 404,
  code,
});
export const noGuild = unknown("guild_id", 10004);
export const noChannel = unknown("channel_id", 10003);
export const noMessage = unknown("message_id", 10008);
export const noRole = unknown("role_id", 10011);
export const noMember = unknown("user_id", 10007);
export const noWebhook = unknown("webhook_id", 10015);
export const noApplication = unknown("application_id", 10002);
export const notItsToken: Failure = { params: { webhook_token: "x" }, status: 401, code: 50027 };

/** A field of the good body with this value. */
export const wrong = (path: string, value: unknown, code: string): Failure => ({
  field: { path, value },
  status: 400,
  code: 50035,
  at: { path, code },
});
/** Another body than the good one, wrong at `path`. */
export const wrongBody = (body: (at: Places) => unknown, path: string, code: string): Failure => ({
  body,
  status: 400,
  code: 50035,
  at: { path, code },
});
export const wrongQuery = (name: string, value: string, code: string): Failure => ({
  query: { [name]: value },
  status: 400,
  code: 50035,
  at: { path: name, code },
});
/** Refused when the guild, the channel or the message is full. */
export const full = (code: number, prepare: NonNullable<Failure["prepare"]>, more: Partial<Failure> = {}): Failure => ({
  status: 400,
  code,
  prepare,
  ...more,
});

export const REQUIRED = "BASE_TYPE_REQUIRED";
export const BAD_TYPE = "BASE_TYPE_BAD_TYPE";
export const BAD_LENGTH = "BASE_TYPE_BAD_LENGTH";
export const CHOICES = "BASE_TYPE_CHOICES";
export const TOO_LARGE = "NUMBER_TYPE_MAX";
export const TOO_SMALL = "NUMBER_TYPE_MIN";
export const long = (length: number): string => "x".repeat(length);
