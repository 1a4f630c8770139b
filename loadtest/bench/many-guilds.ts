// CPU time of the gateway for an event that reaches ten sockets, on a node with 2,000 guilds and 20,000 subscriptions
// (1,000 sessions in 20 guilds each), events spread over all guilds, against a node with 20 guilds (10 sessions in all
// of them). Included and not included: as in fan-out.ts. One event at a time, as events of many guilds come.
//
// Against: the same two nodes in bare uWebSockets.js, fed by Redis, to see what the size costs there.
import { z } from "zod";
import { redisKeys } from "../../core/redis-keys.ts";
import { type Child, cpuOf } from "./child.ts";
import { type Crowd, openCrowd, openSessions } from "./clients.ts";
import type { Lab } from "./lab.ts";
import { messageEvent } from "./publisher.ts";
import type { Figure } from "./report.ts";
import { compare, measureRounds } from "./rounds.ts";
import { type Account, type Guild, join, makeGuilds, makePeople } from "./world.ts";

const GUILDS_EACH = 20;

/** A node with ten sockets to each guild: sockets in groups of ten, and a group is in the same 20 guilds. */
interface Node {
  server: Child;
  blocks: Block[];
}

interface Block {
  crowd: Crowd;
  guilds: Guild[];
  author: Account;
}

export async function manyGuilds(lab: Lab): Promise<Figure[]> {
  const blocks = lab.quick ? 10 : 100;
  const swarm = lab.swarm();
  const nodes = {
    many: await gatewayNode(lab, swarm, blocks, "many"),
    few: await gatewayNode(lab, swarm, 1, "few"),
    bareMany: await bareNode(lab, swarm, blocks, "bare many"),
    bareFew: await bareNode(lab, swarm, 1, "bare few"),
  };
  const events = lab.quick ? 200 : 1000;
  const cost = (node: Node) => () => costOfEvent(lab, node, events);
  const rounds = await measureRounds(lab.quick ? 3 : 9, {
    many: cost(nodes.many),
    few: cost(nodes.few),
    bareMany: cost(nodes.bareMany),
    bareFew: cost(nodes.bareFew),
  });
  await lab.explain("events of many guilds", nodes.many.server, cost(nodes.many));
  const unit = "µs an event to 10 sockets";
  const guilds = (count: number) => `${(count * GUILDS_EACH).toLocaleString("en-US")} guilds`;
  const sides = { ours: guilds(blocks), bare: guilds(1) };
  return [
    { what: "Many guilds", unit, comparison: compare(rounds, "many", "few"), sides, aim: { atMost: 1.25 } },
    { what: "Many topics, bare", unit, comparison: compare(rounds, "bareMany", "bareFew"), sides },
    { what: `${guilds(blocks)} on one node`, unit, comparison: compare(rounds, "many", "bareMany") },
  ];
}

async function gatewayNode(lab: Lab, swarm: Child, count: number, name: string): Promise<Node> {
  const gateway = await lab.gateway();
  const blocks: Block[] = [];
  for (const { guilds, members, author } of await makeBlocks(lab, count)) {
    const group = `${name} ${blocks.length}`;
    const crowd = await openSessions(swarm, { gateway, group, accounts: members, guilds: GUILDS_EACH });
    blocks.push({ crowd, guilds, author });
  }
  return { server: gateway, blocks };
}

async function bareNode(lab: Lab, swarm: Child, count: number, name: string): Promise<Node> {
  const server = await lab.bareSockets();
  const blocks: Block[] = [];
  for (const { guilds, members, author } of await makeBlocks(lab, count)) {
    for (const { id } of guilds) {
      await server.ask("feed", { channel: redisKeys.channel(lab.publisher.epoch, `g:${id}`), topic: id }, z.null());
    }
    const query = `topics=${guilds.map(({ id }) => id).join(",")}`;
    const group = `${name} ${blocks.length}`;
    const crowd = await openCrowd(swarm, { server, group, query, firsts: members.length, frames: 0 });
    blocks.push({ crowd, guilds, author });
  }
  return { server, blocks };
}

async function makeBlocks(lab: Lab, count: number) {
  const people = await makePeople(lab.sql, count * 10);
  const [owner] = people;
  if (owner === undefined) throw new RangeError("no blocks are asked for");
  const guilds = await makeGuilds(lab.sql, count * GUILDS_EACH, owner);
  const blocks = Array.from({ length: count }, (_, i) => ({
    author: owner,
    members: people.slice(i * 10, (i + 1) * 10),
    guilds: guilds.slice(i * GUILDS_EACH, (i + 1) * GUILDS_EACH),
  }));
  const pairs = blocks.flatMap(({ members, guilds: own }) =>
    own.flatMap((guild) => members.map((account) => ({ guild, account }))),
  );
  await join(lab.sql, pairs);
  return blocks;
}

/** Microseconds. Events go to one block after the other, and within a block to one guild after the other. */
async function costOfEvent(lab: Lab, { server, blocks }: Node, events: number): Promise<number> {
  const seconds = await cpuOf(server, async () => {
    for (let i = 0; i < events; i++) {
      const block = blocks[i % blocks.length];
      const guild = block?.guilds[Math.floor(i / blocks.length) % GUILDS_EACH];
      if (block === undefined || guild === undefined) throw new RangeError("a node without guilds");
      await lab.publisher.publish([messageEvent(guild, block.author)]);
      await block.crowd.receive(1);
    }
  });
  return (seconds * 1e6) / events;
}
