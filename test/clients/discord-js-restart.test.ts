import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import type { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { type BotProcess, startBot } from "./bot-process.ts";

const platform = await startPlatform({ gateways: 2 });
const state = await mkdtemp(join(tmpdir(), "guildhall-resuming-bot-"));
afterAll(() => rm(state, { recursive: true, force: true }));

const messageLine = z.object({ id: z.string(), channel: z.string(), content: z.string() });
const session = z.object({ sessionId: z.string(), sequence: z.number() });
const lines = (file: string): string[] => (existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : []);
const archived = () => lines(join(state, "messages.jsonl")).map((line) => messageLine.parse(JSON.parse(line)));
const savedSession = () => session.safeParse(JSON.parse(lines(join(state, "shard-0.session.json"))[0] ?? "null")).data;

/** Posts numbered messages one after the other until it is told to stop. */
function keepPosting(person: Client, channelIds: readonly string[]) {
  const posted: { id: string; content: string }[] = [];
  let over = false;
  const posting = (async () => {
    for (let n = 0; !over; n++) {
      const channelId = channelIds[n % channelIds.length];
      posted.push(await person.post(`/channels/${channelId}/messages`, { content: `number ${n}` }));
    }
  })();
  const stop = async () => {
    over = true;
    await posting;
    return posted;
  };
  return { posted, stop };
}

const signals = ["SIGKILL", "SIGTERM", "SIGKILL", "SIGTERM", "SIGKILL", "SIGKILL"] as const;

test("a discord.js bot that keeps its session misses no message over restarts of its process, however it ends", async () => {
  const person = await platform.person();
  const guild = await platform.guild(person);
  const bot = await platform.bot(person, guild.id, "8");
  const channelIds = [guild.channelId];
  const start = (): BotProcess =>
    startBot("node", ["examples/discord-js-resuming-bot.mjs"], {
      GUILDHALL_URL: platform.url(),
      BOT_TOKEN: bot.token?.replace("Bot ", ""),
      STATE: state,
    });
  const addChannel = async (name: string) => {
    const { id } = await person.post(`/guilds/${guild.id}/channels`, { name });
    channelIds.push(id);
  };

  let process = start();
  await process.says("ready as");
  // Until its start is over, a bot that is killed starts afresh.
  await expect.poll(() => lines(join(state, "shard-0.session.json")).length).toBe(1);
  const began = savedSession();
  await expect
    .poll(async () => {
      await person.post(`/channels/${guild.channelId}/typing`);
      await person.post(`/channels/${guild.channelId}/messages`, { content: "before" });
      return savedSession()?.sequence ?? 0;
    })
    .toBeGreaterThan((began?.sequence ?? 0) + 2);
  const load = keepPosting(person, channelIds);
  for (const [round, signal] of signals.entries()) {
    // One channel that the bot has seen being made, one that it finds when it is back.
    await addChannel(`seen-${round}`);
    const before = archived().length;
    await expect.poll(() => archived().length).toBeGreaterThan(before + 20);
    await process.end(signal);
    await addChannel(`found-${round}`);
    const postedMeanwhile = load.posted.length;
    await expect.poll(() => load.posted.length).toBeGreaterThan(postedMeanwhile + 20);
    process = start();
    await process.says("the session goes on");
  }
  const posted = await load.stop();
  const last = posted.at(-1)?.id;
  await expect.poll(() => archived().some(({ id }) => id === last)).toBe(true);
  await process.stop();

  const heard = new Map(archived().map(({ id, content }) => [id, content]));
  expect(posted.filter(({ id, content }) => heard.get(id) !== content)).toEqual([]);
  // All of it in one session, in channels that the bot knew by name.
  expect(savedSession()?.sessionId).toBe(began?.sessionId);
  expect(new Set(archived().map(({ channel }) => channel)).size).toBe(channelIds.length);
}, 180_000);
