import type { Sql } from "../../core/db.ts";
import type { GuildFacts, MemberFacts } from "../../core/permissions.ts";
import { overwritesJson, roleIds } from "../../core/store/fragments.ts";
import type { OverwriteRow } from "../../core/wire/channel.ts";
import { memberFacts } from "../../core/wire/member.ts";
import { roleFacts } from "../../core/wire/role.ts";

/** A row of webhook_deliveries that this process has the lease of. */
export interface Delivery {
  id: string;
  application_id: string;
  event_type: string;
  server_id: string | null;
  channel_id: string | null;
  /** JSON text. */
  data: string;
  /** Counts this attempt. With the worker it is the fence: the next holder of the lease has a higher one. */
  attempts: number;
  created_at: Date;
}

export interface ClaimOptions {
  /** Who claims: unique for each process that runs. */
  worker: string;
  /** How long nobody else takes the rows. */
  leaseMs: number;
  /** Rows at most. */
  limit: number;
  /** Rows of one application at most… */
  perApplication: number;
  /** …unless it is named here. */
  rooms: ReadonlyMap<string, number>;
}

/**
 * Takes the lease of due deliveries, including those whose holder let it lapse. Hops from one application to the next
 * in the index webhook_deliveries_due and reads only the rows there is room for: 10,000 due rows of one application
 * cost the others nothing.
 */
export async function claimDue(sql: Sql, options: ClaimOptions): Promise<Delivery[]> {
  const { worker, leaseMs, limit, perApplication, rooms } = options;
  return sql<Delivery[]>`
    with recursive waiting (application_id) as (
      (select application_id from webhook_deliveries where state = 'pending' order by application_id limit 1)
      union all
      select (select d.application_id from webhook_deliveries d
        where d.state = 'pending' and d.application_id > w.application_id order by d.application_id limit 1)
      from waiting w where w.application_id is not null
    ), due as (
      select taken.id
      from waiting w
      left join unnest(${[...rooms.keys()]}::bigint[], ${[...rooms.values()]}::int[]) as own (application_id, room)
        on own.application_id = w.application_id
      cross join lateral (
        select d.id, d.next_attempt_at from webhook_deliveries d
        where d.application_id = w.application_id and d.state = 'pending' and d.next_attempt_at <= now()
          and (d.locked_until is null or d.locked_until <= now())
        order by d.next_attempt_at limit coalesce(own.room, ${perApplication}::int)
        for update skip locked
      ) taken
      order by taken.next_attempt_at limit ${limit}
    )
    update webhook_deliveries d
    set locked_by = ${worker}, locked_until = now() + ${leaseMs}::int * interval '1 ms', attempts = d.attempts + 1
    from due where d.id = due.id
    returning d.id, d.application_id, d.event_type, d.server_id, d.channel_id, d.data, d.attempts, d.created_at`;
}

/** What a delivery's fate depends on, as it is now. */
export interface Target {
  url: string | null;
  status: number;
  types: string[];
  sealedSeed: Buffer;
  guild: GuildFacts | null;
  /** The application's bot; null when it isn't in the guild. */
  bot: MemberFacts | null;
  /** Null when the channel is gone. */
  channel: { type: number; overwrites: OverwriteRow[]; joined: boolean } | null;
}

interface TargetRow {
  url: string | null;
  status: number;
  types: string[];
  private_key: Buffer;
  owner_id: string | null;
  roles: { id: string; permissions: string[]; position: number }[];
  bot_id: string | null;
  communication_disabled_until: Date | null;
  role_ids: string[];
  channel_type: number | null;
  /** Whether it is a thread that the bot is a member of. */
  joined: boolean;
  overwrites: OverwriteRow[];
}

/** One statement. @returns undefined when the application is gone */
export async function loadTarget(sql: Sql, delivery: Delivery): Promise<Target | undefined> {
  const [row] = await sql<TargetRow[]>`
    select a.event_webhooks_url as url, a.event_webhooks_status as status, a.event_webhooks_types as types,
      a.private_key, s.owner_id, m.user_id as bot_id, m.communication_disabled_until, ${roleIds(sql)} as role_ids,
      coalesce((select json_agg(json_build_object('id', r.id::text, 'permissions', r.permissions,
        'position', r.position)) from roles r where r.server_id = s.id), '[]') as roles,
      c.type as channel_type, ${overwritesJson(sql)} as overwrites,
      exists (select 1 from thread_members tm where tm.thread_id = c.id and tm.user_id = a.bot_id) as joined
    from applications a
    left join servers s on s.id = ${delivery.server_id}
    left join server_members m on m.server_id = s.id and m.user_id = a.bot_id
    left join channels c on c.id = ${delivery.channel_id} and c.server_id = s.id
    where a.id = ${delivery.application_id}`;
  if (row === undefined) return undefined;
  return {
    url: row.url,
    status: row.status,
    types: row.types,
    sealedSeed: row.private_key,
    guild: guildFacts(delivery.server_id, row),
    bot: row.bot_id === null ? null : memberFacts({ ...row, user_id: row.bot_id }),
    channel:
      row.channel_type === null ? null : { type: row.channel_type, overwrites: row.overwrites, joined: row.joined },
  };
}

function guildFacts(id: string | null, row: TargetRow): GuildFacts | null {
  if (id === null || row.owner_id === null) return null;
  return { id, ownerId: row.owner_id, roles: new Map(row.roles.map((role) => [role.id, roleFacts(role)])) };
}

/** How an attempt ended. `pending` will be tried again. */
export type Outcome = { status: number | null; error: string | null } & (
  | { state: "delivered" | "dead" | "dropped" }
  | { state: "pending"; retryInMs: number }
);

/** Writes down how an attempt ended and lets the lease go. @returns false when the lease was lost: nothing is written */
export async function finish(sql: Sql, worker: string, delivery: Delivery, outcome: Outcome): Promise<boolean> {
  const rows = await sql`
    update webhook_deliveries
    set state = ${outcome.state}, locked_by = null, locked_until = null, last_status = ${outcome.status},
      last_error = ${outcome.error},
      ${
        outcome.state === "pending"
          ? sql`next_attempt_at = now() + ${outcome.retryInMs}::int * interval '1 ms'`
          : sql`finished_at = now()`
      }
    where id = ${delivery.id} and locked_by = ${worker} and attempts = ${delivery.attempts} and state = 'pending'
    returning 1`;
  return rows.length > 0;
}

/** Sends nothing more to this URL. One that its owner has changed meanwhile stays as it is. */
export async function disableUrl(sql: Sql, applicationId: string, url: string): Promise<void> {
  await sql`
    update applications set event_webhooks_status = 3
    where id = ${applicationId} and event_webhooks_url = ${url} and event_webhooks_status = 2`;
}
