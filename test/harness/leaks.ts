/** Tokens of people, in either form, hashes of passwords, and the columns that hold hashes. */
const SECRETS = /\bg[ar]_[\w-]{43}\b|\$argon2|password_hash|token_hash/;

/** Where a secret was told that must not be, once each: the test file fails with it (platform.ts). */
export const leaks = new Set<string>();

/** @param text an answer or an event; only `/auth` and `/oauth2/token` tell tokens */
export function noteLeak(where: string, text: string): void {
  if (SECRETS.test(text) && !/ \/(auth|oauth2\/token)/.test(where)) leaks.add(where);
}
