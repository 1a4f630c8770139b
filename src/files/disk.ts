import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import type { FileStore } from "./store.ts";

/** Files in a folder, which may be shared by several machines. @param root on the same file system as what is put in */
export function diskStore(root: string): FileStore {
  return {
    put: async (key, file) => {
      const path = join(root, key);
      await mkdir(dirname(path), { recursive: true });
      // On the disk before it has its name: after a power cut it is there whole, or not.
      const handle = await open(file.path, "r+");
      await handle.sync().finally(() => handle.close());
      await rename(file.path, path);
    },
    get: async (key, range): Promise<Readable | undefined> => {
      const handle = await open(join(root, key), "r").catch(onlyMissing);
      return handle?.createReadStream(range);
    },
    remove: async (key) => {
      await rm(join(root, key), { force: true });
    },
  };
}

function onlyMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
