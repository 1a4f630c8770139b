import { GatewayIntentBits } from "discord-api-types/v10";
import { beforeEach, describe, expect, test } from "vitest";
import { createCdn } from "../../core/cdn.ts";
import { snowflakeGenerator } from "../../core/snowflake.ts";
import { endDuePolls } from "../../src/polls/end.ts";
import { openChanges } from "../harness/changes.ts";
import type { Client, Json } from "../harness/client.ts";
import { makeStage } from "../harness/interactions.ts";
import { startPlatform } from "../harness/platform.ts";
import type { Socket } from "../harness/socket.ts";
import { Code, refused } from "./refused.ts";

const platform = await startPlatform();
const { sql, change } = openChanges(platform);
const app = {
  sql,
  change,
  nextId: snowflakeGenerator(() => 1019),
  cdn: createCdn("http://localhost/cdn", Buffer.alloc(32)),
};
/** VIEW_CHANNEL, SEND_MESSAGES, READ_MESSAGE_HISTORY, SEND_POLLS */
const stage = await makeStage(platform, String(68608n | (1n << 49n)));
const { owner, member, bot, channelId, guildId } = stage;
const messages = `/channels/${channelId}/messages`;

const QUESTION = { text: "Which?" };
const answers = (...texts: string[]) => texts.map((text) => ({ poll_media: { text } }));
const POLL = { question: QUESTION, answers: answers("one", "two", "three") };
const MANY = { ...POLL, allow_multiselect: true };

const ask = (poll: object = POLL, as: Client = bot, path = messages): Promise<Json> => as.post(path, { poll });
const pollsOf = (message: Json) => `/channels/${message.channel_id}/polls/${message.id}`;
const vote = (as: Client, message: Json, ...answer_ids: (number | string)[]) =>
  as.request("PUT", `${pollsOf(message)}/answers/@me`, { answer_ids });
const voters = async (message: Json, answer: number, query = "", as: Client = bot) =>
  (await as.get(`${pollsOf(message)}/answers/${answer}${query}`)).users.map(({ id }: Json) => id);
const read = async (message: Json, as: Client = bot) =>
  as.get(`/channels/${message.channel_id}/messages/${message.id}`);
const counts = async (message: Json, as: Client = bot) =>
  (await read(message, as)).poll.results.answer_counts.map(({ id, count, me_voted }: Json) => [id, count, me_voted]);

