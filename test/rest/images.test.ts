import { readdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import type { Client } from "../harness/client.ts";
import { png } from "../harness/forms.ts";
import { startPlatform } from "../harness/platform.ts";
import { expectRefusal } from "./refusal.ts";
import { expectShape } from "./shape.ts";

const platform = await startPlatform({ apis: 2 });
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const cdn = `${platform.url()}/cdn`;

const dataUri = (bytes: Buffer, type = "image/png") => `data:${type};base64,${bytes.toString("base64")}`;
const picture = (background: string, width = 40, height = 20) =>
  sharp({ create: { width, height, channels: 4, background } });
const still = dataUri(await picture("red").png().toBuffer());
const frames = await Promise.all(["red", "lime", "blue"].map((colour) => picture(colour).png().toBuffer()));
const moving = dataUri(
  await sharp(frames, { join: { animated: true } })
    .gif()
    .toBuffer(),
  "image/gif",
);
const HASH = /^[0-9a-f]{32}$/;

const fetched = async (path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(`${cdn}/${path}`, { headers });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
};
const measured = async (path: string) => {
  const { status, headers, bytes } = await fetched(path);
  if (status !== 200) return status;
  const { format, width, height, pages = 1 } = await sharp(bytes, { animated: true }).metadata();
  return [headers.get("content-type"), format, width, height / pages, pages];
};

describe("images as data URIs", () => {
  test("become hashes, of users, guilds, roles, webhooks and applications, and are told of", async () => {
    const socket = await platform.socket(owner);
    const me = await owner.patch("/users/@me", { avatar: still, banner: moving });
    expect(me).toMatchObject({
      avatar: expect.stringMatching(HASH),
      banner: expect.stringMatching(/^a_[0-9a-f]{32}$/),
    });
    expect((await socket.event("USER_UPDATE")).d).toMatchObject({ avatar: me.avatar, banner: me.banner });
    const all = { icon: still, banner: still, splash: still, discovery_splash: still };
    const shown = Object.fromEntries(Object.keys(all).map((field) => [field, me.avatar]));
    expect(await owner.patch(`/guilds/${guild.id}`, all)).toMatchObject(shown);
    expect((await socket.event("GUILD_UPDATE")).d).toMatchObject(shown);
    expect(await owner.get(`/guilds/${guild.id}`)).toMatchObject(shown);
    expect((await owner.get("/users/@me/guilds"))[0]).toMatchObject({ icon: me.avatar, banner: me.avatar });
    expect(await owner.post("/guilds", { name: "With icon", icon: still })).toMatchObject({ icon: me.avatar });
    const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "r", icon: still });
    expect(role.icon).toBe(me.avatar);
    const path = `/guilds/${guild.id}/roles/${role.id}`;
    expect(await owner.patch(path, { icon: null, unicode_emoji: "🔥" })).toMatchObject({
      icon: null,
      unicode_emoji: "🔥",
    });
    const webhook = await owner.post(`/channels/${guild.channelId}/webhooks`, { name: "hook", avatar: still });
    expect(webhook.avatar).toBe(me.avatar);
    const anyone = platform.anonymous();
    const said = await anyone.post(`/webhooks/${webhook.id}/${webhook.token}?wait=true`, { content: "x" });
    expect(said.author.avatar).toBe(me.avatar);
    expect(await anyone.patch(`/webhooks/${webhook.id}/${webhook.token}`, { avatar: null })).toMatchObject({
      avatar: null,
    });
    expect(await owner.patch(`/webhooks/${webhook.id}`, { avatar: moving })).toMatchObject({ avatar: me.banner });
    const application = await owner.post("/applications", { name: "app", icon: still });
    expect(application.icon).toBe(me.avatar);
    expect(await owner.patch(`/applications/${application.id}`, { icon: moving })).toMatchObject({ icon: me.banner });
  });

  test("stay when a body does not name them, and go with null", async () => {
    const person = await platform.person();
    const { avatar } = await person.patch("/users/@me", { avatar: still });
    expect(await person.patch("/users/@me", { global_name: "Name" })).toMatchObject({ avatar });
    expect(await person.patch("/users/@me", { avatar: null })).toMatchObject({ avatar: null });
  });

  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
  test.each([
    ["a URL", "https://example.com/a.png"],
    ["of no type", "data:;base64,AAAA"],
    ["not in base64", "data:image/png,AAAA"],
    ["an SVG", dataUri(svg, "image/svg+xml")],
    ["an SVG that says PNG", dataUri(svg)],
    ["HTML that says PNG", dataUri(Buffer.from("<script>alert(1)</script>"))],
    ["only the beginning of a PNG", dataUri(png(5, 5).subarray(0, 24))],
    ["a PNG without pixels", dataUri(png(100, 100, Buffer.alloc(3)))],
    ["a bomb", dataUri(png(30_000, 30_000, Buffer.alloc(1000)))],
    ["nothing", "data:image/png;base64,"],
    ["not to be decoded", "data:image/png;base64,!!!!"],
  ])("%s: refused", async (_what, avatar) => {
    const answer = await owner.request("PATCH", "/users/@me", { avatar });
    expectRefusal(answer, 400, 50035);
    expect(answer.body.errors.avatar._errors[0].code).toBe("IMAGE_INVALID");
  });

  test("beyond ten megabytes are refused, just below are taken", async () => {
    const padded = (size: number) => {
      const bytes = png(5, 5);
      return dataUri(Buffer.concat([bytes, Buffer.alloc(size - bytes.length)]));
    };
    const large = await owner.request("PATCH", "/users/@me", { avatar: padded(10 * 1024 * 1024 + 1) });
    expectRefusal(large, 400, 50035);
    expect(large.body.errors.avatar._errors[0].code).toBe("BINARY_TYPE_MAX_SIZE");
    expect((await owner.request("PATCH", "/users/@me", { avatar: padded(10 * 1024 * 1024) })).status).toBe(200);
    const absurd = { avatar: `data:image/png;base64,${"A".repeat(30 * 1024 * 1024)}` };
    expectRefusal(await owner.request("PATCH", "/users/@me", absurd), 413, 40005);
  });

  test("from who may not change the thing are not stored", async () => {
    const stored = async () => (await readdir(join(platform.stores.dir, "files/images"), { recursive: true })).length;
    const before = await stored();
    const stranger = await platform.person("stranger");
    const secret = dataUri(await picture("#123456").png().toBuffer());
    const tries: [Client, string, string][] = [
      [stranger, "PATCH", `/guilds/${guild.id}`],
      [stranger, "POST", `/guilds/${guild.id}/roles`],
      [platform.anonymous(), "PATCH", "/users/@me"],
    ];
    for (const [client, method, path] of tries) {
      expect([401, 403]).toContain((await client.request(method, path, { icon: secret, avatar: secret })).status);
    }
    expect(await stored()).toBe(before);
  });
});

