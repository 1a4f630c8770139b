// Deliveries that one gateway process sends in a second by the clock, against a bare undici pool that posts bodies of the
// same length to the same receiver, 64 at a time; and what subscriptions cost whoever posts a message. Ratios are of
// deliveries or requests a second: higher is better.
//
// Included for ours: reading the queue and what each subscriber may see, two signatures, the egress guard, the log.
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import { z } from "zod";
import { loadSecret, seal } from "../../core/secret.ts";
import { snowflakeGenerator } from "../../core/snowflake.ts";
import { generateKeyPair } from "../../core/webhook-signing.ts";
import type { Lab } from "./lab.ts";
import type { Figure } from "./report.ts";
import { compare, measureRounds } from "./rounds.ts";
import { type Account, type Guild, joinAll, makeGuilds, makePeople } from "./world.ts";

const AT_ONCE = 64;
const nextId = snowflakeGenerator(() => 1020);

export async function deliveries(lab: Lab): Promise<Figure[]> {
  const receiver = await startReceiver();
  const [owner] = await makePeople(lab.sql, 1);
  if (owner === undefined) throw new RangeError("no people were made");
  const [guild] = await makeGuilds(lab.sql, 1, owner);
  if (guild === undefined) throw new RangeError("no guild was made");
  await joinAll(lab.sql, guild, [owner]);
  const secret = seal(await loadSecret({ secret: undefined, dataDir: lab.dir }), Buffer.alloc(32, 7));
  const gateway = await lab.gateway();
  const count = lab.quick ? 1920 : 12_800;
  const body = JSON.stringify({ content: "A message, of a length that people write.".repeat(12) });
  try {
    await subscribe(lab, guild, owner, secret, receiver.url, AT_ONCE);
    const rounds = await measureRounds(lab.quick ? 3 : 7, {
      ours: () => receiver.rate(count, () => enqueue(lab, guild, body, count / AT_ONCE)),
      bare: () => receiver.rate(count, () => post(receiver.url, body, count)),
    });
    const comparison = compare(rounds, "ours", "bare");
    const figures: Figure[] = [{ what: "outgoing webhooks", unit: "a second", comparison, aim: { atLeast: 0.5 } }];
    await gateway.stop();
    return [...figures, ...(await costOfPosting(lab, guild, owner, secret))];
  } finally {
    receiver.close();
  }
}

/** A message's POST with so many subscriptions that match, against one without any. */
async function costOfPosting(lab: Lab, guild: Guild, owner: Account, secret: Buffer): Promise<Figure[]> {
  const gateway = await lab.gateway();
  const api = await lab.api(gateway);
  // Nothing is to be sent: this is about writing.
  await gateway.stop();
  const clients = lab.httpLoad();
  const body = JSON.stringify({ content: "A message, of a length that people write." });
  const lines = [
    `POST /api/v10/channels/${guild.channelId}/messages HTTP/1.1`,
    "Host: 127.0.0.1",
    `Authorization: ${owner.token}`,
  ];
  const request = `${[...lines, "Content-Type: application/json", `Content-Length: ${body.length}`].join("\r\n")}\r\n\r\n${body}`;
  const load = { port: api.port, request, connections: 32, count: lab.quick ? 300 : 2000 };
  const speed = async (subscriptions: number) => {
    await subscribe(lab, guild, owner, secret, "http://127.0.0.1:2/", subscriptions);
    return load.count / (await clients.ask("load", load, z.number()));
  };
  const figures: Figure[] = [];
  for (const [subscriptions, atLeast] of [
    [1, 0.8],
    [10, 0.6],
    [100, 0.2],
  ] as const) {
    const rounds = await measureRounds(lab.quick ? 3 : 7, { ours: () => speed(subscriptions), bare: () => speed(0) });
    const what = `POST a message, ${subscriptions} subscribed`;
    figures.push({ what, unit: "a second", comparison: compare(rounds, "ours", "bare"), aim: { atLeast } });
  }
  return figures;
}

/** Exactly so many endpoints of the guild. */
async function subscribe(lab: Lab, guild: Guild, owner: Account, sealed: Buffer, url: string, count: number) {
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
async function enqueue(lab: Lab, guild: Guild, data: string, events: number): Promise<void> {
  await lab.sql`
    with stored as (
      insert into webhook_events (id, event_type, server_id, channel_id, data)
      select nextval('webhook_event_id'), 'MESSAGE_CREATE', ${guild.id}, ${guild.channelId}, ${data}
      from generate_series(1, ${events}::int) returning id
    )
    insert into webhook_queue (endpoint_id, event_id, event_type, server_id)
    select e.id, s.id, 'MESSAGE_CREATE', ${guild.id} from stored s cross join event_endpoints e order by s.id`;
}

async function post(url: string, body: string, count: number): Promise<void> {
  const pool = new Pool(new URL(url).origin, { connections: AT_ONCE });
  let left = count;
  const loop = async () => {
    while (left-- > 0) {
      const answer = await pool.request({
        method: "POST",
        path: "/",
        headers: { "content-type": "application/json" },
        body,
      });
      await answer.body.dump();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, loop));
  await pool.destroy();
}

/** Counts what it gets; a rate is from the first to the last of so many. */
async function startReceiver() {
  let received = 0;
  let firstAt = 0;
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      if (received++ === 0) firstAt = performance.now();
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  return {
    url: `http://127.0.0.1:${port}/`,
    rate: async (count: number, send: () => Promise<void>) => {
      received = 0;
      const sending = send();
      while (received < count) await sleep(5);
      const seconds = (performance.now() - firstAt) / 1000;
      await sending;
      return count / seconds;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
