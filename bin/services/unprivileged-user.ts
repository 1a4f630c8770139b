import { spawnSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { StartupError } from "./startup-error.ts";

/** Whom a server runs as that refuses to run as root. */
export interface User {
  uid: number;
  gid: number;
}

/** The system's names for such a user: that of an installed Postgres, else one of our own. */
const NAMES = ["postgres", "guildhall"];

/**
 * Undefined when an ordinary person runs us: the server then runs as that person. For root, the owner of `folder` if
 * it exists, else a system user, which is made when the system has none.
 */
export function unprivilegedUser(folder: string): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(folder, { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const found = NAMES.map(lookUp).find((user) => user !== undefined);
  return found ?? makeUser();
}

function lookUp(name: string): User | undefined {
  const [uid, gid] = ["-u", "-g"].map((flag) => {
    const { status, stdout } = spawnSync("/usr/bin/id", [flag, name], { encoding: "utf8" });
    return status === 0 ? Number(stdout) : undefined;
  });
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

function makeUser(): User {
  for (const useradd of ["/usr/sbin/useradd", "/sbin/useradd"]) {
    spawnSync(useradd, ["--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", "guildhall"]);
    const user = lookUp("guildhall");
    if (user !== undefined) return user;
  }
  throw new StartupError(
    "Postgres refuses to run as root, and no user could be made for it; start as another user, or set DATABASE_URL.",
  );
}

/** Whether the user may go into this folder. */
export function canReach(folder: string, user: User): boolean {
  return spawnSync("/bin/sh", ["-c", 'cd "$1"', "sh", folder], { cwd: "/", ...user }).status === 0;
}

/** A folder of root's that every user can look into, for what is out of their reach elsewhere. */
export function reachableRoot(): string {
  const folder = "/var/lib/guildhall";
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  return folder;
}
