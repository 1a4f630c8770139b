import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import { endpoint } from "../harness/processes.ts";
import { Code, refused } from "../rest/refused.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const newWebhook = () => owner.post(`/channels/${guild.channelId}/webhooks`, { name: "hook" });

test("a leaked token is replaced: the old one is dead at once, on every process", async () => {
  const webhook = await newWebhook();
  const member = await platform.person("member");
  await platform.join(owner, guild, member);
  const anybody = platform.anonymous();
  const post = (token: string) => anybody.request("POST", `/webhooks/${webhook.id}/${token}`, { content: "posted" });
  expect((await post(webhook.token)).status).toBe(204);

  await refused(Code.MissingPermissions, member, "POST", `/webhooks/${webhook.id}/token`);
  const stranger = await platform.person("stranger");
  await refused(Code.MissingAccess, stranger, "POST", `/webhooks/${webhook.id}/token`);
  expect((await anybody.request("POST", `/webhooks/${webhook.id}/token`)).status).toBe(401);

  const socket = await platform.socket(owner);
  const fresh = await owner.post(`/webhooks/${webhook.id}/token`);
  expect(fresh).toEqual({ ...webhook, token: expect.any(String), url: expect.stringContaining(fresh.token) });
  expect(fresh.token).toMatch(/^[\w-]{68}$/);
  expect(fresh.token).not.toBe(webhook.token);
  await socket.event("WEBHOOKS_UPDATE", ({ channel_id }) => channel_id === guild.channelId);
  expect((await post(webhook.token)).body).toMatchObject({ code: Code.InvalidWebhookToken });
  expect((await post(fresh.token)).status).toBe(204);
  expect((await owner.get(`/webhooks/${webhook.id}`)).token).toBe(fresh.token);
  const { audit_log_entries: entries } = await owner.get(`/guilds/${guild.id}/audit-logs?limit=1`);
  expect(entries).toMatchObject([{ action_type: 51, target_id: webhook.id }]);
  expect(JSON.stringify(entries)).not.toContain(fresh.token);
});

test("no log, metric or error has a webhook's token in it, however the request ends", async () => {
  const webhook = await newWebhook();
  let logged = "";
  const env = { ...platform.stores.env, LOG_LEVEL: "trace", RATE_LIMITS: "on" };
  const api = await endpoint("api", 0, env, (text) => {
    logged += text;
  });
  onTestFinished(() => api.stop());
  const url = `http://127.0.0.1:${api.port}`;
  const path = `/webhooks/${webhook.id}/${webhook.token}`;
  const ask = async (method: string, below: string, body?: string) => {
    const init = { method, headers: { "content-type": "application/json" }, ...(body === undefined ? {} : { body }) };
    const response = await fetch(`${url}${below}`, init);
    return [response.status, await response.text()] as const;
  };
  const answers = [
    await ask("POST", `/api/v10${path}`, JSON.stringify({ content: "posted" })),
    await ask("POST", `/api${path}/slack`, JSON.stringify({ text: "posted" })),
    await ask("POST", `/api/v10${path}`, "{"),
    await ask("POST", `/api/v10${path}`, JSON.stringify({ content: 7 })),
    await ask("POST", `/api/v10${path}x`, JSON.stringify({ content: "wrong" })),
    await ask("POST", `/api/v10${path}/unknown`, "{}"),
    await ask("PUT", `/api/v10${path}`, "{}"),
    await ask("DELETE", `/api/v10${path}/messages/1`),
    await ask("POST", `/api/v10/webhooks/x/${webhook.token}`, "{}"),
    ...(await Promise.all(
      Array.from({ length: 8 }, () => ask("POST", `/api/v10${path}`, JSON.stringify({ content: "fast" }))),
    )),
  ];
  const statuses = new Set(answers.map(([status]) => status));
  expect([...statuses].sort()).toEqual([200, 204, 400, 401, 404, 405, 429]);
  const [, metrics] = await ask("GET", "/metrics");
  const lines = () => logged.split("\n").filter((line) => line.includes('"msg":"request"'));
  while (lines().length < answers.length) await sleep(50);
  expect(logged).toContain(`/webhooks/${webhook.id}/…`);
  for (const text of [logged, metrics, ...answers.map(([, text]) => text)]) {
    expect(text).not.toContain(webhook.token.slice(0, 20));
  }
});
