// CPU time of the server process for each delivery of a message to a socket.
//
// Included: everything the process does between the message's coming from Redis and its bytes' being with the kernel,
// with the kernel's part (on loopback that is most of it, and holds the receiving side's interrupt work too), garbage
// collection and background work such as the webhook dispatcher's look at its table. Not included: Redis, the API,
// clients (processes of their own).
//
// A message goes out to all; when all have it, the next goes. In batches of 16, sixteen messages come from Redis in one
// piece, so that each socket gets them in one write. Messages are of about 600 bytes, all different.
//
// Against: uWebSockets.js with the same sockets on one topic, given the same texts in the same batches by its parent
// ("alone"), or fed by Redis pub/sub with the same messages ("fed by Redis").
import { z } from "zod";
import { redisKeys } from "../../core/redis-keys.ts";
import { type Child, cpuOf } from "./child.ts";
import { type Crowd, openCrowd, openSessions } from "./clients.ts";
import type { Lab, Server } from "./lab.ts";
import { messageEvent } from "./publisher.ts";
import type { Figure } from "./report.ts";
import { compare, measureRounds } from "./rounds.ts";
import { type Account, type Guild, joinAll, makeBots, makeGuilds, makePeople } from "./world.ts";

/** Something whose sockets all get each message. */
interface Stage {
  server: Child;
  crowd: Crowd;
  publish(count: number): Promise<void>;
}

export async function fanOut(lab: Lab): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const sockets of lab.quick ? [300] : [1000, 5000]) {
    figures.push(...(await fanOutTo(lab, sockets)));
    await lab.clear();
  }
  return figures;
}

async function fanOutTo(lab: Lab, sockets: number): Promise<Figure[]> {
  const [gateway, bareServer] = await Promise.all([lab.gateway(), lab.bareSockets()]);
  const people = await makePeople(lab.sql, sockets);
  const stages = {
    gateway: await sessions(lab, gateway, "people", people),
    zlib: await sessions(lab, gateway, "zlib", people, "v=10&encoding=json&compress=zlib-stream"),
    bots: await sessions(lab, gateway, "bots", await makeBots(lab.sql, sockets)),
    ...(await bare(lab, bareServer, people)),
  };
  const figures: Figure[] = [];
  for (const batch of [1, 16]) {
    // Enough for half a second of CPU.
    const deliveries = batch === 1 ? 100_000 : 400_000;
    const times = Math.max(2, Math.round(deliveries / sockets / batch / (lab.quick ? 4 : 1)));
    const cost = (stage: Stage) => () => costOfDelivery(stage, batch, times);
    const rounds = await measureRounds(lab.quick ? 3 : 9, {
      gateway: cost(stages.gateway),
      zlib: cost(stages.zlib),
      bots: cost(stages.bots),
      fed: cost(stages.fed),
      alone: cost(stages.alone),
    });
    const how = `${sockets.toLocaleString("en-US")} sockets, ${batch === 1 ? "one by one" : `batches of ${batch}`}`;
    const unit = "µs a delivery";
    figures.push(
      {
        what: `Fan-out, ${how}, bare alone`,
        unit,
        comparison: compare(rounds, "gateway", "alone"),
        aim: { atMost: 1.25 },
      },
      { what: `Fan-out, ${how}, bare fed by Redis`, unit, comparison: compare(rounds, "gateway", "fed") },
      {
        what: `Fan-out, ${how}, zlib-stream against uncompressed`,
        unit,
        comparison: compare(rounds, "zlib", "gateway"),
        sides: { ours: "zlib-stream", bare: "uncompressed" },
        aim: { atMost: 1.2 },
      },
      {
        what: `Fan-out, ${how}, to bots without MESSAGE_CONTENT`,
        unit,
        comparison: compare(rounds, "bots", "alone"),
        aim: { atMost: 1.25 },
      },
    );
    await lab.explain(`fan-out to ${how}`, gateway, cost(stages.gateway));
    await lab.explain(`fan-out to ${how}, bots`, gateway, cost(stages.bots));
  }
  return figures;
}

async function sessions(
  lab: Lab,
  gateway: Server,
  group: string,
  accounts: readonly Account[],
  query?: string,
): Promise<Stage> {
  const [author] = accounts;
  if (author === undefined) throw new RangeError("a stage needs accounts");
  const members = group === "zlib" ? await makePeople(lab.sql, accounts.length) : accounts;
  const [guild] = await makeGuilds(lab.sql, 1, author);
  if (guild === undefined) throw new RangeError("no guild was made");
  await joinAll(lab.sql, guild, members);
  const crowd = await openSessions(lab.swarm(), {
    gateway,
    group,
    accounts: members,
    guilds: 1,
    ...(query ? { query } : {}),
  });
  return { server: gateway, crowd, publish: (count) => publish(lab, guild, author, count) };
}

/** Two ways to feed the same sockets of the bare program. */
async function bare(lab: Lab, server: Server, people: readonly Account[]): Promise<{ fed: Stage; alone: Stage }> {
  const [author] = people;
  if (author === undefined) throw new RangeError("a stage needs accounts");
  const [guild] = await makeGuilds(lab.sql, 1, author);
  if (guild === undefined) throw new RangeError("no guild was made");
  const topic = "everyone";
  await server.ask("feed", { channel: redisKeys.channel(lab.publisher.epoch, `g:${guild.id}`), topic }, z.null());
  const crowd = await openCrowd(lab.swarm(), {
    server,
    group: "bare",
    query: `topics=${topic}`,
    firsts: people.length,
    frames: 0,
  });
  const alone = async (count: number) => {
    const texts = Array.from({ length: count }, (_, i) => dispatchText(messageEvent(guild, author).data, i));
    await server.ask("publish", { topic, texts }, z.null());
  };
  return {
    fed: { server, crowd, publish: (count) => publish(lab, guild, author, count) },
    alone: { server, crowd, publish: alone },
  };
}

/** What the gateway makes of the same message. */
function dispatchText(data: unknown, i: number): string {
  return `{"op":0,"s":${10_000 + i},"t":"MESSAGE_CREATE","d":${JSON.stringify(data)}}`;
}

async function publish(lab: Lab, guild: Guild, author: Account, count: number): Promise<void> {
  await lab.publisher.publish(Array.from({ length: count }, () => messageEvent(guild, author)));
}

/** Microseconds. */
async function costOfDelivery({ server, crowd, publish }: Stage, batch: number, times: number): Promise<number> {
  const seconds = await cpuOf(server, async () => {
    for (let i = 0; i < times; i++) {
      await publish(batch);
      await crowd.receive(batch);
    }
  });
  return (seconds * 1e6) / (times * batch * crowd.size);
}
