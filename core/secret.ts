import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "./config.ts";

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * The 32 bytes that seal what is stored but must not be read from a copy of the database. From GUILDHALL_SECRET, or
 * else from the file `secret` in the data folder, which the first process makes.
 */
export async function loadSecret(config: Pick<Config, "secret" | "dataDir">): Promise<Buffer> {
  if (config.secret !== undefined) return createHash("sha256").update(config.secret).digest();
  const file = join(config.dataDir, "secret");
  const text = await readFile(file, "utf8").catch(() => makeSecretFile(config.dataDir, file));
  const secret = Buffer.from(text.trim(), "hex");
  if (secret.length !== 32) throw new Error(`${file} is damaged: it must hold 64 hexadecimal digits.`);
  return secret;
}

/** Several processes may start at once: the file appears whole by its link, and whoever comes second reads that one. */
async function makeSecretFile(dataDir: string, file: string): Promise<string> {
  await mkdir(dataDir, { recursive: true });
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  await writeFile(draft, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600, flag: "wx", flush: true });
  try {
    await link(draft, file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return readFile(file, "utf8");
}

/** A key of 32 bytes for one purpose: what is made with one says nothing of the secret or of the others. RFC 5869 */
export function deriveKey(secret: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "", purpose, 32));
}

/** Encrypts with AES-256-GCM. The result is nonce (12 bytes), tag (16), ciphertext. */
export function seal(secret: Buffer, plaintext: Buffer | string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", secret, nonce, { authTagLength: TAG_BYTES });
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]);
}

/** Undoes `seal`. @throws when it was sealed with another secret, or changed since. */
export function unseal(secret: Buffer, sealed: Buffer): Buffer {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new Error("Too short to have been sealed.");
  const decipher = createDecipheriv("aes-256-gcm", secret, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAuthTag(sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
}
