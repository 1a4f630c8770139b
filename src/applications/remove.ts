import type { App } from "../app.ts";
import { announceRevocation, revocation } from "../auth/logins.ts";
import { removeMember } from "../membership.ts";
import { type ApplicationRow, deleteApplication } from "../store/applications.ts";
import { listGuildIdsOf } from "../store/guilds.ts";
import { deleteBotToken } from "../store/tokens.ts";

const AT_ONCE = 100;

/**
 * Ends an application, with its commands, webhooks and keys. Its bot can no longer log in, leaves its guilds, and stays
 * as the author of what it wrote. One that breaks off can be asked for again.
 */
export async function removeApplication(app: App, { id, bot_id: botId }: ApplicationRow): Promise<void> {
  if (botId !== null) {
    await app.sql.begin(async (tx) => {
      await deleteBotToken(tx, botId);
      await app.eventLog.enqueue(tx, [revocation(botId, null)]);
    });
    await announceRevocation(app, botId, null);
    for (;;) {
      const guildIds = await listGuildIdsOf(app.sql, botId, AT_ONCE);
      for (const guildId of guildIds) await app.change((tx, emit) => removeMember(tx, emit, guildId, botId));
      if (guildIds.length < AT_ONCE) break;
    }
  }
  await deleteApplication(app.sql, id);
}
