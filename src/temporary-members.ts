import type { App } from "./app.ts";
import { removeMember } from "./membership.ts";
import { lockGuild } from "./store/guilds.ts";
import { isGone, listTemporaryMembers, noteAbsence } from "./store/temporary-members.ts";

const BATCH = 500;
/**
 * How long somebody is without a session before the membership ends. Discord ends it with the connection; a client
 * that restarts, or a Redis that has lost its sessions, should cost nobody a membership.
 */
const ABSENT_SECONDS = 300;

/**
 * Ends the memberships of those who came by an invite for a temporary one, have got no role, and are gone.
 * https://discord.com/developers/docs/resources/invite#invite-metadata-object
 */
export async function endTemporaryMemberships(
  app: Pick<App, "sql" | "change" | "sessionsOf">,
  absentSeconds = ABSENT_SECONDS,
): Promise<void> {
  let after = { server_id: "0", user_id: "0" };
  for (;;) {
    const members = await listTemporaryMembers(app.sql, after, absentSeconds, BATCH);
    const sessions = await app.sessionsOf(members.map((member) => member.user_id));
    for (const [i, member] of members.entries()) {
      const absent = sessions[i] === 0;
      if (!absent || !member.overdue) await noteAbsence(app.sql, member, absent);
      else {
        await app.change(async (tx, emit) => {
          await lockGuild(tx, member.server_id);
          if (await isGone(tx, member, absentSeconds)) await removeMember(tx, emit, member.server_id, member.user_id);
        });
      }
    }
    const last = members.at(-1);
    if (last === undefined || members.length < BATCH) return;
    after = last;
  }
}
