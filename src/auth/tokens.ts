import { createHash, createHmac, randomBytes } from "node:crypto";

/** SHA-256: right for tokens of 256 random bits, where a slow hash would only invite a flood. */
export function hashToken(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

/** `base64url(bot id).time.secret`: clients read the bot's id from the first part. */
export function newBotToken(botId: string): string {
  const id = Buffer.from(botId).toString("base64url");
  const time = Buffer.alloc(4);
  time.writeUInt32BE(Math.floor(Date.now() / 1000));
  return `${id}.${time.toString("base64url")}.${randomBytes(32).toString("base64url")}`;
}

/** A person's access token: `ga_` and 256 random bits. */
export function newAccessToken(): string {
  return `ga_${randomBytes(32).toString("base64url")}`;
}

export function newRefreshToken(): string {
  return `gr_${randomBytes(32).toString("base64url")}`;
}

const BEARER = "go_";

/** What an application acts for a user with. */
export function newBearerToken(): string {
  return `${BEARER}${randomBytes(32).toString("base64url")}`;
}

/** By its looks alone. */
export const isBearerToken = (token: string): boolean => token.startsWith(BEARER);

/** A code that an application exchanges for tokens. */
export function newCode(): string {
  return randomBytes(32).toString("base64url");
}

export function newClientSecret(): string {
  return `gs_${randomBytes(32).toString("base64url")}`;
}

/**
 * The one successor of a refresh token. Derived, so that an honest retry within the grace time gets the same answer
 * though only hashes are stored.
 */
export function successorOf(refreshToken: string, secret: Buffer): string {
  return `gr_${createHmac("sha256", secret).update(`refresh:${refreshToken}`).digest("base64url")}`;
}
