// Milliseconds from a message's publish to the last of the sockets' having it, while the same gateway process sends a
// backlog of webhooks as fast as it can, against while it sends none. Clients, the receiver and Postgres share the other
// core.
import { setTimeout as sleep } from "node:timers/promises";
import { type Crowd, openSessions } from "./clients.ts";
import { enqueue, queueEnds, subscribe } from "./endpoints.ts";
import type { Lab } from "./lab.ts";
import { messageEvent } from "./publisher.ts";
import type { Figure } from "./report.ts";
import { compare, measureRounds, percentile } from "./rounds.ts";
import { type Account, type Guild, joinAll, makeGuilds, makePeople } from "./world.ts";

const LANES = 64;
const SOCKETS = 100;
const PAUSE_MS = 10;

/** @param guild whose webhooks have the backlog; the sockets are of another */
export async function besideDeliveries(lab: Lab, guild: Guild, owner: Account, secret: Buffer): Promise<Figure[]> {
  const [gateway, receiver] = await Promise.all([lab.gateway(), lab.webhookReceiver()]);
  await subscribe(lab, guild, owner, secret, `http://127.0.0.1:${receiver.port}/hook`, LANES);
  const people = await makePeople(lab.sql, SOCKETS);
  const [watched] = await makeGuilds(lab.sql, 1, owner);
  if (watched === undefined) throw new RangeError("no guild was made");
  await joinAll(lab.sql, watched, people);
  const crowd = await openSessions(lab.swarm(), { gateway, group: "people", accounts: people, guilds: 1 });
  const data = JSON.stringify({ content: "A message, of a length that people write.".repeat(12) });
  const backlog = lab.quick ? 100 : 400;
  const rounds = await measureRounds(lab.quick ? 3 : 7, {
    beside: async () => {
      await enqueue(lab, guild, data, backlog);
      const ended = queueEnds(lab).then(() => true);
      const took: number[] = [];
      while (!(await Promise.race([ended, sleep(PAUSE_MS, false)])))
        took.push(await millis(lab, watched, owner, crowd));
      return took;
    },
    alone: async () => {
      const took: number[] = [];
      for (let i = 0; i < backlog; i++) {
        await sleep(PAUSE_MS);
        took.push(await millis(lab, watched, owner, crowd));
      }
      return took;
    },
  });
  return [0.5, 0.99].map((share) => {
    const values = rounds.map(({ beside, alone }) => ({
      beside: percentile(beside, share),
      alone: percentile(alone, share),
    }));
    return {
      what: `Publish to the last of ${SOCKETS} sockets, p${share * 100}, while a backlog of webhooks is sent`,
      unit: "ms",
      comparison: compare(values, "beside", "alone"),
      sides: { ours: "backlog", bare: "none" },
    };
  });
}

async function millis(lab: Lab, guild: Guild, author: Account, crowd: Crowd): Promise<number> {
  await crowd.expect(1);
  const startedAt = process.hrtime.bigint();
  await lab.publisher.publish([messageEvent(guild, author)]);
  return Number((await crowd.arrived()) - startedAt) / 1e6;
}
