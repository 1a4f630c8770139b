import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadSecret, seal, unseal } from "../../core/secret.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "guildhall-secret-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the secret", () => {
  it("is made once, however many processes start at once, for their owner's eyes only", async () => {
    const config = { secret: undefined, dataDir: join(folder, "new", "data") };
    const secrets = await Promise.all(Array.from({ length: 20 }, () => loadSecret(config)));
    expect(new Set(secrets.map((secret) => secret.toString("hex"))).size).toBe(1);
    expect(secrets[0]).toHaveLength(32);
    expect(await loadSecret(config)).toEqual(secrets[0]);
    expect((await stat(join(config.dataDir, "secret"))).mode & 0o777).toBe(0o600);
    expect(await readdir(config.dataDir)).toEqual(["secret"]);
  });

  it("comes from the variable where that is set", async () => {
    const config = { secret: "x".repeat(32), dataDir: join(folder, "unused") };
    expect(await loadSecret(config)).toHaveLength(32);
    expect(await loadSecret(config)).toEqual(await loadSecret(config));
    expect(await loadSecret({ ...config, secret: "y".repeat(32) })).not.toEqual(await loadSecret(config));
    await expect(stat(config.dataDir)).rejects.toThrow("ENOENT");
  });

  it("is not taken from a damaged file, and the file is left alone", async () => {
    await writeFile(join(folder, "secret"), "abc\n");
    await expect(loadSecret({ secret: undefined, dataDir: folder })).rejects.toThrow("is damaged");
  });
});

describe("sealing", () => {
  const secret = Buffer.alloc(32, 7);

  it("gives back what was sealed, text or bytes, of any length", () => {
    for (const plaintext of ["", "token", "ünï", Buffer.from([0, 255, 0])]) {
      expect(unseal(secret, seal(secret, plaintext))).toEqual(Buffer.from(plaintext));
    }
  });

  it("never seals the same twice alike", () => {
    expect(seal(secret, "token")).not.toEqual(seal(secret, "token"));
  });

  it("refuses another secret, a changed byte anywhere, and what is cut short", () => {
    const sealed = seal(secret, "token");
    expect(() => unseal(Buffer.alloc(32, 8), sealed)).toThrow();
    for (let i = 0; i < sealed.length; i++) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(i) ^ 1, i);
      expect(() => unseal(secret, changed), `byte ${i}`).toThrow();
    }
    for (let length = 0; length < sealed.length; length++) {
      expect(() => unseal(secret, sealed.subarray(0, length)), `${length} bytes`).toThrow();
    }
  });
});
