import type { Transaction } from "../../core/db.ts";
import { ApiError } from "../errors.ts";
import { countActiveThreads } from "../store/threads.ts";

/** https://discord.com/developers/docs/topics/threads#active--archived-threads names no number; this is Discord's. */
const MAX_ACTIVE = 1000;

/** @throws 160006 when a guild has as many active threads as it can. It must be locked for that to hold. */
export async function demandRoom(tx: Transaction, guildId: string): Promise<void> {
  if ((await countActiveThreads(tx, guildId)) >= MAX_ACTIVE) throw new ApiError("MAX_ACTIVE_THREADS");
}
