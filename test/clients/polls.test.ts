import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  Client,
  Events,
  GatewayIntentBits,
  type Message,
  type PollAnswer,
  PollLayoutType,
  type TextChannel,
  WebhookClient,
} from "discord.js";
import { afterAll, expect, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import { pythonWithDiscord } from "./toolchains.ts";

const platform = await startPlatform({ gateways: 2 });
const python = pythonWithDiscord();
const { Guilds, GuildMessages, GuildMessagePolls, MessageContent } = GatewayIntentBits;
const POLL = {
  question: { text: "Tea or coffee?" },
  answers: [{ text: "Tea", emoji: "🍵" }, { text: "Coffee" }],
  duration: 1,
  allowMultiselect: false,
  layoutType: PollLayoutType.Default,
};

async function stage() {
  const owner = await platform.person("owner");
  const { id: guildId, channelId } = await platform.guild(owner);
  const bot = await platform.bot(owner, guildId, "8");
  await bot.patch("/applications/@me", { flags: 1 << 19 });
  return { owner, channelId, bot };
}

test("discord.js asks, hears of votes, lists who voted, ends the poll and knows its result", async () => {
  const { owner, channelId, bot } = await stage();
  const client = new Client({
    intents: [Guilds, GuildMessages, GuildMessagePolls, MessageContent],
    rest: { api: `${platform.url()}/api` },
  });
  afterAll(() => client.destroy());
  const ready = new Promise((resolve) => client.once(Events.ClientReady, resolve));
  await client.login((bot.token ?? "").replace("Bot ", ""));
  await ready;
  const channel = (await client.channels.fetch(channelId)) as TextChannel;
  const message = await channel.send({ poll: POLL });
  const poll = message.poll;
  if (poll === null) throw new Error("the message has no poll");
  expect(poll.question.text).toBe("Tea or coffee?");
  expect(poll.answers.map(({ text, emoji }) => [text, emoji?.name])).toEqual([
    ["Tea", "🍵"],
    ["Coffee", undefined],
  ]);
  const vote = (ids: number[]) =>
    owner.put(`/channels/${channelId}/polls/${message.id}/answers/@me`, { answer_ids: ids });
  const heard = (event: Events.MessagePollVoteAdd | Events.MessagePollVoteRemove) =>
    new Promise<[PollAnswer, string]>((resolve) =>
      client.once(event, (answer, userId) => resolve([answer as PollAnswer, userId])),
    );
  const [added, removed] = [heard(Events.MessagePollVoteAdd), heard(Events.MessagePollVoteRemove)];
  await vote([1]);
  expect((await added)[0].text).toBe("Tea");
  await vote([2]);
  expect((await removed)[1]).toBe(owner.id);
  const coffee = poll.answers.get(2);
  expect((await coffee?.voters.fetch())?.map(({ id }) => id)).toEqual([owner.id]);
  const result = new Promise<Message>((resolve) => client.once(Events.MessageCreate, resolve));
  const ended = await poll.end();
  expect(ended.poll?.resultsFinalized).toBe(true);
  expect(ended.poll?.answers.map(({ voteCount }) => voteCount)).toEqual([0, 1]);
  const told = await result;
  expect(told.system).toBe(true);
  const fields = Object.fromEntries(told.embeds[0]?.fields.map(({ name, value }) => [name, value]) ?? []);
  expect(fields).toMatchObject({ victor_answer_text: "Coffee", total_votes: "1" });
});

test("a webhook of discord.js asks", async () => {
  const { owner, channelId } = await stage();
  const { id, token } = await owner.post(`/channels/${channelId}/webhooks`, { name: "hook" });
  const webhook = new WebhookClient({ id, token }, { rest: { api: `${platform.url()}/api` } });
  const { id: messageId } = await webhook.send({ poll: POLL });
  expect((await owner.get(`/channels/${channelId}/messages/${messageId}`)).poll.question.text).toBe("Tea or coffee?");
});

test.skipIf(python === null)("discord.py asks, hears of votes, lists who voted and ends the poll", async () => {
  const { owner, channelId, bot } = await stage();
  const script = join(import.meta.dirname, "polls.py");
  const running = promisify(execFile)(
    python ?? "",
    [script, `${platform.url()}/api/v10`, platform.gatewayUrl(), channelId],
    {
      env: { ...process.env, DISCORD_TOKEN: (bot.token ?? "").replace("Bot ", "") },
      timeout: 60_000,
    },
  );
  const asked = async () =>
    (await owner.get(`/channels/${channelId}/messages`)).find(({ poll }: { poll?: object }) => poll);
  await expect.poll(asked, { timeout: 60_000 }).toBeDefined();
  const { id } = await asked();
  await owner.put(`/channels/${channelId}/polls/${id}/answers/@me`, { answer_ids: [2] });
  expect(JSON.parse((await running).stdout)).toEqual({
    heard: [2, owner.id],
    voters: [owner.id],
    finalized: true,
    victor: "Coffee",
  });
});
