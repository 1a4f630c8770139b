import type { App } from "../app.ts";
import { hashToken } from "../auth/tokens.ts";
import { ApiError } from "../errors.ts";
import type { Access } from "../route.ts";
import { findApplication } from "../store/applications.ts";
import { findInteractionByToken, type InteractionRow } from "../store/interactions.ts";
import { TOKEN_MS } from "./deadline.ts";

/** Whoever has the token of the interaction `:interaction_id`. */
export const interactionToken: Access<InteractionRow> = {
  kind: "webhook token",
  needs: [],
  resolve: async ({ app, params }) => {
    const found = await findInteractionByToken(app.sql, hashToken(params.get("interaction_token")));
    if (found?.id !== params.get("interaction_id")) throw new ApiError("UNKNOWN_INTERACTION");
    return found;
  },
};

/** The interaction whose token stands for a webhook's, of the application that stands for the webhook. */
export const interactionWebhook: Access<InteractionRow> = {
  kind: "webhook token",
  needs: [],
  resolve: async ({ app, params }) => {
    const found = await findByWebhook(app, params.get("webhook_id"), params.get("webhook_token"));
    if (found === undefined) throw new ApiError("UNKNOWN_WEBHOOK");
    return found;
  },
};

/**
 * @returns undefined when no application has this id
 * @throws 50027 when it has, and the token is none of its, or no more
 */
export async function findByWebhook(app: App, id: string, token: string): Promise<InteractionRow | undefined> {
  const found = await findInteractionByToken(app.sql, hashToken(token));
  if (found?.application_id === id && isLive(app, found)) return found;
  if ((await findApplication(app.sql, id)) === undefined) return undefined;
  throw new ApiError("INVALID_WEBHOOK_TOKEN");
}

/** An interaction that nobody answered in time has lost its token. */
const isLive = (app: App, { created_at: madeAt, failed_at: failed }: InteractionRow): boolean =>
  failed === null && madeAt.getTime() + TOKEN_MS > app.now();
