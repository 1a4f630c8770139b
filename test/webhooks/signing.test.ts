import nacl from "tweetnacl";
import { expect, test } from "vitest";
import { generateKeyPair, signRequest, signStandard } from "../../core/webhook-signing.ts";

const BODY = '{"version":1,"type":0,"text":"žluťoučký 🐎"}';
const bytes = (data: Uint8Array | string) => new Uint8Array(Buffer.from(data));

test("keys are raw, 32 bytes, and belong together for another implementation too", () => {
  for (let i = 0; i < 20; i++) {
    const { publicKey, seed } = generateKeyPair();
    expect([publicKey.length, seed.length]).toEqual([32, 32]);
    expect(nacl.sign.keyPair.fromSeed(bytes(seed)).publicKey).toEqual(bytes(publicKey));
  }
});

test("a seed gives the public key of RFC 8032, section 7.1", () => {
  const seed = Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex");
  const publicKey = Buffer.from("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "hex");
  const signature = bytes(Buffer.from(signRequest(seed, BODY, 1)["X-Signature-Ed25519"], "hex"));
  expect(nacl.sign.detached.verify(bytes(`1${BODY}`), signature, bytes(publicKey))).toBe(true);
});

test("Discord's headers sign the timestamp and the body", () => {
  const { seed } = generateKeyPair();
  const expected = nacl.sign.detached(bytes(`1700000000${BODY}`), nacl.sign.keyPair.fromSeed(bytes(seed)).secretKey);
  expect(signRequest(seed, BODY, 1_700_000_000)).toEqual({
    "X-Signature-Ed25519": Buffer.from(expected).toString("hex"),
    "X-Signature-Timestamp": "1700000000",
  });
});

test("Standard Webhooks' headers sign the id, the timestamp and the body, with dots between", () => {
  const { seed } = generateKeyPair();
  const signed = bytes(`123.1700000000.${BODY}`);
  const expected = nacl.sign.detached(signed, nacl.sign.keyPair.fromSeed(bytes(seed)).secretKey);
  expect(signStandard(seed, "123", BODY, 1_700_000_000)).toEqual({
    "webhook-id": "123",
    "webhook-timestamp": "1700000000",
    "webhook-signature": `v1a,${Buffer.from(expected).toString("base64")}`,
  });
});

test("what is no seed is refused", () => {
  expect(() => signRequest(Buffer.alloc(31), BODY, 1)).toThrow(RangeError);
  expect(() => signRequest(Buffer.alloc(64), BODY, 1)).toThrow(RangeError);
});
