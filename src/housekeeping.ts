import { firstIdAt } from "../core/snowflake.ts";
import type { App } from "./app.ts";
import { collectFiles } from "./files/collect.ts";
import { probeEndpoints } from "./interactions/verify.ts";
import { endDuePolls } from "./polls/end.ts";
import { deleteOldAuditEntries } from "./store/audit-log.ts";
import { forgetDeletedChannels } from "./store/channels.ts";
import { deleteOldNonces } from "./store/insert-message.ts";
import { deleteOldInteractions } from "./store/interactions.ts";
import { deleteExpiredInvites } from "./store/invites.ts";
import { eraseDeleted } from "./store/messages.ts";
import { deleteExpiredGrants } from "./store/oauth2-tokens.ts";
import { deleteExpiredTokens } from "./store/tokens.ts";
import { endTemporaryMemberships } from "./temporary-members.ts";
import { archiveIdleThreads } from "./threads/sweep.ts";

const EVERY_MS = 60_000;
const DAY_MS = 24 * 3600_000;
/** Deleted messages keep their content this long, for moderators' sake, and are then erased. */
const RETENTION_MS = 30 * DAY_MS;

/** Removes what has expired, a batch at a time. @returns how to stop */
export function startHousekeeping(app: App): () => void {
  const timer = setInterval(() => {
    sweep(app).catch((error) => app.log.debug({ err: String(error) }, "housekeeping failed, will be tried again"));
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

async function sweep(app: App): Promise<void> {
  await deleteExpiredTokens(app.sql);
  await deleteExpiredGrants(app.sql);
  await deleteOldNonces(app.sql);
  await deleteExpiredInvites(app.sql);
  await archiveIdleThreads(app);
  await endDuePolls(app);
  await deleteOldInteractions(app.sql, new Date(app.now() - DAY_MS));
  await eraseDeleted(app.sql, new Date(Date.now() - RETENTION_MS));
  await forgetDeletedChannels(app.sql, new Date(Date.now() - app.config.webhookLogDays * DAY_MS));
  await endTemporaryMemberships(app);
  await deleteOldAuditEntries(app.sql, firstIdAt(Date.now() - app.config.auditLogDays * DAY_MS));
  await probeEndpoints(app);
  await collectFiles(app);
  await app.incoming.sweep();
}