describe("a poll", () => {
  test("is part of its message wherever that is told, and ends a day later unless something else is said", async () => {
    const socket = await platform.socket(owner);
    const made = await ask({ ...POLL, answers: [{ poll_media: { text: " one ", emoji: { name: "❤" } } }] });
    const expected = {
      question: QUESTION,
      answers: [{ answer_id: 1, poll_media: { text: "one", emoji: { id: null, name: "❤️" } } }],
      expiry: expect.any(String),
      allow_multiselect: false,
      layout_type: 1,
      results: { is_finalized: false, answer_counts: [] },
    };
    expect(made).toMatchObject({ content: "", poll: expected });
    expect((await socket.event("MESSAGE_CREATE", (d) => d.id === made.id)).d.poll).toEqual(expected);
    expect((await read(made)).poll).toEqual(made.poll);
    expect((await owner.get(messages)).find(({ id }: Json) => id === made.id).poll).toEqual(made.poll);
    const hours = ({ poll, timestamp }: Json) =>
      Math.round((Date.parse(poll.expiry) - Date.parse(timestamp)) / 3600_000);
    expect(hours(made)).toBe(24);
    expect(hours(await ask({ ...POLL, duration: 768 }))).toBe(768);
  });

  test.each([
    [{ ...POLL, question: { text: "" } }, "question"],
    [{ ...POLL, question: { text: "x".repeat(301) } }, "question"],
    [{ ...POLL, answers: [] }, "answers"],
    [{ ...POLL, answers: answers(..."12345678901") }, "answers"],
    [{ ...POLL, answers: answers("x".repeat(56)) }, "answers"],
    [{ ...POLL, answers: [{ poll_media: {} }] }, "answers"],
    [{ ...POLL, duration: 0 }, "duration"],
    [{ ...POLL, duration: 769 }, "duration"],
    [{ ...POLL, duration: 1.5 }, "duration"],
    [{ ...POLL, layout_type: 2 }, "layout_type"],
  ])("of which something is wrong is refused, with where: %j", async (poll, field) => {
    const answer = await bot.request("POST", messages, { poll });
    expect(answer).toMatchObject({
      status: 400,
      body: { code: 50035, errors: { poll: { [field]: expect.anything() } } },
    });
  });

  test("can't have an emoji that is none, or that its author may not use", async () => {
    for (const emoji of [{ name: "x" }, { id: "123" }]) {
      const poll = { ...POLL, answers: [{ poll_media: { text: "one", emoji } }] };
      await refused(Code.CannotUseAnEmojiIncludedWithThePoll, bot, "POST", messages, { poll });
    }
    await sql`insert into emojis (id, server_id, name, animated) values (4711, ${guildId}, 'party', true)`;
    const made = await ask({ ...POLL, answers: [{ poll_media: { text: "one", emoji: { id: "4711" } } }] });
    expect(made.poll.answers[0].poll_media.emoji).toEqual({ id: "4711", name: "party", animated: true });
    // One of another guild that it is in.
    const elsewhere = await platform.guild(owner);
    const add = `/oauth2/authorize?client_id=${bot.id}&scope=bot&permissions=0`;
    await owner.post(add, { guild_id: elsewhere.id, authorize: true });
    await sql`insert into emojis (id, server_id, name) values (4712, ${elsewhere.id}, 'foreign')`;
    const foreign = { ...POLL, answers: [{ poll_media: { text: "one", emoji: { id: "4712" } } }] };
    const everyone = `/channels/${channelId}/permissions/${guildId}`;
    await owner.put(everyone, { type: 0, allow: "0", deny: String(1n << 18n) });
    await refused(Code.CannotUseAnEmojiIncludedWithThePoll, bot, "POST", messages, { poll: foreign });
    await owner.delete(everyone);
    expect((await ask(foreign)).poll.answers[0].poll_media.emoji.id).toBe("4712");
  });

  test("needs SEND_POLLS, and a channel whose messages are not published", async () => {
    const silent = await platform.bot(owner, guildId, "68608");
    await owner.put(`/channels/${channelId}/permissions/${guildId}`, { type: 0, allow: "0", deny: String(1n << 49n) });
    await refused(Code.MissingPermissions, silent, "POST", messages, { poll: POLL });
    await owner.delete(`/channels/${channelId}/permissions/${guildId}`);
    const news = await owner.post(`/guilds/${guildId}/channels`, { name: "news", type: 5 });
    await refused(Code.InvalidChannelTypeForPollCreation, owner, "POST", `/channels/${news.id}/messages`, {
      poll: POLL,
    });
    const { id, token } = await owner.post(`/channels/${news.id}/webhooks`, { name: "hook" });
    const path = `/webhooks/${id}/${token}`;
    await refused(Code.InvalidChannelTypeForPollCreation, platform.anonymous(), "POST", path, { poll: POLL });
  });

  test("stays as it was made, and is neither forwarded nor laid out by components", async () => {
    const made = await ask();
    const path = `${messages}/${made.id}`;
    await refused(Code.CannotEditAPollMessage, bot, "PATCH", path, { content: "else" });
    expect((await bot.request("PATCH", path, { poll: POLL })).body.code).toBe(50035);
    const forward = { message_reference: { type: 1, message_id: made.id, channel_id: channelId } };
    await refused(Code.InvalidMessageType, bot, "POST", messages, forward);
    const laidOut = { flags: 1 << 15, components: [{ type: 10, content: "text" }], poll: POLL };
    expect((await bot.request("POST", messages, laidOut)).body.errors).toHaveProperty("poll");
    expect(await read(made)).toMatchObject({ content: "", poll: made.poll });
  });

  test("is not told to applications without MESSAGE_CONTENT, unless it is their own", async () => {
    const other = await platform.bot(owner, guildId);
    const socket = await platform.socket(other, {
      intents: GatewayIntentBits.Guilds | GatewayIntentBits.GuildMessages,
    });
    const made = await ask(POLL, owner);
    expect((await socket.event("MESSAGE_CREATE", (d) => d.id === made.id)).d).not.toHaveProperty("poll");
    const own = await ask(POLL, other);
    expect((await socket.event("MESSAGE_CREATE", (d) => d.id === own.id)).d).toHaveProperty("poll");
  });

  test("comes by webhook, also into a thread, and without any other word", async () => {
    const { id, token } = await owner.post(`/channels/${channelId}/webhooks`, { name: "hook" });
    const path = `/webhooks/${id}/${token}?wait=true`;
    const made = await platform.anonymous().post(path, { poll: MANY });
    expect(made.poll).toMatchObject({ question: QUESTION, allow_multiselect: true });
    const thread = await owner.post(`/channels/${channelId}/threads`, { name: "thread", type: 11 });
    const inThread = await platform.anonymous().post(`${path}&thread_id=${thread.id}`, { poll: POLL });
    expect((await vote(member, inThread, 1)).status).toBe(204);
    expect(await voters(inThread, 1)).toEqual([member.id]);
  });
});

