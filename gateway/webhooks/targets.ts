import type { Sql } from "../../core/db.ts";
import type { GuildFacts, MemberFacts } from "../../core/permissions.ts";
import { unseal } from "../../core/secret.ts";
import { overwritesJson, roleIds } from "../../core/store/fragments.ts";
import type { SigningKeys } from "../../core/webhook-signing.ts";
import type { OverwriteRow } from "../../core/wire/channel.ts";
import { memberFacts } from "../../core/wire/member.ts";
import { roleFacts } from "../../core/wire/role.ts";
import type { Place } from "./queue.ts";

/** What a delivery's fate depends on, as it is now. */
export interface Target {
  url: string | null;
  status: number;
  types: readonly string[];
  strictOrder: boolean;
  failing: boolean;
  /** Null for a guild's own endpoint. */
  application: { id: string; botId: string | null; flags: number } | null;
  /** Null when they can't be opened: this process has another secret. */
  keys: SigningKeys | null;
  guild: GuildFacts | null;
  /** On whose behalf the guild is seen: the application's bot, or who set the endpoint up. Null for no member. */
  viewer: MemberFacts | null;
  /** As it last was, if it is gone; null when that is not known. */
  channel: { type: number; overwrites: OverwriteRow[]; joined: boolean } | null;
}

interface TargetRow {
  nth: string;
  endpoint_id: string;
  server_id: string;
  url: string | null;
  status: number;
  event_types: string[];
  strict_order: boolean;
  failing: boolean;
  application_id: string | null;
  bot_id: string | null;
  flags: string | null;
  private_key: Buffer;
  secret: Buffer | null;
  previous_secret: Buffer | null;
  owner_id: string | null;
  roles: { id: string; permissions: string[]; position: number }[];
  viewer_id: string | null;
  communication_disabled_until: Date | null;
  role_ids: string[];
  channel_type: number | null;
  joined: boolean;
  overwrites: OverwriteRow[];
}

/** One statement, however many places. */
function loadRows(sql: Sql, places: readonly Place[]): Promise<TargetRow[]> {
  return sql<TargetRow[]>`
    select p.nth, e.id as endpoint_id, p.server_id, e.url, e.status, e.event_types, e.strict_order,
      e.failing_since is not null as failing, a.id as application_id, a.bot_id, a.flags,
      coalesce(e.private_key, a.private_key) as private_key, e.secret,
      case when e.previous_secret_until > now() then e.previous_secret end as previous_secret,
      s.owner_id, m.user_id as viewer_id, m.communication_disabled_until, ${roleIds(sql)} as role_ids,
      coalesce((select json_agg(json_build_object('id', r.id::text, 'permissions', r.permissions,
        'position', r.position)) from roles r where r.server_id = s.id), '[]') as roles,
      coalesce(c.type, gone.type) as channel_type, coalesce(gone.overwrites, ${overwritesJson(sql)}) as overwrites,
      coalesce(m.user_id = any(gone.members),
        exists (select 1 from thread_members tm where tm.thread_id = c.id and tm.user_id = m.user_id)) as joined
    from unnest(${places.map((place) => place.endpoint_id)}::bigint[], ${places.map((place) => place.server_id)}::bigint[],
      ${places.map((place) => place.channel_id)}::bigint[]) with ordinality as p (endpoint_id, server_id, channel_id, nth)
    join event_endpoints e on e.id = p.endpoint_id
    left join applications a on a.id = e.application_id
    left join servers s on s.id = p.server_id
    left join server_members m on m.server_id = s.id and m.user_id = coalesce(a.bot_id, e.creator_id)
    left join channels c on c.id = p.channel_id and c.server_id = s.id
    left join deleted_channels gone on c.id is null and gone.id = p.channel_id and gone.server_id = s.id`;
}

/**
 * How long a target holds. It is read after the delivery was, too: what had been taken from a bot before something
 * happened counts, and what is taken later counts within this time.
 */
const FRESH_MS = 1000;
const MAX_KEPT = 10_000;

interface Kept {
  target: Promise<Target | undefined>;
  readAt: number;
}

