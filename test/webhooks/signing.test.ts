import { verifyKey } from "discord-interactions";
import { Webhook } from "standardwebhooks";
import nacl from "tweetnacl";
import { expect, test } from "vitest";
import {
  generateKeyPair,
  newSigningSecret,
  parseSigningSecret,
  signRequest,
  signStandard,
} from "../../core/webhook-signing.ts";

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
  expect(signStandard({ seed, secrets: [] }, "123", BODY, 1_700_000_000)).toEqual({
    "webhook-id": "123",
    "webhook-timestamp": "1700000000",
    "webhook-signature": `v1a,${Buffer.from(expected).toString("base64")}`,
  });
});

test("what is no seed is refused", () => {
  expect(() => signRequest(Buffer.alloc(31), BODY, 1)).toThrow(RangeError);
  expect(() => signRequest(Buffer.alloc(64), BODY, 1)).toThrow(RangeError);
});

test("the vector that all libraries of Standard Webhooks are tested with comes out the same", () => {
  const secret = parseSigningSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  if (secret === undefined) throw new Error("the secret was refused");
  const { seed } = generateKeyPair();
  const keys = { seed, secrets: [secret] };
  expect(signStandard(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', 1_614_265_330)).toEqual({
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

test("the package standardwebhooks verifies, with either secret while two are valid", () => {
  const [old, fresh, other] = [newSigningSecret(), newSigningSecret(), newSigningSecret()];
  const secrets = [fresh, old].flatMap((text) => parseSigningSecret(text) ?? []);
  const { seed } = generateKeyPair();
  const now = Math.floor(Date.now() / 1000);
  const headers = signStandard({ seed, secrets }, "123", BODY, now);
  expect(headers["webhook-signature"].split(" ")).toHaveLength(2);
  for (const secret of [old, fresh]) expect(new Webhook(secret).verify(BODY, headers)).toEqual(JSON.parse(BODY));
  expect(() => new Webhook(other).verify(BODY, headers)).toThrow();
  expect(() => new Webhook(fresh).verify(`${BODY} `, headers)).toThrow();
  const late = signStandard({ seed, secrets }, "123", BODY, now - 301);
  expect(() => new Webhook(fresh).verify(BODY, late)).toThrow();
});

test("the package discord-interactions verifies", async () => {
  const { publicKey, seed } = generateKeyPair();
  const headers = signRequest(seed, BODY, 1_700_000_000);
  const [signature, timestamp] = [headers["X-Signature-Ed25519"], headers["X-Signature-Timestamp"]];
  expect(await verifyKey(BODY, signature, timestamp, publicKey.toString("hex"))).toBe(true);
  expect(await verifyKey(`${BODY} `, signature, timestamp, publicKey.toString("hex"))).toBe(false);
});

test("what is no secret of 24 to 64 bytes is refused", () => {
  const of = (bytes: number) => `whsec_${Buffer.alloc(bytes, 7).toString("base64")}`;
  for (const text of [of(24), of(32), of(64), newSigningSecret()]) expect(parseSigningSecret(text)).toBeDefined();
  for (const text of ["", "whsec_", "secret", of(23), of(65), of(32).slice(6), `${of(32)} `, "whsec_!!!!"]) {
    expect(parseSigningSecret(text)).toBeUndefined();
  }
});