describe("votes", () => {
  let message: Json;
  beforeEach(async () => {
    message = await ask();
  });

  test("are what a person last said: a new one takes the other's place, none withdraws it", async () => {
    expect((await vote(member, message, 1)).status).toBe(204);
    expect((await vote(owner, message, "1")).status).toBe(204);
    expect(await counts(message, member)).toEqual([[1, 2, true]]);
    expect(await counts(message)).toEqual([[1, 2, false]]);
    await vote(member, message, 2);
    expect(await counts(message, member)).toEqual([
      [1, 1, false],
      [2, 1, true],
    ]);
    await vote(member, message);
    await vote(owner, message);
    expect(await counts(message)).toEqual([]);
  });

  test("may be for several answers where the poll says so, and are refused otherwise", async () => {
    const many = await ask(MANY);
    await vote(member, many, 1, 3, 3);
    expect(await counts(many, member)).toEqual([
      [1, 1, true],
      [3, 1, true],
    ]);
    for (const wrong of [[1, 2], [4], [0], [11], ["x"], [1.5]]) {
      expect((await vote(member, message, ...wrong)).body.code).toBe(50035);
    }
    expect(await counts(message)).toEqual([]);
  });

  test("are people's, of those who can read the message", async () => {
    await refused(Code.BotsCannotUseThisEndpoint, bot, "PUT", `${pollsOf(message)}/answers/@me`, { answer_ids: [1] });
    const stranger = await platform.person();
    expect((await vote(stranger, message, 1)).status).toBe(403);
    const plain = await bot.post(messages, { content: "no poll" });
    expect((await vote(member, plain, 1)).body.code).toBe(Code.InvalidMessageType);
    expect((await vote(member, { ...message, id: "1" }, 1)).body.code).toBe(Code.UnknownMessage);
  });

  test("that come at once are all counted, whatever is said meanwhile", async () => {
    const people = await Promise.all(Array.from({ length: 5 }, () => platform.person()));
    for (const person of people) await platform.join(owner, { channelId }, person);
    await Promise.all(people.flatMap((person) => [1, 2, 3, 1].map((answer) => vote(person, message, answer))));
    const told: [number, number, boolean][] = await counts(message);
    expect(told.reduce((sum, [, count]) => sum + count, 0)).toBe(5);
    for (const [answer, count] of told) expect(await voters(message, answer)).toHaveLength(count);
  });

  test("are listed by answer, in pages by user", async () => {
    for (const person of [member, owner]) await vote(person, message, 2);
    const both = [member.id, owner.id].sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
    expect(await voters(message, 2)).toEqual(both);
    expect(await voters(message, 2, "?limit=1")).toEqual(both.slice(0, 1));
    expect(await voters(message, 2, `?after=${both[0]}`)).toEqual(both.slice(1));
    expect(await voters(message, 1)).toEqual([]);
    for (const answer of ["0", "4", "1234567890123456789"]) {
      expect((await bot.request("GET", `${pollsOf(message)}/answers/${answer}`)).status).toBe(404);
    }
    for (const limit of ["0", "101"]) {
      expect((await bot.request("GET", `${pollsOf(message)}/answers/2?limit=${limit}`)).body.code).toBe(50035);
    }
  });

  test("are told one by one to those who asked for them, in a conversation as well", async () => {
    const { Guilds, GuildMessagePolls, DirectMessagePolls } = GatewayIntentBits;
    const inGuild = await platform.socket(bot, { intents: Guilds | GuildMessagePolls });
    const inDms = await platform.socket(bot, { intents: Guilds | DirectMessagePolls });
    const many = await ask(MANY);
    const dm = await bot.post("/users/@me/channels", { recipient_id: member.id });
    const private_ = await ask(POLL, bot, `/channels/${dm.id}/messages`);
    await vote(member, many, 1, 2);
    await vote(member, many, 2, 3);
    await vote(member, private_, 3);
    await vote(member, private_);
    await inGuild.event("MESSAGE_POLL_VOTE_REMOVE");
    await inGuild.event("MESSAGE_POLL_VOTE_ADD", (d) => d.answer_id === 3);
    await inDms.event("MESSAGE_POLL_VOTE_REMOVE");
    await Promise.all([inGuild.settled(), inDms.settled()]);
    const told = (socket: Socket) =>
      socket.dispatches.filter(({ t }) => t?.startsWith("MESSAGE_POLL")).map(({ t, d }) => [t?.slice(18), d]);
    const of = (answer_id: number) => ({
      user_id: member.id,
      channel_id: channelId,
      message_id: many.id,
      guild_id: guildId,
      answer_id,
    });
    expect(told(inGuild).slice(0, 2)).toEqual(expect.arrayContaining([1, 2].map((id) => ["ADD", of(id)])));
    expect(told(inGuild).slice(2)).toEqual(
      expect.arrayContaining([
        ["REMOVE", of(1)],
        ["ADD", of(3)],
      ]),
    );
    const data = { user_id: member.id, channel_id: dm.id, message_id: private_.id, answer_id: 3 };
    expect(told(inDms)).toEqual([
      ["ADD", data],
      ["REMOVE", data],
    ]);
  });

  test("of whoever changes the message are not shown to others as their own", async () => {
    await vote(owner, message, 1);
    const socket = await platform.socket(member);
    await owner.put(`${messages}/pins/${message.id}`);
    const { d } = await socket.event("MESSAGE_UPDATE", (each) => each.id === message.id);
    expect(d.poll.results.answer_counts).toEqual([{ id: 1, count: 1, me_voted: false }]);
  });
});