/** Targets of deliveries: those asked for in one turn are read by one statement, and remembered for a second. */
export class Targets {
  readonly #sql: Sql;
  readonly #secret: Buffer;
  /** By endpoint, guild and channel; cleared when full. */
  readonly #kept = new Map<string, Kept>();
  /** The same by the very place, which is quicker. */
  readonly #ofPlaces = new WeakMap<Place, Kept>();
  /** Opened keys, by endpoint, with what they were opened from. Cleared when full. */
  readonly #keys = new Map<string, { sealed: string; keys: SigningKeys }>();
  #asked: { place: Place; done(target: Target | undefined): void; failed(error: unknown): void }[] = [];

  constructor(sql: Sql, secret: Buffer) {
    this.#sql = sql;
    this.#secret = secret;
  }

  /** @returns undefined when the endpoint is gone */
  of(place: Place): Promise<Target | undefined> {
    const known = this.#ofPlaces.get(place);
    if (known !== undefined && isFresh(known, place)) return known.target;
    const name = `${place.endpoint_id}:${place.server_id}:${place.channel_id ?? ""}`;
    let kept = this.#kept.get(name);
    if (kept === undefined || !isFresh(kept, place)) {
      if (this.#kept.size >= MAX_KEPT) this.#clear();
      const read: Kept = { target: this.#ask(place), readAt: performance.now() };
      read.target.catch(() => expire(read));
      kept = read;
      this.#kept.set(name, read);
    }
    this.#ofPlaces.set(place, kept);
    return kept.target;
  }

  #ask(place: Place): Promise<Target | undefined> {
    return new Promise((done, failed) => {
      if (this.#asked.length === 0) setImmediate(() => void this.#read());
      this.#asked.push({ place, done, failed });
    });
  }

  /** What is known of an endpoint no longer holds. */
  forget(endpointId: string): void {
    for (const [name, kept] of this.#kept) if (name.startsWith(`${endpointId}:`)) expire(kept);
  }

  #clear(): void {
    for (const kept of this.#kept.values()) expire(kept);
    this.#kept.clear();
  }

  async #read(): Promise<void> {
    const asked = this.#asked;
    this.#asked = [];
    try {
      const rows = await loadRows(
        this.#sql,
        asked.map(({ place }) => place),
      );
      const byPlace = new Map(rows.map((row) => [Number(row.nth), row]));
      for (const [i, { done }] of asked.entries()) {
        const row = byPlace.get(i + 1);
        done(row === undefined ? undefined : this.#toTarget(row));
      }
    } catch (error) {
      for (const { failed } of asked) failed(error);
    }
  }

  #toTarget(row: TargetRow): Target {
    const { application_id: id } = row;
    return {
      url: row.url,
      status: row.status,
      types: row.event_types,
      strictOrder: row.strict_order,
      failing: row.failing,
      application: id === null ? null : { id, botId: row.bot_id, flags: Number(row.flags) },
      keys: this.#open(row),
      guild: guildFacts(row),
      viewer: row.viewer_id === null ? null : memberFacts({ ...row, user_id: row.viewer_id }),
      channel:
        row.channel_type === null ? null : { type: row.channel_type, overwrites: row.overwrites, joined: row.joined },
    };
  }

  #open({ endpoint_id, private_key, secret, previous_secret }: TargetRow): SigningKeys | null {
    const parts = [private_key, secret, previous_secret].flatMap((part) => part ?? []);
    const sealed = Buffer.concat(parts).toString("base64");
    const known = this.#keys.get(endpoint_id);
    if (known?.sealed === sealed) return known.keys;
    const keys = openKeys(this.#secret, parts);
    if (keys === null) return null;
    if (this.#keys.size >= MAX_KEPT) this.#keys.clear();
    this.#keys.set(endpoint_id, { sealed, keys });
    return keys;
  }
}

const isFresh = ({ readAt }: Kept, { loadedAt }: Place) => readAt >= loadedAt && performance.now() - readAt < FRESH_MS;

function expire(kept: Kept): void {
  kept.readAt = Number.NEGATIVE_INFINITY;
}

function openKeys(secret: Buffer, [seed = Buffer.alloc(0), ...secrets]: readonly Buffer[]): SigningKeys | null {
  try {
    return { seed: unseal(secret, seed), secrets: secrets.map((each) => unseal(secret, each)) };
  } catch {
    return null;
  }
}

function guildFacts({ server_id: id, owner_id: ownerId, roles }: TargetRow): GuildFacts | null {
  if (ownerId === null) return null;
  return { id, ownerId, roles: new Map(roles.map((role) => [role.id, roleFacts(role)])) };
}
