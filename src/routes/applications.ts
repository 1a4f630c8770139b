import { randomInt } from "node:crypto";
import { ApplicationFlags } from "discord-api-types/v10";
import { z } from "zod";
import { seal, unseal } from "../../core/secret.ts";
import { APPLICATION_WEBHOOK_EVENTS } from "../../core/webhook-events.ts";
import { generateKeyPair } from "../../core/webhook-signing.ts";
import { wireApplication } from "../../core/wire/application.ts";
import { wireTimeOrNull } from "../../core/wire/time.ts";
import type { App } from "../app.ts";
import { applicationOwner, callersApplication, ownApplication } from "../applications/access.ts";
import { flagsAfter, profileFields } from "../applications/body.ts";
import { removeApplication } from "../applications/remove.ts";
import { announceRevocation, revocation } from "../auth/logins.ts";
import { hashToken, newBotToken, newClientSecret } from "../auth/tokens.ts";
import { ApiError, invalidField } from "../errors.ts";
import { httpUrl, imageData, trimmed } from "../fields.ts";
import { storeImages } from "../files/images.ts";
import { verifyInteractionEndpoint } from "../interactions/verify.ts";
import { redirectUri } from "../oauth2/redirect-uri.ts";
import { person, route } from "../route.ts";
import {
  type ApplicationPatch,
  type ApplicationRow,
  countApplicationsOf,
  ensureBot,
  findApplication,
  insertApplication,
  listApplicationsOf,
  privateKeyOf,
  setClientSecret,
  updateApplication,
} from "../store/applications.ts";
import { updateApplicationEndpoint } from "../store/event-endpoints.ts";
import { endpointState, setEndpoint } from "../store/interaction-endpoints.ts";
import { setBotToken } from "../store/tokens.ts";
import { endpointPatch } from "../webhooks/application-endpoint.ts";
import { eventTypes } from "../webhooks/endpoint.ts";

const MAX_APPLICATIONS = 100;
const MAX_REDIRECT_URIS = 25;
const withoutRepeats = (list: string[]) => [...new Set(list)];
/** The privileged intents: on a self-hosted platform nobody reviews bots, so a new application has them all. */
const DEFAULT_FLAGS =
  ApplicationFlags.GatewayPresenceLimited |
  ApplicationFlags.GatewayGuildMembersLimited |
  ApplicationFlags.GatewayMessageContentLimited;

const applicationPatch = z.object({
  ...profileFields,
  interactions_endpoint_url: httpUrl.nullish().or(z.literal("").transform(() => null)),
  bot_public: z.boolean().optional(),
  bot_require_code_grant: z.boolean().optional(),
  redirect_uris: z.array(redirectUri).max(MAX_REDIRECT_URIS).transform(withoutRepeats).optional(),
  event_webhooks_url: httpUrl.nullish(),
  event_webhooks_status: z.literal([1, 2]).optional(),
  event_webhooks_types: eventTypes(APPLICATION_WEBHOOK_EVENTS).optional(),
});

