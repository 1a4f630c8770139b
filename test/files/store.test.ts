import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterAll, describe, expect, test } from "vitest";
import { loadConfig } from "../../core/config.ts";
import { diskStore } from "../../src/files/disk.ts";
import { createIncoming } from "../../src/files/incoming.ts";
import { s3Store } from "../../src/files/s3.ts";
import type { FileStore } from "../../src/files/store.ts";
import { s3Program, startS3 } from "./s3-server.ts";

const dir = await mkdtemp(join(tmpdir(), "guildhall-files-"));
const incoming = createIncoming(join(dir, "incoming"));
const program = s3Program();
const server = program === null ? null : await startS3(program, dir);
afterAll(async () => {
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
});

function s3(change: Record<string, string> = {}): FileStore {
  const config = loadConfig({ ...server?.env, ...change }).s3;
  if (config === undefined) throw new Error("there is no S3 server");
  return s3Store(config);
}

const stores: [string, FileStore][] = [["a folder", diskStore(dir)]];
if (server !== null) stores.push(["S3", s3()]);

const received = (text: string | Buffer) => incoming.receive([Buffer.from(text)]);
const textOf = async (stream: Readable | undefined) =>
  stream === undefined ? undefined : Buffer.concat(await stream.toArray()).toString();

describe.each(stores)("files in %s", (_name, store) => {
  test("come back as they went in, whole and in part", async () => {
    await store.put("attachments/12/3412", await received("0123456789"));
    expect(await textOf(await store.get("attachments/12/3412"))).toBe("0123456789");
    expect(await textOf(await store.get("attachments/12/3412", { start: 2, end: 4 }))).toBe("234");
    expect(await textOf(await store.get("attachments/12/3412", { start: 9, end: 9 }))).toBe("9");
  });

  test("may be empty, or of many megabytes", async () => {
    await store.put("attachments/00/100", await received(""));
    expect(await textOf(await store.get("attachments/00/100"))).toBe("");
    const large = Buffer.alloc(20 * 1024 * 1024, "large");
    await store.put("attachments/00/200", await received(large));
    const back = Buffer.concat((await (await store.get("attachments/00/200"))?.toArray()) ?? []);
    expect(back.equals(large)).toBe(true);
  });

  test("are replaced under the same key, and may come at once", async () => {
    const puts = Array.from({ length: 10 }, async (_, i) => store.put("images/ab/abc", await received(`${i % 2}`)));
    await Promise.all(puts);
    expect(["0", "1"]).toContain(await textOf(await store.get("images/ab/abc")));
  });

  test("that are not there are undefined, and can be removed all the same", async () => {
    expect(await store.get("attachments/99/1")).toBeUndefined();
    await store.remove("attachments/99/1");
    await store.put("attachments/99/2", await received("x"));
    await store.remove("attachments/99/2");
    expect(await store.get("attachments/99/2")).toBeUndefined();
  });

  test("that are not read to their end hold nothing up", async () => {
    await store.put("attachments/01/1", await received(Buffer.alloc(5_000_000)));
    for (let i = 0; i < 20; i++) (await store.get("attachments/01/1"))?.destroy();
    expect((await (await store.get("attachments/01/1"))?.toArray())?.length).toBeGreaterThan(0);
  });
});

describe.skipIf(server === null)("an S3 store", () => {
  test("refuses wrong keys and changed bytes: nothing is stored", async () => {
    const file = await received("secret");
    await expect(s3({ S3_SECRET_ACCESS_KEY: "wrong" }).put("attachments/05/5", file)).rejects.toThrow(
      "can't be reached",
    );
    const changed = { ...file, sha256: "0".repeat(64) };
    await expect(s3().put("attachments/05/5", changed)).rejects.toThrow("can't be reached");
    expect(await s3().get("attachments/05/5")).toBeUndefined();
  });

  test("that is away, or has no such bucket, is an error and not an absent file", async () => {
    const away = s3({ S3_ENDPOINT: "http://127.0.0.1:1" });
    await expect(away.get("attachments/05/6")).rejects.toMatchObject({ status: 503 });
    await expect(s3({ S3_BUCKET: "none" }).put("attachments/05/6", await received("x"))).rejects.toThrow("bucket");
  });
});

test("a file whose sender stops is gone from where it came in", async () => {
  async function* broken() {
    yield Buffer.from("half");
    throw new Error("gone");
  }
  const own = createIncoming(join(dir, "own"));
  await expect(own.receive(broken())).rejects.toThrow("gone");
  expect(await readdir(join(dir, "own"))).toEqual([]);
});
