import { createHmac, createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

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

/** Reading a key takes as long as half a signature. Goes with the seed. */
const privateKeys = new WeakMap<Buffer, KeyObject>();

function toPrivateKey(seed: Buffer): KeyObject {
  if (seed.length !== KEY_BYTES) throw new RangeError(`an Ed25519 seed has ${KEY_BYTES} bytes, not ${seed.length}`);
  let key = privateKeys.get(seed);
  if (key === undefined) {
    key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: "der", type: "pkcs8" });
    privateKeys.set(seed, key);
  }
  return key;
}

/** What a receiver of Standard Webhooks verifies with. The specification asks for 24 to 64 random bytes. */
const SECRET_PREFIX = "whsec_";
const SECRET_BYTES = { fewest: 24, most: 64, ours: 32 };

/** A new secret in the form in which it is shown. */
export function newSigningSecret(): string {
  return SECRET_PREFIX + randomBytes(SECRET_BYTES.ours).toString("base64");
}

/** The bytes of a secret that somebody wrote; undefined when it is none. */
export function parseSigningSecret(text: string): Buffer | undefined {
  const encoded = text.startsWith(SECRET_PREFIX) ? text.slice(SECRET_PREFIX.length) : "";
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.length < SECRET_BYTES.fewest || bytes.length > SECRET_BYTES.most) return undefined;
  return bytes.toString("base64") === encoded ? bytes : undefined;
}

/** A body as it is sent, and the time at which it is signed. */
export interface Stamped {
  /** Seconds since 1970, of this attempt. */
  timestamp: string;
  /** The timestamp's text followed by the body: what Discord's signature is over. */
  bytes: Buffer<ArrayBuffer>;
  /** The body in it. */
  body: Buffer<ArrayBuffer>;
}

/** Encodes a body once, for all signatures and for sending. @param timestampSeconds since 1970, of this attempt */
export function stamp(body: string, timestampSeconds: number): Stamped {
  const timestamp = String(timestampSeconds);
  const bytes = Buffer.from(timestamp + body);
  return { timestamp, bytes, body: bytes.subarray(timestamp.length) };
}

/**
 * Discord's headers: the signature, in hex, is over the timestamp's text followed by the body.
 * https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint-validating-security-request-headers
 */
export function signRequest(seed: Buffer, { timestamp, bytes }: Stamped) {
  return {
    "X-Signature-Ed25519": sign(null, bytes, toPrivateKey(seed)).toString("hex"),
    "X-Signature-Timestamp": timestamp,
  };
}

/** What a delivery is signed with. */
export interface SigningKeys {
  /** Ed25519. */
  seed: Buffer;
  /** Secrets that are valid now: two while one takes the other's place, none where the public key is all there is. */
  secrets: readonly Buffer[];
}

/**
 * The headers of Standard Webhooks 1.0.0, so that its libraries verify as well: the signature is over id, timestamp
 * and body with dots between. The id stays the same over all attempts, the timestamp is of this one. Without a secret
 * it is the asymmetric `v1a`, by the same key as Discord's header.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 * @param id without dots
 */
export function signStandard({ seed, secrets }: SigningKeys, id: string, { timestamp, body }: Stamped) {
  const before = `${id}.${timestamp}.`;
  const signatures = secrets.map((secret) => {
    return `v1,${createHmac("sha256", secret).update(before).update(body).digest("base64")}`;
  });
  if (signatures.length === 0) {
    const signed = Buffer.concat([Buffer.from(before), body]);
    signatures.push(`v1a,${sign(null, signed, toPrivateKey(seed)).toString("base64")}`);
  }
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signatures.join(" "),
  };
}
