import type { Event } from "../../core/event-log.ts";
import type { App } from "../app.ts";
import { type FailedInteraction, failInteraction, failOverdue } from "../store/interactions.ts";

/** https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-callback */
export const ANSWER_WITHIN_MS = 3000;
export const TOKEN_MS = 15 * 60_000;
/** Those of a process that died before it could look. */
const LOOK_EVERY_MS = 5000;

/** Looks for interactions that nobody has answered, shortly after one that was just made could be. */
export function watchDeadline(app: App): void {
  setTimeout(() => tellOverdue(app), ANSWER_WITHIN_MS + 10).unref();
}

/** Looks for those of other processes. @returns how to stop */
export function watchDeadlines(app: App): () => void {
  const timer = setInterval(() => tellOverdue(app), LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

function tellOverdue(app: App): void {
  const now = app.now();
  failOverdue(app.sql, new Date(now - ANSWER_WITHIN_MS), new Date(now))
    .then((failed) => app.eventLog.publish(failed.map(failureEvent)))
    .catch((error) => app.log.debug({ err: String(error) }, "could not look for unanswered interactions"));
}

/** Tells the person that the application did not answer, unless it has. */
export async function tellFailed(app: App, id: string): Promise<void> {
  const failed = await failInteraction(app.sql, id, new Date(app.now()));
  if (failed !== undefined) await app.eventLog.publish([failureEvent(failed)]);
}

const failureEvent = ({ id, user_id, nonce }: FailedInteraction): Event => ({
  t: "INTERACTION_FAILURE",
  userId: user_id,
  data: { id, ...(nonce === null ? {} : { nonce }) },
});
