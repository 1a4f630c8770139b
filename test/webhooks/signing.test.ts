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
  stamp,
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

/** RFC 8032, section 7.1: tests 1, 2, 3 and SHA(abc). */
const VECTORS = [
  {
    seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    publicKey: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    message: "",
    signature:
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  },
  {
    seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    publicKey: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    message: "72",
    signature:
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  },
  {
    seed: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    publicKey: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    message: "af82",
    signature:
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  },
  {
    seed: "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
    publicKey: "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
    message:
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    signature:
      "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
  },
];

test.each(VECTORS)("tweetnacl agrees with RFC 8032 about seed $seed, and we with tweetnacl", (vector) => {
  const hex = (text: string) => bytes(Buffer.from(text, "hex"));
  const { publicKey, secretKey } = nacl.sign.keyPair.fromSeed(hex(vector.seed));
  expect(publicKey).toEqual(hex(vector.publicKey));
  expect(nacl.sign.detached(hex(vector.message), secretKey)).toEqual(hex(vector.signature));
  // What is signed begins with a time, which no vector does.
  const signature = signRequest(Buffer.from(vector.seed, "hex"), stamp(BODY, 1))["X-Signature-Ed25519"];
  expect(hex(signature)).toEqual(nacl.sign.detached(bytes(`1${BODY}`), secretKey));
});

test("Discord's headers sign the timestamp and the body", () => {
  const { seed } = generateKeyPair();
  const expected = nacl.sign.detached(bytes(`1700000000${BODY}`), nacl.sign.keyPair.fromSeed(bytes(seed)).secretKey);
  expect(signRequest(seed, stamp(BODY, 1_700_000_000))).toEqual({
    "X-Signature-Ed25519": Buffer.from(expected).toString("hex"),
    "X-Signature-Timestamp": "1700000000",
  });
});

test("Standard Webhooks' headers sign the id, the timestamp and the body, with dots between", () => {
  const { seed } = generateKeyPair();
  const signed = bytes(`123.1700000000.${BODY}`);
  const expected = nacl.sign.detached(signed, nacl.sign.keyPair.fromSeed(bytes(seed)).secretKey);
  expect(signStandard({ seed, secrets: [] }, "123", stamp(BODY, 1_700_000_000))).toEqual({
    "webhook-id": "123",
    "webhook-timestamp": "1700000000",
    "webhook-signature": `v1a,${Buffer.from(expected).toString("base64")}`,
  });
});

test("what is no seed is refused", () => {
  expect(() => signRequest(Buffer.alloc(31), stamp(BODY, 1))).toThrow(RangeError);
  expect(() => signRequest(Buffer.alloc(64), stamp(BODY, 1))).toThrow(RangeError);
});

test("the vector that all libraries of Standard Webhooks are tested with comes out the same", () => {
  const secret = parseSigningSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  if (secret === undefined) throw new Error("the secret was refused");
  const { seed } = generateKeyPair();
  const keys = { seed, secrets: [secret] };
  expect(signStandard(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", stamp('{"test": 2432232314}', 1_614_265_330))).toEqual({
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
  const headers = signStandard({ seed, secrets }, "123", stamp(BODY, now));
  expect(headers["webhook-signature"].split(" ")).toHaveLength(2);
  for (const secret of [old, fresh]) expect(new Webhook(secret).verify(BODY, headers)).toEqual(JSON.parse(BODY));
  expect(() => new Webhook(other).verify(BODY, headers)).toThrow();
  expect(() => new Webhook(fresh).verify(`${BODY} `, headers)).toThrow();
  const late = signStandard({ seed, secrets }, "123", stamp(BODY, now - 301));
  expect(() => new Webhook(fresh).verify(BODY, late)).toThrow();
});

test("the package discord-interactions verifies", async () => {
  const { publicKey, seed } = generateKeyPair();
  const headers = signRequest(seed, stamp(BODY, 1_700_000_000));
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
