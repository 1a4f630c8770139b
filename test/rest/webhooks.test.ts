import { expect, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const member = await platform.person("member");
const stranger = await platform.person("stranger");
const anybody = platform.anonymous();
const guild = await platform.guild(owner);
await platform.join(owner, guild, member);

const create = () => owner.post(`/channels/${guild.channelId}/webhooks`, { name: "Build" });
const path = (webhook: { id: string; token: string }) => `/webhooks/${webhook.id}/${webhook.token}`;

test("who manages webhooks sees them with their tokens; who only has the token sees no creator", async () => {
  const webhook = await create();
  expect(webhook).toMatchObject({ type: 1, name: "Build", guild_id: guild.id, channel_id: guild.channelId });
  expect(webhook.token).toMatch(/^[\w-]{68}$/);
  expect(webhook.url).toBe(`${platform.url()}/api/webhooks/${webhook.id}/${webhook.token}`);
  expect(await owner.get(`/webhooks/${webhook.id}`)).toEqual(webhook);
  expect(await owner.get(`/channels/${guild.channelId}/webhooks`)).toContainEqual(webhook);
  expect(await owner.get(`/guilds/${guild.id}/webhooks`)).toContainEqual(webhook);
  const { user, ...rest } = webhook;
  expect(user.id).toBe(owner.id);
  expect(await anybody.get(path(webhook))).toEqual(rest);
});

test("nobody else learns a token, by any route", async () => {
  const webhook = await create();
  for (const url of [
    `/webhooks/${webhook.id}`,
    `/channels/${guild.channelId}/webhooks`,
    `/guilds/${guild.id}/webhooks`,
  ]) {
    expect((await member.request("GET", url)).body.code).toBe(50013);
    expect((await stranger.request("GET", url)).body.code).toBe(50001);
    expect((await anybody.request("GET", url)).status).toBe(401);
  }
});

test.each(["x", "0".repeat(68), "a/b"])("a wrong token (%j) does nothing", async (token) => {
  const webhook = await create();
  for (const [method, body] of [["GET"], ["POST", { content: "x" }], ["PATCH", { name: "x" }], ["DELETE"]] as const) {
    const answer = await anybody.request(method, `/webhooks/${webhook.id}/${encodeURIComponent(token)}`, body);
    expect([401, 404]).toContain(answer.status);
  }
  expect((await owner.get(`/webhooks/${webhook.id}`)).name).toBe("Build");
});

test("execute: with ?wait the message, without it nothing; name and avatar of one's own", async () => {
  const webhook = await create();
  expect((await anybody.request("POST", path(webhook), { content: "quiet" })).status).toBe(204);
  const message = await anybody.post(`${path(webhook)}?wait=true`, { content: "loud", username: "Custom" });
  expect(message).toMatchObject({
    content: "loud",
    webhook_id: webhook.id,
    author: { id: webhook.id, username: "Custom", bot: true, discriminator: "0000" },
  });
  expect(await owner.get(`/channels/${guild.channelId}/messages/${message.id}`)).toEqual(message);
  expect((await anybody.request("POST", path(webhook), {})).body.code).toBe(50006);
  expect((await anybody.request("POST", `${path(webhook)}?thread_id=1`, { content: "x" })).body.code).toBe(10003);
});

test("it moves only to channels of its guild in which the member manages webhooks", async () => {
  const webhook = await create();
  const elsewhere = await platform.guild(owner, "Elsewhere");
  const here = await owner.post(`/guilds/${guild.id}/channels`, { name: "other" });
  const move = (channel_id: string) => owner.request("PATCH", `/webhooks/${webhook.id}`, { channel_id });
  expect((await move(elsewhere.channelId)).body.code).toBe(10003);
  expect((await move(here.id)).body).toMatchObject({ channel_id: here.id });
  const message = await anybody.post(`${path(webhook)}?wait=1`, { content: "moved" });
  expect(message.channel_id).toBe(here.id);
});

test("by its token it can be renamed and deleted, and not moved", async () => {
  const webhook = await create();
  const here = await owner.post(`/guilds/${guild.id}/channels`, { name: "third" });
  const renamed = await anybody.patch(path(webhook), { name: "Renamed", channel_id: here.id });
  expect(renamed).toMatchObject({ name: "Renamed", channel_id: guild.channelId });
  await anybody.delete(path(webhook));
  expect((await anybody.request("GET", path(webhook))).body.code).toBe(10015);
});

test("a channel takes fifteen, also when they are made at once", async () => {
  const channel = await owner.post(`/guilds/${guild.id}/channels`, { name: "many" });
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      owner.request("POST", `/channels/${channel.id}/webhooks`, { name: `hook ${i}` }),
    ),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(15);
  for (const { body } of answers.filter(({ status }) => status !== 200)) expect(body.code).toBe(30007);
});

test("a deleted channel takes its webhooks along, a deleted webhook leaves its messages", async () => {
  const channel = await owner.post(`/guilds/${guild.id}/channels`, { name: "brief" });
  const webhook = await owner.post(`/channels/${channel.id}/webhooks`, { name: "brief" });
  await owner.delete(`/channels/${channel.id}`);
  expect((await anybody.request("POST", path(webhook), { content: "x" })).body.code).toBe(10015);
  const other = await create();
  const message = await anybody.post(`${path(other)}?wait=true`, { content: "stays" });
  await owner.delete(`/webhooks/${other.id}`);
  expect((await owner.get(`/channels/${guild.channelId}/messages/${message.id}`)).author.username).toBe("Build");
});

test("tokens are sealed in the database", async () => {
  const webhook = await create();
  const { default: postgres } = await import("postgres");
  const sql = postgres(platform.stores.databaseUrl, { max: 1 });
  const [row] = await sql`select token from webhooks where id = ${webhook.id}`;
  await sql.end();
  expect(row?.token.includes(Buffer.from(webhook.token))).toBe(false);
});
