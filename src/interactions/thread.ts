import type { Transaction } from "../../core/db.ts";
import type { Emit } from "../change.ts";
import type { InteractionRow } from "../store/interactions.ts";
import { demandDeletableByToken, demandOpenByToken, openByToken, type ThreadByToken } from "../threads/by-token.ts";
import { isLoading, type Source } from "./original.ts";

/**
 * What an application posts in a thread opens it, and is refused in a locked one, as it would be without a token; what
 * one person alone sees is in no thread. Call each of these first in its transaction: it may lock the guild.
 */
export async function openForAnswer(
  tx: Transaction,
  emit: Emit,
  interaction: InteractionRow,
  message: { ephemeral: boolean },
): Promise<void> {
  const thread = threadOf(interaction, message);
  if (thread !== undefined) await openByToken(tx, emit, thread);
}

/** What fills in a deferral is as good as posted now. @throws 50083 or 160005 */
export async function openForEdit(tx: Transaction, emit: Emit, interaction: InteractionRow, target: Source) {
  if (isLoading(target.message)) return openForAnswer(tx, emit, interaction, target);
  const thread = threadOf(interaction, target);
  if (thread !== undefined) await demandOpenByToken(tx, thread);
}

/** @throws 50083 in a thread that is both archived and locked */
export async function demandDeletable(tx: Transaction, interaction: InteractionRow, target: Source): Promise<void> {
  const thread = threadOf(interaction, target);
  if (thread !== undefined) await demandDeletableByToken(tx, thread);
}

/** What an application may is known from when it was invoked. */
function threadOf(interaction: InteractionRow, { ephemeral }: { ephemeral: boolean }): ThreadByToken | undefined {
  const { server_id: guildId, channel_id: threadId, in_thread: inThread, app_permissions: permissions } = interaction;
  if (ephemeral || !inThread || guildId === null || threadId === null) return undefined;
  return { guildId, threadId, permissions: BigInt(permissions) };
}
