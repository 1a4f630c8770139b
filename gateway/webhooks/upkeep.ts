import type { Sql } from "../../core/db.ts";
import { turnPartitions } from "../../core/deliveries.ts";
import type { Egress } from "../../core/egress.ts";
import type { Logger } from "../../core/log.ts";
import { acceptsForgery } from "../../core/webhook-endpoint.ts";
import { disableEndpoint, noteProbe, type Probed, takeUnprobed } from "./health.ts";
import { forgetDeadDispatchers } from "./leases.ts";
import { removeOrphans } from "./queue.ts";
import type { Targets } from "./targets.ts";

const LOOK_MS = 60_000;
const CLEAN_MS = 3600_000;
const PROBES_AT_ONCE = 20;
/** Times in a row that an endpoint may take an invalid signature. */
const MAX_FAILED_PROBES = 3;

export interface Upkeep {
  sql: Sql;
  egress: Egress;
  targets: Targets;
  log: Logger;
  keepDays: number;
  probeEveryMs: number;
}

/**
 * What a dispatcher does besides sending: partitions come and go, and endpoints are now and then sent an invalid
 * signature, which they must refuse. @returns how to stop
 */
export function startUpkeep(upkeep: Upkeep): () => Promise<void> {
  const { sql, log, keepDays, probeEveryMs } = upkeep;
  const tell = (error: unknown) => log.debug({ err: String(error) }, "upkeep of webhooks failed, will be tried again");
  let working: Promise<unknown> | undefined;
  let cleanAt = 0;
  const clean = async () => {
    if (performance.now() < cleanAt) return;
    cleanAt = performance.now() + CLEAN_MS;
    await turnPartitions(sql, keepDays);
    await removeOrphans(sql);
    await forgetDeadDispatchers(sql);
  };
  // One after the other: of two probes of an endpoint at once, the later could write down what the earlier knew.
  const work = () => {
    working ??= Promise.all([clean().catch(tell), probe(upkeep).catch(tell)]).finally(() => {
      working = undefined;
    });
  };
  const timer = setInterval(work, Math.min(LOOK_MS, probeEveryMs));
  work();
  return async () => {
    clearInterval(timer);
    await working;
  };
}

async function probe(upkeep: Upkeep): Promise<void> {
  const due = await takeUnprobed(upkeep.sql, upkeep.probeEveryMs, PROBES_AT_ONCE);
  await Promise.all(due.map((endpoint) => probeOne(upkeep, endpoint)));
}

/** https://discord.com/developers/docs/events/webhook-events#setting-up-an-endpoint: "routine security checks" */
async function probeOne({ sql, egress, targets }: Upkeep, endpoint: Probed): Promise<void> {
  const { id, server_id: guildId } = endpoint;
  const target = await targets.of({
    endpoint_id: id,
    server_id: guildId ?? "0",
    channel_id: null,
    loadedAt: performance.now(),
  });
  if (!target?.url || target.keys === null) return;
  const { url, keys } = target;
  const of =
    guildId === null ? { application_id: id } : { application_id: null, subscription_id: id, guild_id: guildId };
  const accepts = await acceptsForgery(egress, { url, keys, of }, `probe_${id}_${Date.now()}`);
  // What doesn't answer is seen by its deliveries.
  if (accepts === null) return;
  const failed = accepts ? endpoint.failed_probes + 1 : 0;
  if (failed !== endpoint.failed_probes) await noteProbe(sql, id, failed);
  if (failed < MAX_FAILED_PROBES) return;
  await disableEndpoint(sql, id, url, `The URL took an invalid signature ${failed} times; it must answer 401.`);
}
