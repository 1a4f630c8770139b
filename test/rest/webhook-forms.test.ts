import { expect, test } from "vitest";
import type { Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";

// What curl and scripts send: forms, where all is text, and bodies with fields left empty.
const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const anybody = platform.anonymous();

async function newWebhook() {
  const { id: channelId } = await owner.post(`/guilds/${guild.id}/channels`, { name: "builds" });
  const { id, token } = await owner.post(`/channels/${channelId}/webhooks`, { name: "Build" });
  const path = `/webhooks/${id}/${token}`;
  const last = async (): Promise<Json> => (await owner.get(`/channels/${channelId}/messages`))[0];
  return { path, last };
}

const FORM = { "content-type": "application/x-www-form-urlencoded" };
const fields = { content: "hello", username: "CI", tts: "true", flags: "4100" };

test("a form's fields are the message's, those that are no text as well", async () => {
  const { path } = await newWebhook();
  const multipart = new FormData();
  for (const [name, value] of Object.entries(fields)) multipart.set(name, value);
  const encoded = new URLSearchParams(fields).toString();
  for (const [body, headers] of [[multipart], [encoded, FORM]] as const) {
    const { status, body: message } = await anybody.request("POST", `${path}?wait=true`, body, headers);
    expect(status).toBe(200);
    expect(message).toMatchObject({ content: "hello", author: { username: "CI" }, tts: true, flags: 4100 });
  }
  const withNul = new FormData();
  withNul.set("content", "a\0b");
  withNul.set("username", "\0");
  await refused(Code.InvalidFormBodyOrContentType, anybody, "POST", path, withNul);
  withNul.delete("username");
  expect((await anybody.post(`${path}?wait=true`, withNul)).content).toBe("ab");
  for (const wrong of ["tts=perhaps", "flags=-1", "flags=many", "flags=99999999999"]) {
    const answer = await anybody.request("POST", path, `content=x&${wrong}`, FORM);
    expect(answer.body.code).toBe(Code.InvalidFormBodyOrContentType);
  }
});

test("Slack's form comes in all three ways, without files", async () => {
  const { path, last } = await newWebhook();
  const multipart = new FormData();
  multipart.set("payload", JSON.stringify({ text: "in parts" }));
  expect((await anybody.request("POST", `${path}/slack`, multipart)).body).toBe("ok");
  expect((await last()).content).toBe("in parts");
  const bare = new FormData();
  bare.set("text", "a field");
  expect((await anybody.request("POST", `${path}/slack`, bare)).body).toBe("ok");
  expect((await last()).content).toBe("a field");
  bare.set("file", new Blob(["x"]), "x.txt");
  await refused(Code.InvalidFormBodyOrContentType, anybody, "POST", `${path}/slack`, bare);
});

test("an embed that shows nothing is none", async () => {
  const { path } = await newWebhook();
  const empty = [{}, { color: 5, url: "https://example.com" }, { title: "", description: "", fields: [] }];
  await refused(Code.CannotSendAnEmptyMessage, anybody, "POST", path, { embeds: empty });
  const message = await anybody.post(`${path}?wait=true`, { embeds: [...empty, { title: "shown" }] });
  expect(message.embeds).toMatchObject([{ title: "shown" }]);
  const edit = { embeds: empty };
  await refused(Code.CannotSendAnEmptyMessage, anybody, "PATCH", `${path}/messages/${message.id}`, edit);
});

test("icons are on the web or came along; none is as good as one left empty", async () => {
  const { path } = await newWebhook();
  const icon = (url: string) => ({
    embeds: [{ author: { name: "Ada", icon_url: url }, footer: { text: "Foot", icon_url: url } }],
  });
  const post = `${path}?wait=true`;
  const [plain] = (await anybody.post(post, icon(""))).embeds;
  expect(plain).toMatchObject({ author: { name: "Ada" }, footer: { text: "Foot" } });
  expect(JSON.stringify(plain)).not.toContain("icon_url");
  const [shown] = (await anybody.post(post, icon("https://example.com/i.png"))).embeds;
  expect(shown.author.icon_url).toBe("https://example.com/i.png");
  for (const url of ["javascript:alert(1)", "i.png", "ftp://example.com/i.png"]) {
    await refused(Code.InvalidFormBodyOrContentType, anybody, "POST", post, icon(url));
  }
});

test("limits count characters, not their bytes or halves", async () => {
  const { path } = await newWebhook();
  const post = (description: string, more: object = {}) =>
    anybody.request("POST", path, { embeds: [{ description, ...more }] });
  expect((await post("😀".repeat(4096))).status).toBe(204);
  expect((await post("😀".repeat(4097))).status).toBe(400);
  const footer = { text: "😀".repeat(1905) };
  expect((await post("😀".repeat(4096), { footer })).body.code).toBe(Code.InvalidFormBodyOrContentType);
  const laidOut = (...texts: string[]) =>
    anybody.request("POST", `${path}?with_components=true`, {
      flags: 1 << 15,
      components: texts.map((content) => ({ type: 10, content })),
    });
  expect((await laidOut("😀".repeat(3999), "x")).status).toBe(204);
  expect((await laidOut("😀".repeat(3999), "xy")).status).toBe(400);
});

test("a name is more than spaces", async () => {
  const { path } = await newWebhook();
  const message = await anybody.post(`${path}?wait=true`, { content: "x", username: " CI " });
  expect(message.author.username).toBe("CI");
  await refused(Code.InvalidFormBodyOrContentType, anybody, "POST", path, { content: "x", username: "   " });
});

test("Slack's times may be in milliseconds, or beyond: those are left out", async () => {
  const { path, last } = await newWebhook();
  const attachments = [1_795_608_000, 1_795_608_000_000, -1e15].map((ts) => ({ text: `${ts}`, ts }));
  await anybody.post(`${path}/slack`, { attachments });
  const times = (await last()).embeds.map(({ timestamp }: Json) => timestamp);
  expect(times).toEqual(["2026-11-25T12:00:00.000000+00:00", undefined, undefined]);
});
