// Deliveries of outgoing webhooks that one gateway process makes, by its own CPU time and by the clock with all on one
// machine (Postgres and the receiver share its cores, so this is the whole system's); and what subscriptions cost whoever
// posts a message. Ratios are of deliveries or requests a second: higher is better.
//
// 64 subscriptions of one guild have a queue each. First attempts go out one after the other for a guild and
// subscription, so 64 are under way at once. Included for ours: reading the queue and what each subscriber may see, an
// Ed25519 and an HMAC signature, the egress guard, the outcome and the log of the attempt in Postgres.
//
// Against: a bare undici pool with 64 connections, each sending one request after the other: the very bytes of ours, head
// and body, to the same receiver. Once with the same signatures in all of them, once signing each: what that costs is
// Ed25519, which nobody who speaks Discord's protocol can leave out.
import { z } from "zod";
import { besideDeliveries } from "./beside-deliveries.ts";
import { cpuOf } from "./child.ts";
import { enqueue, KEY, queueEnds, sealedKey, subscribe } from "./endpoints.ts";
import { requestText } from "./http-text.ts";
import type { Lab, Server } from "./lab.ts";
import type { Figure } from "./report.ts";
import { compare, measureRounds } from "./rounds.ts";
import { type Account, type Guild, joinAll, makeGuilds, makePeople } from "./world.ts";

const LANES = 64;

interface Speed {
  /** Deliveries for each second of the sender's CPU time. */
  byCpu: number;
  /** Deliveries for each second of the clock, from the first that arrives to the last. */
  byClock: number;
}

export async function deliveries(lab: Lab): Promise<Figure[]> {
  const [owner] = await makePeople(lab.sql, 1);
  if (owner === undefined) throw new RangeError("no people were made");
  const [guild] = await makeGuilds(lab.sql, 1, owner);
  if (guild === undefined) throw new RangeError("no guild was made");
  await joinAll(lab.sql, guild, [owner]);
  const secret = await sealedKey(lab);
  const figures = await sending(lab, guild, owner, secret);
  await lab.clear();
  figures.push(...(await besideDeliveries(lab, guild, owner, secret)));
  await lab.clear();
  return [...figures, ...(await costOfPosting(lab, guild, owner, secret))];
}

async function sending(lab: Lab, guild: Guild, owner: Account, secret: Buffer): Promise<Figure[]> {
  const [gateway, bare, receiver] = await Promise.all([lab.gateway(), lab.bareWebhooks(), lab.webhookReceiver()]);
  const origin = `http://127.0.0.1:${receiver.port}`;
  await subscribe(lab, guild, owner, secret, `${origin}/hook`, LANES);
  const count = LANES * (lab.quick ? 100 : 400);
  const data = JSON.stringify({ content: "A message, of a length that people write.".repeat(12) });
  const ours = () =>
    speed(gateway, receiver, count, async () => {
      await enqueue(lab, guild, data, count / LANES);
      await queueEnds(lab);
    });
  // Warms up, and leaves the request that the bare pool is to repeat.
  await ours();
  const sample = await receiver.ask("sample", null, z.object({ path: z.string(), body: z.string(), headers: sent }));
  const theirs = (key: string | null) => () =>
    speed(bare, receiver, count, () => bare.ask("post", { origin, ...sample, lanes: LANES, count, key }, z.null()));
  const variants = { ours, bare: theirs(null), signing: theirs(KEY.toString("base64")) };
  const rounds = await measureRounds(lab.quick ? 3 : 9, variants);
  await lab.explain("outgoing webhooks", gateway, ours);
  const figure = (what: string, bare: "bare" | "signing", by: keyof Speed) => {
    const speeds = rounds.map((round) => ({ ours: round.ours[by], bare: round[bare][by] }));
    const unit = by === "byCpu" ? "a CPU second" : "a second";
    return { what, unit, comparison: compare(speeds, "ours", "bare"), aim: { atLeast: 0.5 } };
  };
  return [
    figure("Outgoing webhooks", "bare", "byCpu"),
    figure("Outgoing webhooks", "bare", "byClock"),
    figure("Outgoing webhooks, bare signs too", "signing", "byCpu"),
    figure("Outgoing webhooks, bare signs too", "signing", "byClock"),
  ];
}

/** Headers but for those that undici sets by itself. */
const sent = z
  .record(z.string(), z.string())
  .transform(({ host: _host, connection: _connection, "content-length": _length, ...others }) => others);

/** @param send returns when nothing is left that could arrive later, and be counted in the next round */
async function speed(sender: Server, receiver: Server, count: number, send: () => Promise<unknown>): Promise<Speed> {
  const counted = receiver.ask("count", { count }, z.number());
  const cpu = await cpuOf(sender, send);
  const seconds = await counted;
  const received = await receiver.ask("received", null, z.number());
  if (received !== count) throw new Error(`${received} requests came instead of ${count}`);
  return { byCpu: count / cpu, byClock: count / seconds };
}

/** A message's POST with so many subscriptions that match, against one without any. */
async function costOfPosting(lab: Lab, guild: Guild, owner: Account, secret: Buffer): Promise<Figure[]> {
  const gateway = await lab.gateway();
  const api = await lab.api(gateway);
  // Nothing is to be sent: this is about writing.
  await gateway.stop();
  const clients = lab.httpLoad();
  const body = JSON.stringify({ content: "A message, of a length that people write." });
  const request = requestText(`POST /api/v10/channels/${guild.channelId}/messages`, owner, body);
  const load = { port: api.port, request, connections: 32, count: lab.quick ? 300 : 2000 };
  const posting = async (subscriptions: number) => {
    await subscribe(lab, guild, owner, secret, "http://127.0.0.1:2/", subscriptions);
    return load.count / (await clients.ask("load", load, z.number()));
  };
  const figures: Figure[] = [];
  for (const [subscriptions, atLeast] of [
    [1, 0.8],
    [10, 0.6],
    [100, 0.2],
  ] as const) {
    const rounds = await measureRounds(lab.quick ? 3 : 7, {
      ours: () => posting(subscriptions),
      bare: () => posting(0),
    });
    const what = `POST a message, ${subscriptions} subscribed`;
    figures.push({ what, unit: "a second", comparison: compare(rounds, "ours", "bare"), aim: { atLeast } });
  }
  return figures;
}
