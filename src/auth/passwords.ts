import { Argon2id } from "oslo/password";
import { ApiError } from "../errors.ts";

/** Argon2id with 19 MiB, 2 passes, 1 lane: OWASP's minimum. https://cheatsheetseries.owasp.org (Password Storage) */
const argon2id = new Argon2id({ memorySize: 19_456, iterations: 2, parallelism: 1 });

/** Hashes at once; each takes 19 MiB and a thread, so a flood of sign-ins must queue and then be turned away. */
const CONCURRENT = 4;
const QUEUE_LIMIT = 200;

let running = 0;
const waiting: (() => void)[] = [];

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= CONCURRENT) {
    if (waiting.length >= QUEUE_LIMIT) throw new ApiError("TOO_MANY_LOGINS");
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else running += 1;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

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
