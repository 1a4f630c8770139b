import { MessageFlags } from "discord-api-types/v10";
import type { MessageRow } from "../../core/wire/message.ts";
import type { App } from "../app.ts";
import { findEphemeral } from "../store/ephemeral-messages.ts";
import { findMessage, type Place } from "../store/messages.ts";

/** A message that an interaction came from, or that answers one. */
export interface Source {
  message: MessageRow;
  /** Whether only the person of the interaction has it. */
  ephemeral: boolean;
}

/** Whether it stands for an answer to come. */
export const isLoading = ({ flags }: { flags: number }): boolean => (flags & MessageFlags.Loading) !== 0;

/** A message of a channel, or one that this person alone sees there. */
export async function findSource(app: App, place: Place, id: string, userId: string): Promise<Source | undefined> {
  const message = await findMessage(app.sql, place, id, null);
  if (message !== undefined) return { message, ephemeral: false };
  const own = await findEphemeral(app.sql, id, userId);
  if (own === undefined || (own.message.channel_id ?? own.message.dm_channel_id) !== place.id) return undefined;
  return { message: own.message, ephemeral: true };
}
