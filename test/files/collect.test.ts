import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";
import { afterAll, describe, expect, test } from "vitest";
import { type Ages, collectFiles } from "../../src/files/collect.ts";
import { diskStore } from "../../src/files/disk.ts";
import { attachmentKey, imageKey } from "../../src/files/store.ts";
import { eraseDeleted } from "../../src/store/messages.ts";
import type { Json } from "../harness/client.ts";
import { form, png } from "../harness/forms.ts";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const messages = `/channels/${guild.channelId}/messages`;
const sql = postgres(platform.stores.databaseUrl, { max: 4, onnotice: () => {} });
afterAll(() => sql.end());
const root = join(platform.stores.dir, "files");
const files = diskStore(root);

const AT_ONCE: Ages = { fileMs: -1000, imageMs: -1000 };
const collect = (ages = AT_ONCE) => collectFiles({ sql, files }, ages);
const isStored = (key: string) =>
  access(join(root, key)).then(
    () => true,
    () => false,
  );
const send = (...names: string[]): Promise<Json> =>
  owner.post(messages, form({}, ...names.map((name): [string, string] => [name, name])));
const keysOf = (message: Json): string[] => message.attachments.map(({ id }: Json) => attachmentKey(id));
const stored = async (message: Json) => Promise.all(keysOf(message).map(isStored));

describe("attachments", () => {
  test("stay as long as a message has them", async () => {
    const message = await send("a.txt", "b.txt");
    expect(await collect()).toBe(0);
    expect(await stored(message)).toEqual([true, true]);
  });

  test("go when an edit drops them, and not before their time", async () => {
    const message = await send("keep.txt", "drop.txt");
    await owner.patch(`${messages}/${message.id}`, { attachments: [{ id: message.attachments[0].id }] });
    expect(await collect({ fileMs: 3600_000, imageMs: 3600_000 })).toBe(0);
    expect(await collect()).toBe(1);
    expect(await stored(message)).toEqual([true, false]);
    expect((await owner.get(`${messages}/${message.id}`)).attachments).toHaveLength(1);
  });

  test("outlive a deleted message until it is erased", async () => {
    const message = await send("deleted.txt");
    await owner.delete(`${messages}/${message.id}`);
    expect(await collect()).toBe(0);
    expect(await stored(message)).toEqual([true]);
    expect(await eraseDeleted(sql, new Date(Date.now() - 60_000))).toBe(0);
    expect(await eraseDeleted(sql, new Date(Date.now() + 60_000))).toBe(1);
    expect(await eraseDeleted(sql, new Date(Date.now() + 60_000))).toBe(0);
    expect(await collect()).toBe(1);
    expect(await stored(message)).toEqual([false]);
  });

  test("go with their channel and with their guild", async () => {
    const other = await platform.guild(owner);
    const channel = await owner.post(`/guilds/${other.id}/channels`, { name: "going" });
    const inChannel = await owner.post(`/channels/${channel.id}/messages`, form({}, ["c.txt", "c"]));
    const inGuild = await owner.post(`/channels/${other.channelId}/messages`, form({}, ["g.txt", "g"]));
    await owner.delete(`/channels/${channel.id}`);
    expect(await collect()).toBe(1);
    await owner.delete(`/guilds/${other.id}`);
    expect(await collect()).toBe(1);
    expect([...(await stored(inChannel)), ...(await stored(inGuild))]).toEqual([false, false]);
  });

  test("that a forward has as well stay with it", async () => {
    const original = await send("forwarded.txt");
    const reference = { type: 1, message_id: original.id, channel_id: guild.channelId };
    const forward = await owner.post(messages, { message_reference: reference });
    await owner.delete(`${messages}/${original.id}`);
    await eraseDeleted(sql, new Date(Date.now() + 60_000));
    expect(await collect()).toBe(0);
    expect(await stored(original)).toEqual([true]);
    await owner.delete(`${messages}/${forward.id}`);
    await eraseDeleted(sql, new Date(Date.now() + 60_000));
    expect(await collect()).toBe(1);
  });

  test("whose message never came go", async () => {
    const nonce = { nonce: "once", enforce_nonce: true };
    const first = await owner.post(messages, form(nonce, ["first.txt", "1"]));
    const again = await owner.post(messages, form(nonce, ["again.txt", "2"]));
    expect(again).toEqual(first);
    expect(await collect()).toBe(1);
    expect(await stored(first)).toEqual([true]);
  });
});

describe("images", () => {
  const uri = (side: number) => `data:image/png;base64,${png(side, side).toString("base64")}`;

  test("stay while anything has them", async () => {
    const { avatar } = await owner.patch("/users/@me", { avatar: uri(7) });
    const { icon } = await owner.patch(`/guilds/${guild.id}`, { icon: uri(7) });
    expect(icon).toBe(avatar);
    expect(await collect()).toBe(0);
    await owner.patch("/users/@me", { avatar: null });
    expect(await collect()).toBe(0);
    await owner.patch(`/guilds/${guild.id}`, { icon: null });
    expect(await collect({ ...AT_ONCE, imageMs: 3600_000 })).toBe(0);
    expect(await collect()).toBe(1);
    expect(await isStored(imageKey(avatar))).toBe(false);
    const application = await owner.post("/applications", { name: "App" });
    const { cover_image } = await owner.patch(`/applications/${application.id}`, { cover_image: uri(8) });
    expect(await collect()).toBe(0);
    expect(await isStored(imageKey(cover_image))).toBe(true);
    await owner.patch(`/applications/${application.id}`, { cover_image: null });
    expect(await collect()).toBe(1);
    expect((await owner.patch("/users/@me", { avatar: uri(7) })).avatar).toBe(avatar);
    expect(await isStored(imageKey(avatar))).toBe(true);
  });

  test("of webhooks stay with the messages that show them", async () => {
    const webhook = await owner.post(`/channels/${guild.channelId}/webhooks`, { name: "hook", avatar: uri(9) });
    await platform.anonymous().post(`/webhooks/${webhook.id}/${webhook.token}`, { content: "x" });
    await owner.delete(`/webhooks/${webhook.id}`);
    expect(await collect()).toBe(0);
    expect(await isStored(imageKey(webhook.avatar))).toBe(true);
  });
});

test("one collects at a time, and what can't be removed is tried again", async () => {
  const message = await send("twice.txt");
  await owner.delete(`${messages}/${message.id}`);
  await eraseDeleted(sql, new Date(Date.now() + 60_000));
  let began = () => {};
  let goOn = () => {};
  const started = new Promise<void>((resolve) => {
    began = resolve;
  });
  const pause = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const away = {
    ...files,
    remove: async () => {
      began();
      await pause;
      throw new Error("the store is away");
    },
  };
  const first = collectFiles({ sql, files: away }, AT_ONCE);
  await started;
  expect(await collect()).toBeUndefined();
  goOn();
  await expect(first).rejects.toThrow("away");
  expect(await stored(message)).toEqual([true]);
  expect(await collect()).toBe(1);
  expect(await stored(message)).toEqual([false]);
  expect(await readdir(join(root, "incoming"))).toEqual([]);
});
