// Endpoints of the bench, and what waits to be sent to them, written as the product would.
import { setTimeout as sleep } from "node:timers/promises";
import { loadSecret, seal } from "../../core/secret.ts";
import { snowflakeGenerator } from "../../core/snowflake.ts";
import { generateKeyPair } from "../../core/webhook-signing.ts";
import type { Lab } from "./lab.ts";
import type { Account, Guild } from "./world.ts";

/** Ed25519 seed and HMAC key of all. */
export const KEY = Buffer.alloc(32, 7);
const nextId = snowflakeGenerator(() => 1020);

/** The same, as the processes of the lab can open it. */
export async function sealedKey(lab: Lab): Promise<Buffer> {
  return seal(await loadSecret({ secret: undefined, dataDir: lab.dir }), KEY);
}

/** Exactly so many endpoints of the guild. */
export async function subscribe(
  lab: Lab,
  guild: Guild,
  owner: Account,
  sealed: Buffer,
  url: string,
  count: number,
): Promise<void> {
  await lab.sql`delete from event_endpoints`;
  await lab.sql`truncate webhook_queue, webhook_events, webhook_deliveries, webhook_attempts`;
  if (count === 0) return;
  const { publicKey } = generateKeyPair();
  const ids = Array.from({ length: count }, () => nextId());
  await lab.sql`
    insert into event_endpoints (id, server_id, creator_id, url, event_types, status, public_key, private_key, secret)
    select id, ${guild.id}, ${owner.id}, ${url}, '{MESSAGE_CREATE}', 2, ${publicKey}, ${sealed}, ${sealed}
    from unnest(${ids}::bigint[]) as t (id)`;
}

/** So many events, each for every endpoint. */
export async function enqueue(lab: Lab, guild: Guild, data: string, events: number): Promise<void> {
  await lab.sql`
    with stored as (
      insert into webhook_events (id, event_type, server_id, channel_id, data)
      select nextval('webhook_event_id'), 'MESSAGE_CREATE', ${guild.id}, ${guild.channelId}, ${data}
      from generate_series(1, ${events}::int) returning id
    )
    insert into webhook_queue (endpoint_id, event_id, event_type, server_id)
    select e.id, s.id, 'MESSAGE_CREATE', ${guild.id} from stored s cross join event_endpoints e order by s.id`;
}

/** Until each delivery is settled. */
export async function queueEnds(lab: Lab): Promise<void> {
  const some = async () => (await lab.sql`select from webhook_queue limit 1`).length > 0;
  while (await some()) await sleep(50);
}
