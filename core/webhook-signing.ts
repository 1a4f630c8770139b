import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** The DER that precedes the 32 bytes of an Ed25519 seed in PKCS #8. RFC 8410, section 7 */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");
/** Both are 32 bytes long. RFC 8032, section 5.1.5 */
const KEY_BYTES = 32;

/** A new Ed25519 key: the public key raw, and the seed that the private one is made of, 32 bytes each. */
export function generateKeyPair(): { publicKey: Buffer; seed: Buffer } {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  // The raw key is the end of the DER in both forms.
  return {
    publicKey: publicKey.export({ format: "der", type: "spki" }).subarray(-KEY_BYTES),
    seed: privateKey.export({ format: "der", type: "pkcs8" }).subarray(-KEY_BYTES),
  };
}

function toPrivateKey(seed: Buffer): KeyObject {
  if (seed.length !== KEY_BYTES) throw new RangeError(`an Ed25519 seed has ${KEY_BYTES} bytes, not ${seed.length}`);
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
}

/**
 * Discord's headers: the signature, in hex, is over the timestamp's text followed by the body.
 * https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint-validating-security-request-headers
 * @param body the very text that is sent
 * @param timestampSeconds since 1970, of this attempt
 */
export function signRequest(seed: Buffer, body: string, timestampSeconds: number) {
  const signature = sign(null, Buffer.from(`${timestampSeconds}${body}`), toPrivateKey(seed));
  return {
    "X-Signature-Ed25519": signature.toString("hex"),
    "X-Signature-Timestamp": String(timestampSeconds),
  };
}

/**
 * The headers of Standard Webhooks 1.0.0, so that its libraries verify as well: the signature is over id, timestamp
 * and body with dots between. The id stays the same over all attempts, the timestamp is of this one.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 * @param id without dots
 */
export function signStandard(seed: Buffer, id: string, body: string, timestampSeconds: number) {
  const signature = sign(null, Buffer.from(`${id}.${timestampSeconds}.${body}`), toPrivateKey(seed));
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestampSeconds),
    "webhook-signature": `v1a,${signature.toString("base64")}`,
  };
}
