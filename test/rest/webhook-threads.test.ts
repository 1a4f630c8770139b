import { expect, test } from "vitest";
import type { Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const anybody = platform.anonymous();
const hook = await owner.post(`/channels/${guild.channelId}/webhooks`, { name: "Builds" });
const path = `/webhooks/${hook.id}/${hook.token}`;

/** A thread with a message of the webhook's in it. */
async function newThread() {
  const { id } = await owner.post(`/channels/${guild.channelId}/threads`, { name: "thread", type: 11 });
  const message = await anybody.post(`${path}?wait=true&thread_id=${id}`, { content: "building" });
  const becomes = (state: object): Promise<Json> => owner.patch(`/channels/${id}`, state);
  return { id, becomes, post: `${path}?thread_id=${id}`, message: `${path}/messages/${message.id}?thread_id=${id}` };
}

test("a webhook's message in an archived thread is read and deleted, and not edited before the thread is open", async () => {
  const thread = await newThread();
  await thread.becomes({ archived: true });
  expect((await anybody.get(thread.message)).content).toBe("building");
  await refused(Code.InvalidActionOnArchivedThread, anybody, "PATCH", thread.message, { content: "passed" });
  await anybody.post(thread.post, { content: "opens it" });
  expect((await anybody.patch(thread.message, { content: "passed" })).content).toBe("passed");
  await thread.becomes({ archived: true });
  await anybody.delete(thread.message);
  expect((await owner.get(`/channels/${thread.id}`)).thread_metadata.archived).toBe(true);
});

test("in a locked thread it is neither edited nor followed by others, and deleted while the thread is active", async () => {
  const thread = await newThread();
  await thread.becomes({ locked: true });
  await refused(Code.ThreadLocked, anybody, "PATCH", thread.message, { content: "passed" });
  await refused(Code.ThreadLocked, anybody, "POST", thread.post, { content: "more" });
  await thread.becomes({ archived: true });
  for (const [method, url] of [
    ["PATCH", thread.message],
    ["POST", thread.post],
    ["DELETE", thread.message],
  ] as const) {
    const body = method === "DELETE" ? undefined : { content: "x" };
    await refused(Code.InvalidActionOnArchivedThread, anybody, method, url, body);
  }
  expect((await anybody.get(thread.message)).content).toBe("building");
  await thread.becomes({ archived: false });
  await anybody.delete(thread.message);
});

test("posts while a thread is archived, opened and locked are in it or refused, never half", async () => {
  const thread = await newThread();
  const posts = Array.from({ length: 20 }, (_, i) =>
    anybody.request("POST", `${thread.post}&wait=1`, { content: `${i}` }),
  );
  const states = [{ archived: true }, { archived: false }, { archived: true, locked: true }];
  const [answers] = await Promise.all([
    Promise.all(posts),
    (async () => {
      for (const state of states) await owner.request("PATCH", `/channels/${thread.id}`, state);
    })(),
  ]);
  for (const { status, body } of answers) {
    if (status !== 200) expect([Code.ThreadLocked, Code.InvalidActionOnArchivedThread]).toContain(body.code);
  }
  const taken = answers.filter(({ status }) => status === 200).map(({ body }) => body.id);
  const there = (await owner.get(`/channels/${thread.id}/messages?limit=100`)).map(({ id }: Json) => id);
  expect(there.toSorted()).toEqual(expect.arrayContaining(taken));
  expect(there).toHaveLength(taken.length + 1);
});