export const applicationRoutes = [
  route({
    method: "POST",
    path: "/applications",
    summary: "Register an application",
    access: person,
    status: 201,
    images: true,
    body: z.object({ name: trimmed(1, 32), description: z.string().max(400).optional(), icon: imageData }),
    handle: async ({ app, body }, caller) => {
      if ((await countApplicationsOf(app.sql, caller.user.id)) >= MAX_APPLICATIONS) {
        throw new ApiError("GENERAL", undefined, `Maximum number of applications reached (${MAX_APPLICATIONS})`);
      }
      const { icon = null } = await storeImages(app, body, ["icon"]);
      const { publicKey, seed } = generateKeyPair();
      const id = app.nextId();
      await insertApplication(app.sql, {
        id,
        ownerId: caller.user.id,
        name: body.name,
        description: body.description ?? "",
        icon,
        flags: DEFAULT_FLAGS,
        publicKey,
        privateKey: seal(app.secret, seed),
      });
      return wireApplication(await reread(app, id));
    },
  }),
  route({
    method: "GET",
    path: "/applications",
    summary: "The caller's applications",
    access: person,
    handle: async ({ app }, caller) => (await listApplicationsOf(app.sql, caller.user.id)).map(wireApplication),
  }),
  route({
    method: "POST",
    path: "/applications/:application_id/bot",
    summary: "Make the bot user, or reset its token: the only answer that shows it",
    access: applicationOwner,
    handle: async ({ app }, application) => {
      const discriminator = String(randomInt(1, 10_000)).padStart(4, "0");
      const token = await app.sql.begin(async (tx) => {
        const botId = await ensureBot(tx, application, discriminator);
        const made = newBotToken(botId);
        await setBotToken(tx, botId, hashToken(made));
        if (application.bot_id !== null) await app.eventLog.enqueue(tx, [revocation(botId, null)]);
        return made;
      });
      // The old token's sockets and remembered answers go at once.
      if (application.bot_id !== null) await announceRevocation(app, application.bot_id, null);
      return { id: application.id, token };
    },
  }),
  route({
    method: "POST",
    path: "/applications/:application_id/secret",
    summary: "Make the client secret of OAuth2, or replace it: the only answer that shows it",
    access: ownApplication,
    handle: async ({ app }, application) => {
      const secret = newClientSecret();
      await setClientSecret(app.sql, application.id, hashToken(secret));
      return { id: application.id, client_id: application.id, client_secret: secret };
    },
  }),
  route({
    method: "GET",
    path: "/applications/@me",
    operation: "get_my_application",
    access: callersApplication,
    handle: async (_request, application) => wireApplication(application),
  }),
  route({
    method: "PATCH",
    path: "/applications/@me",
    operation: "update_my_application",
    access: callersApplication,
    images: true,
    body: applicationPatch,
    handle: ({ app, body }, application) => patchApplication(app, application, body),
  }),
  route({
    method: "GET",
    path: "/oauth2/applications/@me",
    operation: "get_my_oauth2_application",
    access: callersApplication,
    handle: async (_request, application) => wireApplication(application),
  }),
  route({
    method: "GET",
    path: "/applications/:application_id/interactions-endpoint",
    summary: "How the application's interactions_endpoint_url stands: whether it was removed, and why",
    access: ownApplication,
    handle: async ({ app }, { id }) => {
      const state = await endpointState(app.sql, id);
      if (state === undefined) throw new ApiError("UNKNOWN_APPLICATION");
      return {
        url: state.interactions_endpoint_url,
        probed_at: wireTimeOrNull(state.interactions_endpoint_probed_at),
        failures: state.interactions_endpoint_failures,
        fault: state.interactions_endpoint_fault,
        removed_at: wireTimeOrNull(state.interactions_endpoint_removed_at),
      };
    },
  }),
  route({
    method: "GET",
    path: "/applications/:application_id",
    operation: "get_application",
    access: ownApplication,
    handle: async (_request, application) => wireApplication(application),
  }),
  route({
    method: "PATCH",
    path: "/applications/:application_id",
    operation: "update_application",
    access: ownApplication,
    images: true,
    body: applicationPatch,
    handle: ({ app, body }, application) => patchApplication(app, application, body),
  }),
  route({
    method: "DELETE",
    path: "/applications/:application_id",
    summary: "End the application, with its commands and webhooks; its bot leaves its guilds",
    access: applicationOwner,
    handle: ({ app }, application) => removeApplication(app, application),
  }),
];

async function reread(app: App, id: string): Promise<ApplicationRow> {
  const row = await findApplication(app.sql, id);
  if (row === undefined) throw new ApiError("UNKNOWN_APPLICATION");
  return row;
}

async function patchApplication(app: App, application: ApplicationRow, body: z.infer<typeof applicationPatch>) {
  const { flags, icon: _icon, cover_image: _cover, interactions_endpoint_url: interactionsUrl, ...others } = body;
  const { event_webhooks_url: url, event_webhooks_status: status, event_webhooks_types: types, ...plain } = others;
  const patch: ApplicationPatch = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined));
  if (flags != null) patch.flags = flagsAfter(application.flags, flags);
  const endpoint = await endpointPatch(app, application, { url, status, types });
  Object.assign(patch, await storeImages(app, body, ["icon", "cover_image"]));
  if (interactionsUrl) await checkInteractionEndpoint(app, application.id, interactionsUrl);
  await app.sql.begin(async (tx) => {
    await updateApplication(tx, application.id, patch);
    if (Object.keys(endpoint).length > 0) await updateApplicationEndpoint(tx, application.id, endpoint);
    if (interactionsUrl !== undefined) await setEndpoint(tx, application.id, interactionsUrl, new Date(app.now()));
  });
  return wireApplication(await reread(app, application.id));
}

async function seedOf(app: App, applicationId: string): Promise<Buffer> {
  const sealed = await privateKeyOf(app.sql, applicationId);
  if (sealed === undefined) throw new ApiError("UNKNOWN_APPLICATION");
  return unseal(app.secret, sealed);
}

/** The URL must answer a signed PING and refuse one that is signed wrongly: https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint */
async function checkInteractionEndpoint(app: App, applicationId: string, url: string): Promise<void> {
  const fault = await verifyInteractionEndpoint(app, applicationId, { url, seed: await seedOf(app, applicationId) });
  if (fault === undefined) return;
  throw invalidField(["interactions_endpoint_url"], "APPLICATION_INTERACTIONS_ENDPOINT_URL_INVALID", fault);
}
