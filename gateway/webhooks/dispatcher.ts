import { randomUUID } from "node:crypto";
import type { Config } from "../../core/config.ts";
import type { Sql } from "../../core/db.ts";
import { openEgress } from "../../core/egress.ts";
import { parseNetworks } from "../../core/egress-rules.ts";
import type { Logger } from "../../core/log.ts";
import { createFinisher } from "./finish.ts";
import { Held } from "./held.ts";
import { DEFAULTS, type DispatcherLimits } from "./limits.ts";
import { Looks } from "./looks.ts";
import { Sender, type Sending } from "./sender.ts";
import { Standing } from "./standing.ts";
import { Targets } from "./targets.ts";
import { startUpkeep } from "./upkeep.ts";

export interface DispatcherOptions {
  sql: Sql;
  /** Opens sealed keys: core/secret.ts. */
  secret: Buffer;
  config: Pick<Config, "egressAllow" | "webhookLogDays">;
  log: Logger;
  guildNow: Sending["guildNow"];
  limits?: Partial<DispatcherLimits>;
}

export interface Dispatcher {
  /** Takes nothing more, and resolves when nothing is under way; what was broken off is due at once for others. */
  stop(): Promise<void>;
  /** Endpoints that it has at the moment. */
  readonly endpoints: number;
}

/**
 * Sends the deliveries of outgoing webhooks, at least once each. Any number of processes may run one: an endpoint is
 * leased by one of them at a time, which keeps its order and its limits in memory; no lock is held while an answer is
 * waited for. A process that dies lets its leases lapse, and one that comes late finds its lease gone.
 */
export function startDispatcher(options: DispatcherOptions): Dispatcher {
  const { sql, secret, log, guildNow } = options;
  const limits = { ...DEFAULTS, ...options.limits };
  const egress = openEgress({ allow: parseNetworks(options.config.egressAllow) });
  const worker = randomUUID();
  const targets = new Targets(sql, secret);
  const finisher = createFinisher(sql, worker, limits.leaseMs);
  const held = new Held(sql, worker, limits);
  const standing = new Standing({ sql, targets, log, limits });
  const exhausted = standing.exhausted.bind(standing);
  const looks = new Looks({ sql, worker, limits, held, targets, log, exhausted });
  const sent: Sender["send"] = (lanes) => {
    if (looks.isDue(lanes, performance.now())) wake();
  };
  const sender = new Sender({ egress, limits, targets, finisher, guildNow, standing, log, sent });
  let stopping = false;
  let wake = () => {};

  async function run(): Promise<void> {
    let renewAt = 0;
    let shareAt = 0;
    let sharePauseMs = limits.pollMs[0];
    let away = false;
    while (!stopping) {
      const now = performance.now();
      try {
        if (now >= renewAt) {
          await held.renew();
          renewAt = now + limits.leaseMs / 3;
        }
        if (now >= shareAt) {
          const unsettled = await held.share(sender.free);
          sharePauseMs = unsettled ? limits.pollMs[0] : Math.min(sharePauseMs * 2, limits.pollMs[1]);
          shareAt = now + sharePauseMs;
        }
        await looks.look();
        away = false;
      } catch (error) {
        if (!away) log.warn({ err: String(error) }, "webhook deliveries can't be read");
        away = true;
        held.forgetFloors();
        await pause(limits.pollMs[1]);
      }
      for (const lanes of held.all()) sender.send(lanes);
      await pause(looks.nextAt(Math.min(shareAt, renewAt)) - performance.now());
    }
  }

  function pause(ms: number): Promise<void> {
    if (ms <= 0) return new Promise((resolve) => setImmediate(resolve));
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (stopping) wake();
    });
  }

  const stopUpkeep = startUpkeep({
    sql,
    egress,
    targets,
    log,
    keepDays: options.config.webhookLogDays,
    probeEveryMs: limits.probeEveryMs,
  });
  const loop = run();
  return {
    get endpoints() {
      return held.size;
    },
    stop: async () => {
      stopping = true;
      sender.stop();
      wake();
      await loop;
      await held.leave().catch(() => {});
      await stopUpkeep();
      const timer = setTimeout(() => void egress.close(), limits.stopGraceMs);
      await sender.idle();
      clearTimeout(timer);
      await finisher.idle();
      await looks.idle();
      await held.letGo(held.all()).catch(() => {});
      await egress.close();
    },
  };
}
