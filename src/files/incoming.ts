import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { HEAD_BYTES } from "./content-type.ts";
import type { LocalFile } from "./store.ts";

/** A file just received, with its first bytes. */
export interface Received extends LocalFile {
  head: Buffer;
}

/** Where uploads are written while they come in: nothing of them is held in memory but what is just passing. */
export interface Incoming {
  /** Writes what comes to a file of its own; when it does not come to its end, the file goes again. */
  receive(bytes: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<Received>;
  discard(files: readonly LocalFile[]): Promise<void>;
  /** Removes what processes that were killed have left. */
  sweep(): Promise<void>;
}

/** Longer than any request may take: Node ends those after five minutes. */
const LEFT_AFTER_MS = 3600_000;

/** @param dir its own; made when it is first needed */
export function createIncoming(dir: string): Incoming {
  const receive = async (bytes: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<Received> => {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const path = join(dir, randomBytes(16).toString("hex"));
    const handle = await open(path, "wx", 0o600);
    try {
      const hash = createHash("sha256");
      let size = 0;
      let head = Buffer.alloc(0);
      for await (const chunk of bytes) {
        if (head.length < HEAD_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES - head.length)]);
        hash.update(chunk);
        size += chunk.length;
        await handle.write(chunk);
      }
      await handle.close();
      return { path, size, sha256: hash.digest("hex"), head };
    } catch (error) {
      await handle.close().catch(() => {});
      await rm(path, { force: true });
      throw error;
    }
  };
  return {
    receive,
    discard: async (files) => {
      await Promise.all(files.map(({ path }) => rm(path, { force: true })));
    },
    sweep: async () => {
      for (const name of await readdir(dir).catch(() => [])) {
        const path = join(dir, name);
        const age = await stat(path).then(
          ({ mtimeMs }) => Date.now() - mtimeMs,
          () => 0,
        );
        if (age > LEFT_AFTER_MS) await rm(path, { force: true });
      }
    },
  };
}
