import type { Readable } from "node:stream";

/** A file on this machine's disk, as it was received. */
export interface LocalFile {
  path: string;
  size: number;
  /** In hexadecimal digits. */
  sha256: string;
}

/** Bytes, both ends included. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * Where files are kept: a folder or a bucket that all API processes share. Keys are made by us, of letters, digits and
 * slashes. What is under a key never changes.
 */
export interface FileStore {
  /** Takes a local file in; its path may be gone afterwards. Another under the same key is replaced. */
  put(key: string, file: LocalFile): Promise<void>;
  /** The file's bytes; undefined when there is none under the key. */
  get(key: string, range?: ByteRange): Promise<Readable | undefined>;
  /** Removes a file, if there is one. */
  remove(key: string): Promise<void>;
}

/** Ids count time in their upper bits: the lower digits spread files over a hundred folders. */
export const attachmentKey = (id: string): string => `attachments/${id.slice(-2).padStart(2, "0")}/${id}`;

export const imageKey = (hash: string): string => `images/${hash.replace("a_", "").slice(0, 2)}/${hash}`;
