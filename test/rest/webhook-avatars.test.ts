import { createServer } from "node:http";
import { afterAll, expect, test } from "vitest";
import { png } from "../harness/forms.ts";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const IMAGE = `data:image/png;base64,${png(4, 4).toString("base64")}`;
const hook = await owner.post(`/channels/${guild.channelId}/webhooks`, { name: "hook", avatar: IMAGE });

/** What was asked for, in order. */
const asked: string[] = [];
const server = createServer((request, response) => {
  const path = request.url ?? "";
  asked.push(path);
  if (path === "/silent") return;
  if (path.startsWith("/moved")) {
    const to = path === "/moved" ? "/picture.png?moved" : path;
    response.writeHead(302, { location: to }).end();
  } else if (path === "/inward") response.writeHead(302, { location: "http://10.0.0.1/picture.png" }).end();
  else if (path === "/text") response.writeHead(200, { "content-type": "image/png" }).end("<script>");
  else if (path === "/gone") response.writeHead(404).end(png(2, 2));
  else response.writeHead(200).end(png(8, path.length));
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
const address = server.address();
const base = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;

const post = (body: object) =>
  platform.anonymous().post(`/webhooks/${hook.id}/${hook.token}?wait=true`, { content: "x", ...body });
const avatarOf = async (url: string): Promise<string> => (await post({ avatar_url: url })).author.avatar;

test("avatar_url is the picture of that message alone, kept here and asked for once", async () => {
  const message = await post({ avatar_url: `${base}/picture.png`, username: "Somebody" });
  const { author } = message;
  expect(author).toMatchObject({ id: hook.id, username: "Somebody" });
  expect(author.avatar).not.toBe(hook.avatar);
  const picture = await fetch(`${platform.url()}/cdn/avatars/${hook.id}/${author.avatar}.png`);
  expect(picture.headers.get("content-type")).toBe("image/png");
  expect(await avatarOf(`${base}/picture.png`)).toBe(author.avatar);
  expect(asked.filter((path) => path === "/picture.png")).toHaveLength(1);
  const read = await owner.get(`/channels/${guild.channelId}/messages/${message.id}`);
  expect(read.author.avatar).toBe(author.avatar);
  expect((await post({})).author.avatar).toBe(hook.avatar);
  expect((await post({ avatar_url: "" })).author.avatar).toBe(hook.avatar);
  const answer = await fetch(`${platform.url()}/api/webhooks/${hook.id}/${hook.token}/slack`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ text: "from Slack", icon_url: `${base}/slack.png` }),
  });
  expect(answer.status).toBe(200);
  expect(asked).toContain("/slack.png");
});

test("redirects are followed, a few, and never to an address that may not be called", async () => {
  expect(await avatarOf(`${base}/moved`)).not.toBe(hook.avatar);
  expect(await avatarOf(`${base}/moved/for/ever`)).toBe(hook.avatar);
  expect(asked.filter((path) => path === "/moved/for/ever")).toHaveLength(4);
  expect(await avatarOf(`${base}/inward`)).toBe(hook.avatar);
  expect(await avatarOf("http://10.0.0.1/picture.png")).toBe(hook.avatar);
});

test("what is no picture, isn't there or never comes leaves the webhook's own", async () => {
  for (const path of ["/text", "/gone", "/silent"]) expect(await avatarOf(base + path), path).toBe(hook.avatar);
  expect(await avatarOf("http://127.0.0.1:1/nobody.png")).toBe(hook.avatar);
});