describe("the CDN", () => {
  test("gives an image in every format and size, as wide as it is at most, and never what was uploaded", async () => {
    const { avatar, banner } = await owner.patch("/users/@me", { avatar: still, banner: moving });
    expect(await measured(`avatars/${owner.id}/${avatar}.png`)).toEqual(["image/png", "png", 40, 20, 1]);
    expect(await measured(`avatars/${owner.id}/${avatar}.png?size=16`)).toEqual(["image/png", "png", 16, 8, 1]);
    expect(await measured(`avatars/${owner.id}/${avatar}.webp?size=4096`)).toEqual(["image/webp", "webp", 40, 20, 1]);
    expect(await measured(`icons/${guild.id}/${avatar}.jpg?size=32`)).toEqual(["image/jpeg", "jpeg", 32, 16, 1]);
    expect(await measured(`banners/${owner.id}/${banner}.gif`)).toEqual(["image/gif", "gif", 40, 20, 3]);
    expect(await measured(`banners/${owner.id}/${banner}.png`)).toEqual(["image/png", "png", 40, 20, 1]);
    expect(await measured(`banners/${owner.id}/${banner}.webp`)).toEqual(["image/webp", "webp", 40, 20, 1]);
    const moves = await measured(`banners/${owner.id}/${banner}.webp?animated=true&size=16`);
    expect(moves).toEqual(["image/webp", "webp", 16, 8, 3]);
    const polyglot = dataUri(Buffer.concat([png(4, 4), Buffer.from("<script>alert(1)</script>")]));
    const { avatar: other } = await owner.patch("/users/@me", { avatar: polyglot });
    expect((await fetched(`avatars/${owner.id}/${other}.png`)).bytes.includes("script")).toBe(false);
  });

  test("gives it from any API process, to be kept for ever", async () => {
    const { avatar } = await owner.patch("/users/@me", { avatar: still });
    const path = `avatars/${owner.id}/${avatar}.webp?size=64`;
    const first = await fetched(path);
    const elsewhere = await fetch(`${platform.url(1)}/cdn/${path}`);
    expect(Buffer.from(await elsewhere.arrayBuffer()).equals(first.bytes)).toBe(true);
    expect(Object.fromEntries(first.headers)).toMatchObject({
      "cache-control": "public, max-age=31536000, immutable",
      "x-content-type-options": "nosniff",
      "access-control-allow-origin": "*",
    });
    const again = await fetched(path, { "if-none-match": first.headers.get("etag") ?? "" });
    expect([again.status, again.bytes.length]).toEqual([304, 0]);
  });

  test("has pictures for those who have none", async () => {
    for (let i = 0; i < 6; i++) {
      expect(await measured(`embed/avatars/${i}.png`)).toEqual(["image/png", "png", 256, 256, 1]);
    }
    expect(await measured("embed/avatars/6.png")).toBe(404);
  });

  test("refuses sizes, formats and hashes that are none", async () => {
    const { avatar } = await owner.patch("/users/@me", { avatar: still });
    for (const size of ["0", "15", "100", "8192", "-16", "1e3", "64.0", ""]) {
      expect(await measured(`avatars/${owner.id}/${avatar}.png?size=${size}`), size).toBe(400);
    }
    const none = [
      `${avatar}.gif`,
      `${avatar}.svg`,
      `${avatar}`,
      `a_${avatar}.png`,
      `${"0".repeat(32)}.png`,
      "..%2f..%2fsecret.png",
    ];
    for (const file of none) expect(await measured(`avatars/${owner.id}/${file}`), file).toBe(404);
  });
});

