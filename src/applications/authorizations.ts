import type { Transaction } from "../../core/db.ts";
import { type DeliverableEvent, enqueueDeliveries } from "../../core/deliveries.ts";
import { wireUser } from "../../core/wire/user.ts";
import { deleteAuthorizations } from "../store/oauth2-tokens.ts";
import { findUser } from "../store/users.ts";

/** Tells an application's URL that it was authorized. https://discord.com/developers/docs/events/webhook-events#application-authorized */
export async function tellAuthorized(tx: Transaction, applicationId: string, data: object): Promise<void> {
  await enqueueDeliveries(tx, [ofApplication(applicationId, "APPLICATION_AUTHORIZED", data)]);
}

/**
 * Tells applications that a person has ended what they may do: for the person's account, or in a guild, which only our
 * event names. https://discord.com/developers/docs/events/webhook-events#application-deauthorized
 */
export async function tellDeauthorized(
  tx: Transaction,
  applicationIds: readonly string[],
  byUserId: string,
  guildId?: string,
): Promise<void> {
  const user = applicationIds.length === 0 ? undefined : await findUser(tx, byUserId);
  if (user === undefined) return;
  const data = { user: wireUser(user), guild_id: guildId };
  await enqueueDeliveries(
    tx,
    applicationIds.map((id) => ofApplication(id, "APPLICATION_DEAUTHORIZED", data)),
  );
}

/** Ends what an application may do for a person, or (null) any; those that had an authorization are told. */
export async function endAuthorizations(tx: Transaction, userId: string, applicationId: string | null): Promise<void> {
  await tellDeauthorized(tx, await deleteAuthorizations(tx, userId, applicationId), userId);
}

const ofApplication = (applicationId: string, type: string, data: object): DeliverableEvent => ({
  type,
  endpointId: applicationId,
  channelId: null,
  data: JSON.stringify(data),
});