describe("a poll ends", () => {
  const expire = (message: Json, as: Client = bot) => as.request("POST", `${pollsOf(message)}/expire`);
  const resultOf = async (message: Json, as: Client = bot): Promise<Json | undefined> =>
    (await as.get(`/channels/${message.channel_id}/messages`)).find(
      (each: Json) => each.type === 46 && each.message_reference.message_id === message.id,
    );
  const fieldsOf = (result: Json | undefined) =>
    Object.fromEntries(result?.embeds[0].fields.map(({ name, value }: Json) => [name, value]) ?? []);
  const sweep = () => Promise.all([endDuePolls(app), endDuePolls(app)]);
  const overNow = (message: Json) =>
    sql`update polls set expires_at = now() - interval '1 second' where message_id = ${message.id}`;

  test("when its author says so: nobody votes any more, and its result is told", async () => {
    const message = await ask();
    await vote(member, message, 2);
    const socket = await platform.socket(member);
    const { status, body } = await expire(message);
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        id: message.id,
        poll: { results: { is_finalized: true, answer_counts: [{ id: 2, count: 1, me_voted: false }] } },
      },
    });
    expect(Date.parse(body.poll.expiry)).toBeLessThanOrEqual(Date.now());
    const updated = await socket.event("MESSAGE_UPDATE", (d) => d.id === message.id);
    expect(updated.d.poll).toEqual(body.poll);
    const told = await socket.event("MESSAGE_CREATE", (d) => d.type === 46);
    expect(told.d).toMatchObject({
      author: { id: bot.id },
      content: "",
      mentions: [{ id: bot.id }],
      message_reference: { message_id: message.id, channel_id: channelId, guild_id: guildId },
      embeds: [{ type: "poll_result" }],
    });
    expect(fieldsOf(await resultOf(message))).toEqual({
      poll_question_text: "Which?",
      victor_answer_votes: "1",
      total_votes: "1",
      victor_answer_id: "2",
      victor_answer_text: "two",
    });
    await refused(Code.PollExpired, member, "PUT", `${pollsOf(message)}/answers/@me`, { answer_ids: [1] });
    expect((await expire(message)).body.code).toBe(Code.PollExpired);
  });

  test("by nobody else's word, and only if it is one", async () => {
    const message = await ask();
    expect((await expire(message, owner)).body.code).toBe(Code.CannotEditMessageAuthoredByAnotherUser);
    expect((await expire(await bot.post(messages, { content: "x" }))).body.code).toBe(Code.CannotExpireANonPollMessage);
    expect((await expire({ ...message, id: "1" })).body.code).toBe(Code.UnknownMessage);
  });

  test("when its time is over, by one of the processes that look; without a winner, if several have the most", async () => {
    const message = await ask(MANY);
    await vote(member, message, 1, 2);
    await overNow(message);
    await refused(Code.PollExpired, member, "PUT", `${pollsOf(message)}/answers/@me`, { answer_ids: [1] });
    await sweep();
    await sweep();
    expect((await read(message)).poll.results.is_finalized).toBe(true);
    const results = (await bot.get(messages)).filter(
      (each: Json) => each.type === 46 && each.message_reference.message_id === message.id,
    );
    expect(results).toHaveLength(1);
    expect(fieldsOf(results[0])).toEqual({ poll_question_text: "Which?", victor_answer_votes: "1", total_votes: "2" });
  });

  test("in a conversation, from a webhook, in an archived thread and where the message is gone, too", async () => {
    const dm = await bot.post("/users/@me/channels", { recipient_id: member.id });
    const inDm = await ask(POLL, bot, `/channels/${dm.id}/messages`);
    const { id, token } = await owner.post(`/channels/${channelId}/webhooks`, { name: "hook" });
    const fromHook = await platform.anonymous().post(`/webhooks/${id}/${token}?wait=true`, { poll: POLL });
    const thread = await owner.post(`/channels/${channelId}/threads`, { name: "thread", type: 11 });
    const archived = await ask(POLL, owner, `/channels/${thread.id}/messages`);
    await owner.patch(`/channels/${thread.id}`, { archived: true });
    const deleted = await ask();
    await bot.delete(`${messages}/${deleted.id}`);
    for (const message of [inDm, fromHook, archived, deleted]) await overNow(message);
    await sweep();
    expect(await resultOf(inDm)).toMatchObject({ author: { id: bot.id } });
    expect(await resultOf(fromHook)).toMatchObject({ author: { id, username: "hook" }, webhook_id: id });
    expect((await read(archived, owner)).poll.results.is_finalized).toBe(true);
    expect(await resultOf(archived, owner)).toBeUndefined();
    expect(await resultOf(deleted)).toBeUndefined();
    expect(await sql`select from polls where not ended and expires_at < now()`).toHaveLength(0);
  });
});

