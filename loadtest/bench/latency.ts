// Milliseconds from the start of a POST of a message to the last of 1,000 sockets' having it: HTTP, authentication,
// permissions, INSERT, publish script, pub/sub, fan-out, loopback, and the clients' own time to read (one process reads
// for all 1,000). One message at a time, nothing else going on.
//
// Against: a bare Hono route (INSERT and the publish script) and bare uWebSockets.js fed by Redis, same clients.
import { z } from "zod";
import { redisKeys } from "../../core/redis-keys.ts";
import { type Crowd, openCrowd, openSessions } from "./clients.ts";
import type { Lab } from "./lab.ts";
import type { Figure } from "./report.ts";
import { compare, measureRounds, percentile } from "./rounds.ts";
import { type Account, type Guild, joinAll, makeGuilds, makePeople } from "./world.ts";

/** Where messages are posted, and who gets them. */
interface Pipeline {
  post(): Promise<void>;
  crowd: Crowd;
}

export async function latency(lab: Lab): Promise<Figure[]> {
  const sockets = lab.quick ? 200 : 1000;
  const { ours, bare } = await startPipelines(lab, sockets);
  const messages = lab.quick ? 20 : 100;
  const rounds = await measureRounds(lab.quick ? 3 : 9, {
    ours: () => measure(ours, messages),
    bare: () => measure(bare, messages),
  });
  const figure = (name: string, share: number): Figure => {
    const values = rounds.map((round) => ({
      ours: percentile(round.ours, share),
      bare: percentile(round.bare, share),
    }));
    const what = `POST to the last of ${sockets.toLocaleString("en-US")} sockets, ${name}`;
    return { what, unit: "ms", comparison: compare(values, "ours", "bare") };
  };
  return [figure("p50", 0.5), figure("p99", 0.99)];
}

async function startPipelines(lab: Lab, sockets: number): Promise<{ ours: Pipeline; bare: Pipeline }> {
  const swarm = lab.swarm();
  const people = await makePeople(lab.sql, sockets);
  const [author] = people;
  if (author === undefined) throw new RangeError("no sockets are asked for");
  const [guild, bareGuild] = await makeGuilds(lab.sql, 2, author);
  if (guild === undefined || bareGuild === undefined) throw new RangeError("no guilds were made");
  await joinAll(lab.sql, guild, people);
  const gateway = await lab.gateway();
  const [api, bareApi, bareSockets] = await Promise.all([lab.api(gateway), lab.bareApi(), lab.bareSockets()]);
  await bareSockets.ask(
    "feed",
    { channel: redisKeys.channel(lab.publisher.epoch, `g:${bareGuild.id}`), topic: "everyone" },
    z.null(),
  );
  await bareApi.ask("serve", { guildId: bareGuild.id, authorId: author.id }, z.null());
  return {
    ours: {
      post: poster(api.port, guild, author),
      crowd: await openSessions(swarm, { gateway, group: "gateway", accounts: people, guilds: 1 }),
    },
    bare: {
      post: poster(bareApi.port, bareGuild, author),
      crowd: await openCrowd(swarm, {
        server: bareSockets,
        group: "bare",
        query: "topics=everyone",
        firsts: sockets,
        frames: 0,
      }),
    },
  };
}

function poster(port: number, guild: Guild, author: Account): () => Promise<void> {
  const url = `http://127.0.0.1:${port}/api/v10/channels/${guild.channelId}/messages`;
  const headers = { authorization: author.token, "content-type": "application/json" };
  const body = JSON.stringify({ content: "A message, of a length that people write." });
  return async () => {
    const response = await fetch(url, { method: "POST", headers, body });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    await response.arrayBuffer();
  };
}

async function measure({ post, crowd }: Pipeline, messages: number): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < messages; i++) {
    await crowd.expect(1);
    const startedAt = process.hrtime.bigint();
    await post();
    took.push(Number((await crowd.arrived()) - startedAt) / 1e6);
  }
  return took;
}
