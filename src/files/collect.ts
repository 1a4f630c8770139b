import type { Sql } from "../../core/db.ts";
import { deleteFile, dueFiles, keepAttachedFiles } from "../store/files.ts";
import { deleteImage, dueImages, keepUsedImages } from "../store/images.ts";
import { attachmentKey, type FileStore, imageKey } from "./store.ts";

/** Any constant that no other advisory lock has: the letters "files" as a number. */
const LOCK = 0x66696c6573;
const BATCH = 200;
/** At most so many of each kind at a time: what is left waits for the next. */
const MAX_BATCHES = 10;
/** An upload's message comes within minutes, or never. */
const FILE_AGE_MS = 3600_000;
const IMAGE_AGE_MS = 24 * 3600_000;

export interface Ages {
  fileMs: number;
  imageMs: number;
}

/**
 * Removes files that no message has, and images that nobody has, some time after that began. Of several processes one
 * works. A row goes with its file or not at all: what can't be removed now is tried again.
 * @returns how many went; undefined when another process is at it
 */
export async function collectFiles(
  app: { sql: Sql; files: FileStore },
  ages: Ages = { fileMs: FILE_AGE_MS, imageMs: IMAGE_AGE_MS },
): Promise<number | undefined> {
  const connection = await app.sql.reserve();
  try {
    const [row] = await connection<{ mine: boolean }[]>`select pg_try_advisory_lock(${LOCK}) as mine`;
    if (row?.mine !== true) return undefined;
    try {
      return (await collectAttachments(app, ages.fileMs)) + (await collectImages(app, ages.imageMs));
    } finally {
      await connection`select pg_advisory_unlock(${LOCK})`;
    }
  } finally {
    connection.release();
  }
}

async function collectAttachments({ sql, files }: { sql: Sql; files: FileStore }, ageMs: number): Promise<number> {
  const before = new Date(Date.now() - ageMs);
  let gone = 0;
  for (let i = 0; i < MAX_BATCHES; i++) {
    const ids = await dueFiles(sql, before, BATCH);
    await keepAttachedFiles(sql, ids, before);
    for (const id of ids) {
      const removed = await sql.begin(async (tx) => {
        if (!(await deleteFile(tx, id, before))) return false;
        await files.remove(attachmentKey(id));
        return true;
      });
      if (removed) gone += 1;
    }
    if (ids.length < BATCH) break;
  }
  return gone;
}

async function collectImages({ sql, files }: { sql: Sql; files: FileStore }, ageMs: number): Promise<number> {
  const before = new Date(Date.now() - ageMs);
  let gone = 0;
  for (let i = 0; i < MAX_BATCHES; i++) {
    const hashes = await dueImages(sql, before, BATCH);
    await keepUsedImages(sql, hashes);
    for (const hash of hashes) {
      const removed = await sql.begin(async (tx) => {
        if (!(await deleteImage(tx, hash, before))) return false;
        await files.remove(imageKey(hash));
        return true;
      });
      if (removed) gone += 1;
    }
    if (hashes.length < BATCH) break;
  }
  return gone;
}