describe("an answer to an interaction", async () => {
  const command = await stage.command({ name: "ask" });
  const used = async () => {
    const told = await stage.use(2, { id: command.id });
    return { told, path: `/webhooks/${bot.id}/${told.token}` };
  };
  const anyone = platform.anonymous();

  test("may ask something, at once, later or where it was awaited, but never one person alone", async () => {
    const { told, path } = await used();
    expect((await stage.answer(told, { type: 4, data: { poll: POLL } })).status).toBe(204);
    const original = await anyone.get(`${path}/messages/@original`);
    expect(original.poll.question).toEqual(QUESTION);
    expect((await vote(member, original, 1)).status).toBe(204);
    expect((await anyone.post(path, { poll: MANY })).poll.allow_multiselect).toBe(true);
    expect((await anyone.request("POST", path, { poll: POLL, flags: 64 })).body.errors).toHaveProperty("poll");
    expect((await anyone.request("PATCH", `${path}/messages/@original`, { content: "x" })).body.code).toBe(520003);
  });

  test("that was awaited is given a poll by the edit that fills it in, and by no other", async () => {
    const { told, path } = await used();
    await stage.answer(told, { type: 5 });
    const filled = await anyone.patch(`${path}/messages/@original`, { poll: POLL });
    expect(filled).toMatchObject({ flags: 0, poll: { question: QUESTION, results: { is_finalized: false } } });
    expect((await vote(member, filled, 2)).status).toBe(204);
    const plain = await anyone.post(path, { content: "plain" });
    const answer = await anyone.request("PATCH", `${path}/messages/${plain.id}`, { poll: POLL });
    expect(answer.body.errors).toHaveProperty("poll");
    const own = await used();
    await stage.answer(own.told, { type: 5, data: { flags: 64 } });
    const refusal = await anyone.request("PATCH", `${own.path}/messages/@original`, { poll: POLL });
    expect(refusal.body.errors).toHaveProperty("poll");
  });
});