test("a member's own pictures in a guild are in its object, its events and the log, and go with the next", async () => {
  const owner = await platform.person("host");
  const guild = await platform.guild(owner, "Faces");
  const member = await platform.person("face");
  await platform.join(owner, guild, member);
  const socket = await platform.socket(owner);
  const [avatar, banner] = [png(5, 7), png(9, 3)].map((bytes) => `data:image/png;base64,${bytes.toString("base64")}`);
  const path = `/guilds/${guild.id}/members/@me`;
  const shown = await member.patch(path, { avatar, banner, bio: "About me" });
  expectShape("PrivateGuildMemberResponse", shown);
  expect(shown.avatar).toMatch(/^[0-9a-f]{32}$/);
  expect(shown.banner).not.toBe(shown.avatar);
  expect(shown.user.avatar).toBeNull();
  await socket.event("GUILD_MEMBER_UPDATE", (d) => d.user.id === member.id && d.avatar === shown.avatar);
  for (const [kind, hash] of [
    ["avatars", shown.avatar],
    ["banners", shown.banner],
  ]) {
    const answer = await fetch(`${platform.url()}/cdn/guilds/${guild.id}/users/${member.id}/${kind}/${hash}.png`);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "image/png"]);
  }
  expect(await owner.get(`/guilds/${guild.id}/members/${member.id}`)).toMatchObject({ banner: shown.banner });
  const said = await member.post(`/channels/${guild.channelId}/messages`, { content: "hello" });
  const { d } = await socket.event("MESSAGE_CREATE", (each) => each.id === said.id);
  expect(d.member).toMatchObject({ avatar: shown.avatar, banner: shown.banner });
  const { audit_log_entries: entries } = await owner.get(`/guilds/${guild.id}/audit-logs?action_type=24`);
  expect(entries[0].changes).toEqual([
    { key: "avatar_hash", new_value: shown.avatar },
    { key: "banner_hash", new_value: shown.banner },
  ]);
  expect(await member.patch(path, { avatar: null })).toMatchObject({ avatar: null, banner: shown.banner });
  socket.close();
});
