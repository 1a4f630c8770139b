import { startsPerDay, takeStart } from "../core/session-starts.ts";
import { memberGuildCount } from "../core/store/guild-snapshot.ts";
import type { Identity } from "./identity.ts";
import type { GatewayNode } from "./node.ts";

/** Windows and devices that a person opens at once; there is no number for a day, which would lock people out. */
const PERSON = { atOnce: 5, perDay: null };

/** Whether an account may start a session now; counts it when it may. */
export async function admit(
  node: GatewayNode,
  { user }: Identity,
  shardId: number,
): Promise<"granted" | "too soon" | "used up"> {
  const { rateLimits, identifyLimit, maxConcurrency } = node.config;
  if (!rateLimits) return "granted";
  if (!user.bot) return takeStart(node.redis, user.id, 0, PERSON);
  const bucket = shardId % maxConcurrency;
  const first = await takeStart(node.redis, user.id, bucket, { atOnce: 1, perDay: identifyLimit });
  if (first !== "used up") return first;
  // Guilds are counted only where they can matter.
  const perDay = startsPerDay(identifyLimit, await memberGuildCount(node.sql, user.id));
  if (perDay > identifyLimit) return takeStart(node.redis, user.id, bucket, { atOnce: 1, perDay });
  node.log.warn({ bot: user.id }, "a bot has used up its session starts");
  return first;
}
