// Requests that one API process answers, with 32 keep-alive connections: by its own CPU time (what the process would do
// with a core to itself and everything else elsewhere), and by the clock with all on one machine (Postgres, Redis and
// the clients share its cores, so this is the whole system's). Ratios are of requests a second: higher is better.
//
// Included: HTTP, authentication, permissions, validation, all SQL and Redis calls, the answer in Discord's shape. Rate
// limits are off, but for the last figures: what it costs to count, with limits that nobody reaches, and how fast
// requests are refused that come too soon. Postgres commits as `npm start` has it (synchronous).
//
// Against: a bare Hono route that does one INSERT and the publish script, or one equivalent query, and nothing else.
import { z } from "zod";
import { type Child, cpuOf } from "./child.ts";
import { requestText } from "./http-text.ts";
import type { Lab, Server } from "./lab.ts";
import type { Figure } from "./report.ts";
import { compare, measureRounds } from "./rounds.ts";
import { joinAll, makeGuilds, makeMessages, makePeople } from "./world.ts";

const CONNECTIONS = 32;

interface Speed {
  /** Requests for each second of the server's CPU time. */
  byCpu: number;
  /** Requests for each second of the clock. */
  byClock: number;
}

export async function rest(lab: Lab): Promise<Figure[]> {
  const people = await makePeople(lab.sql, 100);
  const [author, other] = people;
  if (author === undefined || other === undefined) throw new RangeError("no people were made");
  const [guild] = await makeGuilds(lab.sql, 1, author);
  if (guild === undefined) throw new RangeError("no guild was made");
  await joinAll(lab.sql, guild, people);
  await makeMessages(lab.sql, guild, author, 200);
  const gateway = await lab.gateway();
  const limited = { RATE_LIMITS: "on", INVALID_REQUEST_LIMIT: "1000000000" };
  const [api, unlimited, counting, limiting, bareApi] = await Promise.all([
    lab.api(gateway),
    // Another than the first: that one is warm by then, which would count more than the limits.
    lab.api(gateway),
    lab.api(gateway, { ...limited, RATE_LIMIT_FACTOR: "100000", GLOBAL_RATE_LIMIT: "1000000" }),
    lab.api(gateway, limited),
    lab.bareApi(),
  ]);
  await bareApi.ask("serve", { guildId: guild.id, authorId: author.id }, z.null());
  // Nobody listens; the gateway was there to be told of to the API.
  await gateway.stop();
  const clients = lab.httpLoad();

  const message = JSON.stringify({ content: "A message, of a length that people write." });
  const requests = [
    { name: "GET 50 messages", line: `GET /api/v10/channels/${guild.channelId}/messages`, aim: 0.5 },
    { name: "GET a guild", line: `GET /api/v10/guilds/${guild.id}`, aim: 0.5 },
    { name: "GET a guild's channels", line: `GET /api/v10/guilds/${guild.id}/channels`, aim: 0.5 },
    { name: "GET a member", line: `GET /api/v10/guilds/${guild.id}/members/${other.id}`, aim: 0.5 },
    { name: "POST a message", line: `POST /api/v10/channels/${guild.channelId}/messages`, body: message, aim: 0.6 },
  ];
  const figures: Figure[] = [];
  for (const { name, line, body, aim } of requests) {
    const request = requestText(line, author, body);
    const count = lab.quick ? 500 : 3000;
    // A process that serves for days is compiled; after one round of some thousand requests ours is not, bare ones are.
    for (const server of [api, bareApi]) await speed(clients, server, request, lab.quick ? count : count * 4);
    const rounds = await measureRounds(lab.quick ? 3 : 9, {
      ours: () => speed(clients, api, request, count),
      bare: () => speed(clients, bareApi, request, count),
    });
    const byCpu = rounds.map((round) => ({ ours: round.ours.byCpu, bare: round.bare.byCpu }));
    const byClock = rounds.map((round) => ({ ours: round.ours.byClock, bare: round.bare.byClock }));
    figures.push(
      { what: name, unit: "a CPU second", comparison: compare(byCpu, "ours", "bare"), aim: { atLeast: aim } },
      { what: name, unit: "a second", comparison: compare(byClock, "ours", "bare"), aim: { atLeast: aim } },
    );
    await lab.explain(name, api, () => speed(clients, api, request, count));
  }
  return [...figures, ...(await limits())];

  async function limits(): Promise<Figure[]> {
    const line = `POST /api/v10/channels/${guild?.channelId}/messages`;
    const request = requestText(line, author ?? { token: "" }, message);
    const count = lab.quick ? 500 : 3000;
    const rounds = await measureRounds(lab.quick ? 3 : 9, {
      off: () => speed(clients, unlimited, request, count),
      counted: () => speed(clients, counting, request, count),
      refused: () => speed(clients, limiting, request, count, [200, 429]),
    });
    await lab.explain("POST a message, counted", counting, () => speed(clients, counting, request, count));
    const byCpu = rounds.map(({ off, counted, refused }) => {
      return { off: off.byCpu, counted: counted.byCpu, refused: refused.byCpu };
    });
    const byClock = rounds.map(({ off, counted }) => ({ off: off.byClock, counted: counted.byClock }));
    const what = "POST a message, with rate limits";
    const sides = { ours: "counted", bare: "limits off" };
    return [
      { what, unit: "a CPU second", comparison: compare(byCpu, "counted", "off"), sides },
      { what, unit: "a second", comparison: compare(byClock, "counted", "off"), sides },
      {
        what: "POST a message too soon",
        unit: "a CPU second",
        comparison: compare(byCpu, "refused", "off"),
        sides: { ours: "refused", bare: "posted, limits off" },
      },
    ];
  }
}

async function speed(
  clients: Child,
  server: Server,
  request: string,
  count: number,
  statuses: readonly number[] = [200],
): Promise<Speed> {
  let seconds = 0;
  const cpu = await cpuOf(server, async () => {
    const load = { port: server.port, request, connections: CONNECTIONS, count, statuses };
    seconds = await clients.ask("load", load, z.number());
  });
  return { byCpu: count / cpu, byClock: count / seconds };
}
