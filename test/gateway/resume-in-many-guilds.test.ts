import postgres from "postgres";
import { afterAll, expect, test } from "vitest";
import { join, makeGuilds } from "../../loadtest/bench/world.ts";
import { startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";

const GUILDS = 1000;
const VIEW_CHANNEL = "1024";
const TYPE_MEMBER = 1;

const platform = await startPlatform({ gateways: 2 });
const sql = postgres(platform.stores.databaseUrl, { onnotice: () => {} });
afterAll(() => sql.end());

test("a bot in 1,000 guilds comes back: all it missed, but nothing of channels that it may no longer view", async () => {
  const owner = await platform.person();
  const bot = await platform.bot(owner);
  const accounts = [owner, bot].map(({ id }) => ({ id, token: "" }));
  const [author] = accounts;
  if (author === undefined) throw new Error("nobody owns the guilds");
  const guilds = await makeGuilds(sql, GUILDS, author);
  await join(
    sql,
    guilds.flatMap((guild) => accounts.map((account) => ({ guild, account }))),
  );
  const socket = await Socket.open(platform.gatewayUrl(0));
  await socket.identify(bot.token ?? "");
  expect(socket.dispatches.filter(({ t }) => t === "GUILD_CREATE")).toHaveLength(GUILDS);
  socket.cut();

  const due: string[] = [];
  for (const [i, guild] of guilds.filter((_, n) => n % 20 === 0).entries()) {
    const { id } = await owner.post(`/channels/${guild.channelId}/messages`, { content: `message ${i}` });
    const hidden = i % 4 === 0;
    if (!hidden) due.push(id);
    else {
      const overwrite = { type: TYPE_MEMBER, allow: "0", deny: VIEW_CHANNEL };
      await owner.put(`/channels/${guild.channelId}/permissions/${bot.id}`, overwrite);
    }
  }
  const again = await Socket.open(platform.gatewayUrl(1));
  const resumed = await again.resume(bot.token ?? "", socket.sessionId, socket.seq);
  expect(resumed.t).toBe("RESUMED");
  const got = again.dispatches.filter(({ t }) => t === "MESSAGE_CREATE");
  expect(got.map(({ d }) => d.id)).toEqual(due);

  const last = guilds.at(-1);
  const live = await owner.post(`/channels/${last?.channelId}/messages`, { content: "live" });
  await again.event("MESSAGE_CREATE", (d) => d.id === live.id);
  again.close();
}, 120_000);
