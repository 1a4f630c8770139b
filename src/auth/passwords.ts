import { Argon2id } from "oslo/password";
import { createTurns } from "../turns.ts";

/** Argon2id with 19 MiB, 2 passes, 1 lane: OWASP's minimum. https://cheatsheetseries.owasp.org (Password Storage) */
const argon2id = new Argon2id({ memorySize: 19_456, iterations: 2, parallelism: 1 });

/** Hashes at once; each takes 19 MiB and a thread, so a flood of sign-ins must queue and then be turned away. */
const CONCURRENT = 4;
const QUEUE_LIMIT = 200;

const inTurn = createTurns(CONCURRENT, QUEUE_LIMIT, "TOO_MANY_LOGINS");

/** PHC string. */
export function hashPassword(password: string): Promise<string> {
  return inTurn(() => argon2id.hash(password));
}

let decoy: Promise<string> | undefined;

/** With a null hash (no such account) it works as long as for a real one and says no. */
export async function verifyPassword(hash: string | null, password: string): Promise<boolean> {
  decoy ??= argon2id.hash("no account has this hash");
  const against = hash ?? (await decoy);
  const matches = await inTurn(() => argon2id.verify(against, password));
  return matches && hash !== null;
}

/** Makes the decoy before the first sign-in, so that this one isn't slower. */
export async function warmUpPasswords(): Promise<void> {
  await verifyPassword(null, "");
}
