import { createHash, timingSafeEqual } from "node:crypto";

/** A SHA-256 in base64url. https://datatracker.ietf.org/doc/html/rfc7636#section-4.2 */
export const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

/**
 * Whether who has the code is who asked for it. A verifier for a code without a challenge is wrong too: somebody may
 * have taken the challenge out of the request. https://datatracker.ietf.org/doc/html/rfc9700#section-4.8
 */
export function provesOrigin(challenge: string | null, verifier: string | undefined): boolean {
  if (challenge === null || verifier === undefined) return challenge === null && verifier === undefined;
  if (!VERIFIER.test(verifier)) return false;
  return timingSafeEqual(createHash("sha256").update(verifier).digest(), Buffer.from(challenge, "base64url"));
}
