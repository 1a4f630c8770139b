import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { form, png } from "../harness/forms.ts";
import { addApi, startPlatform } from "../harness/platform.ts";
import { endpoint } from "../harness/processes.ts";
import { rawRequest } from "../harness/raw-http.ts";
import { s3Program, startS3 } from "./s3-server.ts";

const MIB = 1024 * 1024;
const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const messages = `/channels/${guild.channelId}/messages`;

describe("an API process", () => {
  // Where the kernel tells how much a process had at most.
  test.skipIf(process.platform !== "linux")("holds no upload in memory", async () => {
    const api = await endpoint("api", 0, platform.stores.env);
    onTestFinished(() => api.stop());
    const most = () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${api.pid()}/status`, "utf8"))?.[1]) * 1024;
    const upload = (size: number) => {
      const begin = '--b\r\nContent-Disposition: form-data; name="files[0]"; filename="a.bin"\r\n\r\n';
      const piece = Buffer.alloc(MIB, "x");
      const pieces = Array.from({ length: size }, () => piece);
      return rawRequest(`http://127.0.0.1:${api.port}`, "POST", `/api/v10${messages}`, {
        headers: { authorization: owner.token ?? "", "content-type": "multipart/form-data; boundary=b" },
        body: [Buffer.from(begin), ...pieces, Buffer.from("\r\n--b--\r\n")],
      });
    };
    expect((await upload(1)).status).toBe(200);
    const before = most();
    const answers = await Promise.all([upload(24), upload(24), upload(24), upload(24)]);
    expect(answers.map(({ status, body }) => [status, body.attachments?.[0]?.size])).toEqual(
      answers.map(() => [200, 24 * MIB]),
    );
    expect((most() - before) / MIB).toBeLessThan(80);
    const response = await fetch(
      answers[0]?.body.attachments[0].url.replace(/^http:\/\/[^/]+/, `http://127.0.0.1:${api.port}`),
    );
    let bytes = 0;
    for await (const chunk of response.body ?? []) bytes += chunk.length;
    expect(bytes).toBe(24 * MIB);
    expect((await upload(26)).status).toBe(413);
    expect((most() - before) / MIB).toBeLessThan(80);
  });
});

const program = s3Program();
test.skipIf(program === null)("two API processes share a bucket; nothing stays on their own disks", async () => {
  if (program === null) return;
  const server = await startS3(program, platform.stores.dir);
  onTestFinished(() => server.stop());
  const one = await addApi(platform, server.env);
  const two = await addApi(platform, server.env);
  const at = (port: number, url: string) => url.replace(/^http:\/\/[^/]+/, `http://127.0.0.1:${port}`);
  const posting = await platform.person("posting");
  await platform.join(owner, guild, posting);
  posting.api = platform.apis.indexOf(one);
  const picture = png(12, 10);
  const message = await posting.post(messages, form({}, ["picture.png", picture], ["empty.txt", ""]));
  const [shown, empty] = message.attachments;
  const response = await fetch(at(two.port, shown.url));
  expect(Buffer.from(await response.arrayBuffer()).equals(picture)).toBe(true);
  const part = await fetch(at(two.port, shown.url), { headers: { range: "bytes=1-3" } });
  expect([part.status, await part.text()]).toEqual([206, "PNG"]);
  expect([(await fetch(empty.url)).status, await (await fetch(empty.url)).text()]).toEqual([200, ""]);
  const { avatar } = await posting.patch("/users/@me", {
    avatar: `data:image/png;base64,${picture.toString("base64")}`,
  });
  expect((await fetch(`http://127.0.0.1:${two.port}/cdn/avatars/${posting.id}/${avatar}.webp`)).status).toBe(200);
  expect((await readdir(server.bucketDir)).filter((name) => !name.startsWith(".")).sort()).toEqual([
    "attachments",
    "images",
  ]);
  expect(await readdir(join(platform.stores.dir, "files/incoming"))).toEqual([]);

  await server.stop();
  const refused = await posting.request("POST", messages, form({}, ["late.txt", "x"]));
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
  expect((await fetch(at(two.port, shown.url))).status).toBe(503);
  expect(await readdir(join(platform.stores.dir, "files/incoming"))).toEqual([]);
});
