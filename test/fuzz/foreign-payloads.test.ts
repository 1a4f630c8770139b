import fc from "fast-check";
import { expect, test } from "vitest";
import type { Answer, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { expectShape } from "../rest/shape.ts";
import { githubEvent, githubPayload, mangled, messageForm, slackPayload } from "./foreign-payloads.ts";

/**
 * Payloads of other platforms' shapes, and forms, to a webhook: no answer is a 500, what is taken is a message within
 * all of Discord's limits, and what has no fault in it is taken.
 * FUZZ_REQUESTS=20000 FUZZ_SEED=7 npx vitest run test/fuzz
 */
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 400);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
const numRuns = Math.ceil(REQUESTS / 4);
/** What is found is told as it is: to make it smaller takes longer than to read it. */
const options = { seed: SEED, numRuns, endOnFailure: true };
const timeout = 60_000 + REQUESTS * 500;

const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const anybody = platform.anonymous();
const hook = await owner.post(`/channels/${guild.channelId}/webhooks`, { name: "Alerts" });
const path = `/webhooks/${hook.id}/${hook.token}`;
const messages = `/channels/${guild.channelId}/messages`;
let last = (await owner.post(messages, { content: "the first" })).id;

/** @returns what was posted, if anything was */
async function outcome({ status, body }: Answer): Promise<Json> {
  const [message] = await owner.get(`${messages}?limit=1`);
  const isNew = message.id !== last;
  last = message.id;
  if (status >= 400) {
    expect([400, 413]).toContain(status);
    expect([40_005, 50_006, 50_035, 50_109, 30_015, 50_159, 50_160, 50_161], JSON.stringify(body)).toContain(body.code);
    expect(isNew).toBe(false);
    return undefined;
  }
  expect([200, 204]).toContain(status);
  if (!isNew) return undefined;
  expectWithinLimits(message);
  return message;
}

const length = (text: string | undefined): number => [...(text ?? "")].length;

function expectWithinLimits(message: Json): void {
  expectShape("MessageResponse", message);
  const { content, embeds, author } = message;
  expect(length(content)).toBeLessThanOrEqual(2000);
  expect(length(author.username)).toBeGreaterThan(0);
  expect(length(author.username)).toBeLessThanOrEqual(80);
  expect(embeds.length).toBeLessThanOrEqual(10);
  let total = 0;
  for (const { title, description, footer, author: by, fields = [], timestamp, ...urls } of embeds) {
    const limits = [
      [title, 256],
      [description, 4096],
      [footer?.text, 2048],
      [by?.name, 256],
      ...fields.flatMap(({ name, value }: Json) => [
        [name, 256],
        [value, 1024],
      ]),
    ];
    for (const [text, limit] of limits) expect(length(text)).toBeLessThanOrEqual(limit);
    for (const { name, value } of fields) expect([length(name), length(value)]).not.toContain(0);
    total += limits.reduce((sum, [text]) => sum + length(text), 0);
    expect(fields.length).toBeLessThanOrEqual(25);
    if (timestamp !== undefined) expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+\+00:00$/);
    const links = [urls.url, urls.image?.url, urls.thumbnail?.url, footer?.icon_url, by?.url, by?.icon_url];
    for (const link of links) if (link !== undefined) expect(link).toMatch(/^(https?|attachment):/i);
  }
  expect(total).toBeLessThanOrEqual(6000);
  expect(content.trim() !== "" || embeds.length + message.attachments.length > 0).toBe(true);
  expect(JSON.stringify(message)).not.toMatch(/\\u0000|\\ud[89a-f]/i);
}

test(
  "Slack's, whole and with something odd in them, in each of the forms they come in",
  async () => {
    const encoded = { "content-type": "application/x-www-form-urlencoded" };
    await fc.assert(
      fc.asyncProperty(slackPayload, fc.boolean(), async (payload, asForm) => {
        const body = asForm ? new URLSearchParams({ payload: JSON.stringify(payload) }).toString() : payload;
        const answer = await anybody.request("POST", `${path}/slack`, body, asForm ? encoded : {});
        // Only what says nothing is refused, and more than a megabyte.
        if (answer.status >= 400) expect([40_005, 50_006]).toContain(answer.body.code);
        await outcome(answer);
      }),
      options,
    );
    await fc.assert(
      fc.asyncProperty(mangled(slackPayload), async (payload) => {
        await outcome(await anybody.request("POST", `${path}/slack`, payload ?? null));
      }),
      options,
    );
  },
  timeout,
);

test(
  "GitHub's events, whole and with something odd in them",
  async () => {
    let shown = 0;
    await fc.assert(
      fc.asyncProperty(githubEvent, githubPayload, async (event, payload) => {
        const answer = await anybody.request("POST", `${path}/github`, payload, { "x-github-event": event });
        expect(answer.status, JSON.stringify(answer.body)).toBe(204);
        const message = await outcome(answer);
        if (message === undefined) return;
        shown++;
        expect(message).toMatchObject({ author: { username: "GitHub" }, mention_everyone: false, mentions: [] });
      }),
      options,
    );
    expect(shown).toBeGreaterThan(numRuns / 10);
    await fc.assert(
      fc.asyncProperty(githubEvent, mangled(githubPayload), async (event, payload) => {
        await outcome(await anybody.request("POST", `${path}/github`, payload ?? null, { "x-github-event": event }));
      }),
      options,
    );
  },
  timeout,
);

test(
  "messages as forms, with files that their JSON speaks of or doesn't",
  async () => {
    await fc.assert(
      fc.asyncProperty(messageForm, async ({ fields, json, files }) => {
        const form = new FormData();
        for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.set(name, value);
        if (json !== undefined) form.set("payload_json", JSON.stringify(json));
        for (const [name, filename, bytes] of files) form.append(name, new Blob([bytes]), filename);
        const message = await outcome(await anybody.request("POST", `${path}?wait=true`, form));
        for (const { filename } of message?.attachments ?? []) expect(filename).toMatch(/^[^/\\]+$/);
      }),
      options,
    );
  },
  timeout,
);
