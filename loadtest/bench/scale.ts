// Requests a second on a huge guild against the same requests on a small one: a channel of a million messages against
// one of 200, a guild of 100,000 members, 500 channels and 250 roles against one of 1,000 members, 5 channels and 1 role.
// Four connections, by the clock: it is the time of Postgres that could grow. Both sides are Guildhall.
import { z } from "zod";
import type { Child } from "./child.ts";
import { requestText } from "./http-text.ts";
import { growGuild } from "./huge-guild.ts";
import type { Lab, Server } from "./lab.ts";
import type { Figure } from "./report.ts";
import { compare, measureRounds } from "./rounds.ts";
import { type Guild, joinAll, makeGuilds, makeMessages, makePeople } from "./world.ts";

interface Place {
  guild: Guild;
  /** A message and a member in the midst of all. */
  message: string;
  member: string;
}

export async function scale(lab: Lab): Promise<Figure[]> {
  const people = await makePeople(lab.sql, 1000);
  const [author] = people;
  if (author === undefined) throw new RangeError("no people were made");
  const [smallGuild, hugeGuild] = await makeGuilds(lab.sql, 2, author);
  if (smallGuild === undefined || hugeGuild === undefined) throw new RangeError("no guilds were made");
  await joinAll(lab.sql, smallGuild, people);
  await makeMessages(lab.sql, smallGuild, author, 200);
  await joinAll(lab.sql, hugeGuild, [author]);
  const size = lab.quick
    ? { messages: 100_000, members: 10_000, channels: 500, roles: 250 }
    : { messages: 1_000_000, members: 100_000, channels: 500, roles: 250 };
  await growGuild(lab.sql, hugeGuild, author.id, size);
  const gateway = await lab.gateway();
  const api = await lab.api(gateway);
  await gateway.stop();
  const [small, huge] = [await midst(lab, smallGuild), await midst(lab, hugeGuild)];

  const clients = lab.httpLoad();
  const figures: Figure[] = [];
  for (const { what, line, body } of requests()) {
    const ask = (place: Place) => () => perSecond(clients, api, requestText(line(place), author, body), lab.quick);
    const rounds = await measureRounds(lab.quick ? 3 : 7, { huge: ask(huge), small: ask(small) });
    figures.push({
      what,
      unit: "a second",
      comparison: compare(rounds, "huge", "small"),
      sides: { ours: "huge guild", bare: "small guild" },
      aim: { atLeast: 0.8 },
    });
  }
  return figures;
}

function requests(): { what: string; line: (place: Place) => string; body?: string }[] {
  const messages = ({ guild }: Place) => `/api/v10/channels/${guild.channelId}/messages`;
  const guildOf = ({ guild }: Place) => `/api/v10/guilds/${guild.id}`;
  return [
    { what: "Newest 50 messages", line: (at) => `GET ${messages(at)}` },
    { what: "50 messages before one in the midst", line: (at) => `GET ${messages(at)}?before=${at.message}` },
    { what: "50 messages around one in the midst", line: (at) => `GET ${messages(at)}?around=${at.message}` },
    {
      what: "100 members after one in the midst",
      line: (at) => `GET ${guildOf(at)}/members?limit=100&after=${at.member}`,
    },
    { what: "One member", line: (at) => `GET ${guildOf(at)}/members/${at.member}` },
    { what: "POST a message", line: (at) => `POST ${messages(at)}`, body: JSON.stringify({ content: "Hello." }) },
  ];
}

async function midst(lab: Lab, guild: Guild): Promise<Place> {
  const [row] = await lab.sql<[{ message: string; member: string }]>`
    select
      (select id from messages where channel_id = ${guild.channelId} order by id
        offset (select count(*) / 2 from messages where channel_id = ${guild.channelId}) limit 1) as message,
      (select user_id from server_members where server_id = ${guild.id} order by user_id
        offset (select count(*) / 2 from server_members where server_id = ${guild.id}) limit 1) as member`;
  return { guild, ...row };
}

async function perSecond(clients: Child, { port }: Server, request: string, quick: boolean): Promise<number> {
  const count = quick ? 100 : 500;
  return count / (await clients.ask("load", { port, request, connections: 4, count }, z.number()));
}
