// Memory of the gateway process for each session that is connected, identified, in 20 guilds, and idle: its resident
// set after a full garbage collection, less that of the same process before, which has served and let go of some sessions
// so that what is loaded and compiled once is not counted. Not included: the kernel's socket buffers.
//
// Ten thousand sessions are in 20 of 500 guilds each, of five channels; a session enters one topic a guild. And two
// thousand in guilds of fifty channels: a GUILD_CREATE of those is larger than the buffers that writes are gathered in.
// Against: bare uWebSockets.js sockets with as many topics, and without any.
import { type Child, memoryOf } from "./child.ts";
import { openCrowd, openSessions } from "./clients.ts";
import type { Lab, Server } from "./lab.ts";
import type { Figure } from "./report.ts";
import { compare, type Round } from "./rounds.ts";
import { join, makeGuilds, makePeople } from "./world.ts";

const GUILDS_EACH = 20;
const MANY_CHANNELS = 50;

export async function idleMemory(lab: Lab): Promise<Figure[]> {
  const sessions = lab.quick ? 1000 : 10_000;
  const rounds: Round<"gateway" | "large" | "topics" | "bare">[] = [];
  // Two rounds suffice: memory varies little, and each takes its time.
  for (let i = 0; i < (lab.quick ? 1 : 2); i++) {
    const gateway = await sessionKiB(lab, sessions);
    await lab.clear();
    const large = await sessionKiB(lab, sessions / 5, MANY_CHANNELS);
    await lab.clear();
    const topics = await socketKiB(lab, sessions, GUILDS_EACH);
    await lab.clear();
    const bare = await socketKiB(lab, sessions, 0);
    await lab.clear();
    rounds.push({ gateway, large, topics, bare });
  }
  const unit = "KiB a session";
  const budget = rounds.map(({ gateway, large }) => ({ gateway, large, aim: 10 }));
  return [
    {
      what: "Idle session in 20 guilds, against 10 KiB",
      unit,
      comparison: compare(budget, "gateway", "aim"),
      aim: { atMost: 1 },
    },
    {
      what: "Idle session in 20 guilds of 50 channels, against 10 KiB",
      unit,
      comparison: compare(budget, "large", "aim"),
      aim: { atMost: 1 },
    },
    {
      what: "Idle session, against a bare socket on 20 topics",
      unit,
      comparison: compare(rounds, "gateway", "topics"),
    },
    { what: "Idle session, against a bare socket", unit, comparison: compare(rounds, "gateway", "bare") },
  ];
}

async function sessionKiB(lab: Lab, count: number, channelsEach?: number): Promise<number> {
  const people = await makePeople(lab.sql, count);
  const [owner] = people;
  if (owner === undefined) throw new RangeError("no sessions are asked for");
  const guilds = await makeGuilds(lab.sql, Math.max(GUILDS_EACH, count / 20), owner, channelsEach);
  const pairs = people.flatMap((account, i) =>
    Array.from({ length: GUILDS_EACH }, (_, j) => guilds[(i * 7 + j) % guilds.length]).flatMap((guild) =>
      guild === undefined ? [] : [{ guild, account }],
    ),
  );
  await join(lab.sql, pairs);
  const gateway = await lab.gateway();
  const swarm = lab.swarm();
  const open = (group: string, accounts: typeof people) =>
    openSessions(swarm, { gateway, group, accounts, guilds: GUILDS_EACH });
  const warmUp = await open("warm-up", people.slice(0, count / 10));
  await warmUp.drop();
  return growthKiB(gateway, count, async () => {
    await open("idle", people);
  });
}

async function socketKiB(lab: Lab, count: number, topics: number): Promise<number> {
  const server = await lab.bareSockets();
  const swarm = lab.swarm();
  const names = Array.from({ length: topics }, (_, i) => `topic-name-as-long-as-ours-${i}`);
  const open = (group: string, firsts: number) => {
    const query = topics === 0 ? "none" : `topics=${names.join(",")}`;
    return openCrowd(swarm, { server, group, query, firsts, frames: 0 });
  };
  const warmUp = await open("warm-up", count / 10);
  await warmUp.drop();
  return growthKiB(server, count, async () => {
    await open("idle", count);
  });
}

async function growthKiB(server: Child | Server, count: number, work: () => Promise<void>): Promise<number> {
  const before = await memoryOf(server);
  await work();
  const after = await memoryOf(server);
  return (after.rss - before.rss) / 1024 / count;
}
