import { createHash } from "node:crypto";
import { addressKey } from "../../core/client-address.ts";
import type { App } from "../app.ts";

/**
 * Guesses at passwords. Few by one address at one account; more by one address at any, as it may be an office; and so
 * many at one account from everywhere that its owner is not locked out by somebody who only wants that.
 * https://pages.nist.gov/800-63-4/sp800-63b.html#throttle (no more than 100 in a row at one account)
 */
const ATTEMPT_SECONDS = 300;
const PER_ADDRESS = 5;
const PER_ACCOUNT = { requests: 100, seconds: 3600 };
/** New accounts of one address. */
const REGISTRATIONS = { requests: 20, seconds: 3600 };

/**
 * Counts an attempt to log in before the password is looked at, so that many at once are no way around it.
 * @param login as it was given, or an account's id
 * @returns how to tell that the password was right: then the account's attempts from this address start anew
 * @throws RateLimited
 */
export async function countLogin(app: App, address: string, login: string): Promise<{ succeeded(): Promise<void> }> {
  const from = addressKey(address);
  // Whether there is such an account makes no difference. Hashed: it may be long, and somebody's address.
  const account = createHash("sha256").update(login.toLowerCase()).digest("base64url").slice(0, 22);
  const here = `login:${account}:${from}`;
  const atOne = app.config.loginAttempts;
  await app.limiter.attempt([
    { key: here, requests: atOne, seconds: ATTEMPT_SECONDS },
    { key: `login:${from}`, requests: atOne * PER_ADDRESS, seconds: ATTEMPT_SECONDS },
    { key: `login:${account}`, ...PER_ACCOUNT },
  ]);
  return { succeeded: () => app.limiter.forget(here) };
}

/** @throws RateLimited */
export async function countRegistration(app: App, address: string): Promise<void> {
  await app.limiter.attempt([{ key: `register:${addressKey(address)}`, ...REGISTRATIONS }]);
}
