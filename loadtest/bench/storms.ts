// A thousand sessions that come back at once, each 200 events behind, and a thousand that log in at once: seconds till
// the last has caught up (RESUMED received) or is ready (GUILD_CREATE received), and the gateway's CPU time for each.
// Included: TCP connections, handshakes, token look-ups, Postgres, the streams. The clients are in one process and all
// on the same machine as everything else, which the seconds show; CPU time is the gateway's alone.
//
// Against bare uWebSockets.js, same clients. Resume: one XRANGE for each socket and its entries sent, as they are.
// Login: one look-up of the token and the same bytes sent.
import { z } from "zod";
import { redisKeys } from "../../core/redis-keys.ts";
import { cpuOf } from "./child.ts";
import { openCrowd, openSessions } from "./clients.ts";
import type { Lab } from "./lab.ts";
import { messageEvent } from "./publisher.ts";
import type { Figure } from "./report.ts";
import { compare, measureRounds } from "./rounds.ts";
import { type Account, type Guild, joinAll, makeGuilds, makePeople } from "./world.ts";

interface Storm {
  seconds: number;
  /** Of the server process. */
  cpuSeconds: number;
}

export async function storms(lab: Lab): Promise<Figure[]> {
  const sessions = lab.quick ? 200 : 1000;
  const behind = 200;
  const people = await makePeople(lab.sql, sessions);
  const [author] = people;
  if (author === undefined) throw new RangeError("no sessions are asked for");
  const [guild] = await makeGuilds(lab.sql, 1, author);
  if (guild === undefined) throw new RangeError("no guild was made");
  await joinAll(lab.sql, guild, people);
  const place = { people, guild, author, behind };

  const rounds = lab.quick ? 2 : 5;
  const resumes = await measureRounds(rounds, {
    ours: () => resumeStorm(lab, place),
    bare: () => bareResumeStorm(lab, place),
  });
  const logins = await measureRounds(rounds, {
    ours: () => loginStorm(lab, place),
    bare: () => bareLoginStorm(lab, place),
  });
  const count = sessions.toLocaleString("en-US");
  return [
    ...figures(`${count} sessions resume at once, ${behind} events behind`, sessions, resumes),
    ...figures(`${count} sessions identify at once`, sessions, logins),
  ];
}

function figures(what: string, sessions: number, rounds: readonly { ours: Storm; bare: Storm }[]): Figure[] {
  const seconds = rounds.map(({ ours, bare }) => ({ ours: ours.seconds, bare: bare.seconds }));
  const cpu = rounds.map(({ ours, bare }) => ({
    ours: (ours.cpuSeconds * 1e3) / sessions,
    bare: (bare.cpuSeconds * 1e3) / sessions,
  }));
  return [
    { what, unit: "s till the last is ready", comparison: compare(seconds, "ours", "bare") },
    { what: `${what}: CPU`, unit: "ms a session", comparison: compare(cpu, "ours", "bare") },
  ];
}

interface Place {
  people: readonly Account[];
  guild: Guild;
  author: Account;
  behind: number;
}

async function resumeStorm(lab: Lab, { people, guild, author, behind }: Place): Promise<Storm> {
  const gateway = await lab.gateway();
  const swarm = lab.swarm();
  const crowd = await openSessions(swarm, { gateway, group: "resume", accounts: people, guilds: 1 });
  await crowd.drop();
  await publishMany(lab, guild, author, behind);
  // HELLO, the events, RESUMED.
  const back = () => crowd.resume(1 + behind + 1);
  const storm = await timed(gateway, back);
  if (lab.profile) {
    await crowd.drop();
    await publishMany(lab, guild, author, behind);
    await lab.explain("sessions that resume", gateway, back);
  }
  await Promise.all([gateway.stop(), swarm.stop()]);
  return storm;
}

async function bareResumeStorm(lab: Lab, { people, guild, author, behind }: Place): Promise<Storm> {
  const server = await lab.bareSockets();
  const swarm = lab.swarm();
  const after = Number((await lab.publisher.redis.get(redisKeys.seq)) ?? 0);
  await publishMany(lab, guild, author, behind);
  const crowd = await openCrowd(swarm, { server, group: "resume", query: "none", firsts: people.length, frames: 0 });
  await crowd.drop();
  const wish = JSON.stringify({ stream: redisKeys.log(lab.publisher.epoch, `g:${guild.id}`), after });
  const back = () =>
    crowd.resume(
      behind,
      people.map(() => wish),
    );
  const storm = await timed(server, back);
  await Promise.all([server.stop(), swarm.stop()]);
  return storm;
}

async function loginStorm(lab: Lab, { people }: Place): Promise<Storm> {
  const gateway = await lab.gateway();
  const swarm = lab.swarm();
  const open = (group: string, accounts: readonly Account[]) =>
    openSessions(swarm, { gateway, group, accounts, guilds: 1, atOnce: accounts.length });
  // A process that just started would spend most of its time compiling.
  await (await open("warm-up", people.slice(0, people.length / 10))).drop();
  const storm = await timed(gateway, async () => (await open("login", people)).readyAfterMs);
  if (lab.profile) await lab.explain("sessions that identify", gateway, () => open("again", people));
  await Promise.all([gateway.stop(), swarm.stop()]);
  return storm;
}

async function bareLoginStorm(lab: Lab, { people }: Place): Promise<Storm> {
  const server = await lab.bareSockets();
  const swarm = lab.swarm();
  // As long as HELLO, READY and GUILD_CREATE are.
  await server.ask("greeting", ["x".repeat(100), "x".repeat(900), "x".repeat(4000)], z.null());
  const open = (group: string, accounts: readonly Account[]) => {
    const firsts = accounts.map(({ token }) => JSON.stringify({ login: token }));
    return openCrowd(swarm, { server, group, query: "topics=everyone", firsts, frames: 3, atOnce: accounts.length });
  };
  await (await open("warm-up", people.slice(0, people.length / 10))).drop();
  const storm = await timed(server, async () => (await open("login", people)).readyAfterMs);
  await Promise.all([server.stop(), swarm.stop()]);
  return storm;
}

async function timed(server: { pid: number }, work: () => Promise<number[]>): Promise<Storm> {
  let readyAfterMs: number[] = [];
  const cpuSeconds = await cpuOf(server, async () => {
    readyAfterMs = await work();
  });
  return { seconds: Math.max(...readyAfterMs) / 1000, cpuSeconds };
}

async function publishMany(lab: Lab, guild: Guild, author: Account, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await lab.publisher.publish([messageEvent(guild, author)]);
}
