import { beforeEach, describe, expect, test } from "vitest";
import type { Json } from "../harness/client.ts";
import { makeStage } from "../harness/interactions.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code } from "../rest/refused.ts";

// What happens to a thread between a person's command and the application's answers to it.
const platform = await startPlatform();
const anyone = platform.anonymous();
const EPHEMERAL = 64;
/** VIEW_CHANNEL, SEND_MESSAGES, READ_MESSAGE_HISTORY */
const stage = await makeStage(platform, "68608");
const moderating = await makeStage(platform, String(68608n | (1n << 34n)));
const commands = { plain: await stage.command({ name: "ask" }), mod: await moderating.command({ name: "ask" }) };

/** A command that was used in a new thread. */
async function used(at = stage, command = commands.plain) {
  const { id } = await at.owner.post(`/channels/${at.channelId}/threads`, { name: "thread", type: 11 });
  const told = await at.use(2, { id: command.id }, { channel_id: id });
  const path = `/webhooks/${at.bot.id}/${told.token}`;
  return {
    id,
    told,
    path,
    original: `${path}/messages/@original`,
    answer: (data: object, type = 4) => at.answer(told, { type, data }),
    becomes: (state: object) => at.owner.patch(`/channels/${id}`, state),
    state: async () => (await at.owner.get(`/channels/${id}`)).thread_metadata,
    said: async (): Promise<string[]> =>
      (await at.owner.get(`/channels/${id}/messages`)).map(({ content }: Json) => content),
  };
}
let thread: Awaited<ReturnType<typeof used>>;
beforeEach(async () => {
  thread = await used();
});
const OPEN = { archived: false, locked: false };

describe("in an archived thread", () => {
  test("an answer opens it again", async () => {
    await thread.becomes({ archived: true });
    expect((await thread.answer({ content: "here" })).status).toBe(204);
    expect(await thread.state()).toMatchObject(OPEN);
    const said = await stage.memberSocket.event("MESSAGE_CREATE", (d) => d.channel_id === thread.id);
    expect(said.d.content).toBe("here");
    const told = stage.memberSocket.dispatches.filter(({ t, d }) => t === "THREAD_UPDATE" && d.id === thread.id);
    expect(told.map(({ d }) => d.thread_metadata.archived)).toEqual([true, false]);
  });

  test("so does a follow-up, but an edit doesn't, nor is it taken; what is there can be deleted", async () => {
    await thread.answer({ content: "first" });
    await thread.becomes({ archived: true });
    const more = await anyone.post(thread.path, { content: "more" });
    expect(await thread.state()).toMatchObject(OPEN);
    await thread.becomes({ archived: true });
    for (const path of [thread.original, `${thread.path}/messages/${more.id}`]) {
      const edit = await anyone.request("PATCH", path, { content: "other" });
      expect(edit.body.code).toBe(Code.InvalidActionOnArchivedThread);
    }
    await anyone.delete(`${thread.path}/messages/${more.id}`);
    expect(await thread.said()).toEqual(["first"]);
    expect(await thread.state()).toMatchObject({ archived: true });
  });

  test.each(["PATCH", "POST"])("what fills in a deferral opens it, by %s", async (method) => {
    await thread.answer({}, 5);
    await thread.becomes({ archived: true });
    const path = method === "PATCH" ? thread.original : thread.path;
    expect((await anyone.request(method, path, { content: "at last" })).status).toBe(200);
    expect(await thread.state()).toMatchObject(OPEN);
    expect(await thread.said()).toEqual(["at last"]);
  });

  test("what one person alone sees leaves it as it is", async () => {
    await thread.becomes({ archived: true });
    expect((await thread.answer({ content: "psst", flags: EPHEMERAL })).status).toBe(204);
    await anyone.post(thread.path, { content: "more", flags: EPHEMERAL });
    await anyone.patch(thread.original, { content: "psst!" });
    await anyone.delete(thread.original);
    expect(await thread.state()).toMatchObject({ archived: true });
  });

  test("of many follow-ups one opens it", async () => {
    await thread.answer({ content: "first" });
    await thread.becomes({ archived: true });
    await Promise.all(Array.from({ length: 8 }, (_, i) => anyone.post(thread.path, { content: `${i}` })));
    expect(await thread.said()).toHaveLength(9);
    for (let i = 0; i < 8; i++) {
      await stage.memberSocket.event("MESSAGE_CREATE", (d) => d.channel_id === thread.id && d.content === `${i}`);
    }
    await stage.memberSocket.event("THREAD_UPDATE", (d) => d.id === thread.id && !d.thread_metadata.archived);
    const told = stage.memberSocket.dispatches.filter(({ t, d }) => t === "THREAD_UPDATE" && d.id === thread.id);
    expect(told.map(({ d }) => d.thread_metadata.archived)).toEqual([true, false]);
  });
});

describe("in a locked thread", () => {
  test("an answer is refused, and leaves the turn to one that a single person sees", async () => {
    await thread.becomes({ locked: true });
    for (const type of [4, 5]) expect((await thread.answer({ content: "x" }, type)).body.code).toBe(Code.ThreadLocked);
    expect(await thread.said()).toEqual([]);
    expect((await thread.answer({ content: "psst", flags: EPHEMERAL })).status).toBe(204);
    expect((await anyone.request("POST", thread.path, { content: "x" })).body.code).toBe(Code.ThreadLocked);
    expect((await anyone.request("POST", thread.path, { content: "x", flags: EPHEMERAL })).status).toBe(200);
    expect(await thread.said()).toEqual([]);
  });

  test("nothing is changed, filled in or added, and deleted only while it is active", async () => {
    await thread.answer({ content: "first" });
    const deferred = await used();
    await deferred.answer({}, 5);
    for (const [state, code] of [
      [{ locked: true }, Code.ThreadLocked],
      [{ archived: true }, Code.InvalidActionOnArchivedThread],
    ] as const) {
      for (const each of [thread, deferred]) {
        await each.becomes(state);
        for (const [method, path] of [["POST", each.path] as const, ["PATCH", each.original] as const]) {
          expect((await anyone.request(method, path, { content: "x" })).body.code).toBe(code);
        }
      }
    }
    const refusal = await anyone.request("DELETE", thread.original);
    expect(refusal.body.code).toBe(Code.InvalidActionOnArchivedThread);
    expect([await thread.said(), await deferred.said()]).toEqual([["first"], [""]]);
    await thread.becomes({ archived: false });
    await anyone.delete(thread.original);
    expect(await thread.said()).toEqual([]);
  });

  test("an application that manages threads goes on, and it stays locked", async () => {
    const mine = await used(moderating, commands.mod);
    await mine.becomes({ locked: true });
    expect((await mine.answer({ content: "first" })).status).toBe(204);
    await anyone.patch(mine.original, { content: "changed" });
    await mine.becomes({ archived: true });
    await anyone.post(mine.path, { content: "more" });
    expect(await mine.said()).toEqual(["more", "changed"]);
    expect(await mine.state()).toMatchObject({ archived: false, locked: true });
  });
});
