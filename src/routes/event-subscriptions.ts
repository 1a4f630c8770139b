import { z } from "zod";
import { Permission } from "../../core/permissions.ts";
import { seal } from "../../core/secret.ts";
import { GUILD_WEBHOOK_EVENTS } from "../../core/webhook-events.ts";
import { generateKeyPair, newSigningSecret, parseSigningSecret } from "../../core/webhook-signing.ts";
import { wireSubscription } from "../../core/wire/event-endpoint.ts";
import { type InGuild, inGuild, lockedGuild, permissionsIn } from "../access.ts";
import type { App } from "../app.ts";
import { ApiError, invalidField } from "../errors.ts";
import { httpUrl, snowflake } from "../fields.ts";
import { type Access, route } from "../route.ts";
import { listChannels } from "../store/channels.ts";
import {
  deleteEndpoint,
  type EndpointPatch,
  type EndpointRow,
  findEndpoint,
  insertEndpoint,
  listEndpointsOf,
  updateEndpoint,
} from "../store/event-endpoints.ts";
import { checkAnswers, checkCallable, endpointOf, eventTypes, signingSecret } from "../webhooks/endpoint.ts";
import { deliveryRoutes } from "./event-deliveries.ts";

const MAX_PER_GUILD = 25;
const BASE = "/guilds/:guild_id/event-subscriptions";
const manager = inGuild("MANAGE_GUILD", "MANAGE_WEBHOOKS");

/** A manager of the guild, with the guild's endpoint `:subscription_id`. */
const managed: Access<{ where: InGuild; endpoint: EndpointRow }> = {
  ...manager,
  resolve: async (request) => {
    const where = await manager.resolve(request);
    const endpoint = await findEndpoint(request.app.sql, request.params.get("subscription_id"));
    if (endpoint?.server_id !== where.guild.id) throw new ApiError("UNKNOWN_SUBSCRIPTION");
    return { where, endpoint };
  },
};

const fields = z.object({
  url: httpUrl,
  event_types: eventTypes(GUILD_WEBHOOK_EVENTS).min(1),
  channel_ids: z.array(snowflake).min(1).max(100).nullish(),
  enabled: z.boolean().optional(),
  strict_order: z.boolean().optional(),
});

export const eventSubscriptionRoutes = [
  route({
    method: "GET",
    path: BASE,
    summary: "URLs that the guild's events are sent to",
    access: manager,
    handle: async ({ app }, { guild }) => (await listEndpointsOf(app.sql, guild.id)).map(wireSubscription),
  }),
  route({
    method: "POST",
    path: BASE,
    summary: "Send the guild's events to a URL; the answer shows the secret, once",
    access: manager,
    status: 201,
    body: fields.extend({ secret: signingSecret.optional() }),
    handle: ({ app, body }, where) => create(app, where, body),
  }),
  route({
    method: "GET",
    path: `${BASE}/:subscription_id`,
    summary: "One of them",
    access: managed,
    handle: async (_request, { endpoint }) => wireSubscription(endpoint),
  }),
  route({
    method: "PATCH",
    path: `${BASE}/:subscription_id`,
    summary: "Change one; a URL is verified before it is switched on",
    access: managed,
    body: fields.partial(),
    handle: ({ app, body }, { where, endpoint }) => change(app, where, endpoint, body),
  }),
  route({
    method: "DELETE",
    path: `${BASE}/:subscription_id`,
    summary: "Delete one, with what waits for it",
    access: managed,
    handle: async ({ app }, { endpoint }) => deleteEndpoint(app.sql, endpoint.id),
  }),
  ...deliveryRoutes(`${BASE}/:subscription_id`, "the guild's URL", {
    ...managed,
    resolve: async (request) => (await managed.resolve(request)).endpoint,
  }),
];

type Fields = z.infer<typeof fields>;

/**
 * A receiver can only refuse what is signed wrongly if it knows the secret. So a URL is switched on at once if its
 * secret came with it; one whose secret is made here begins switched off, until the receiver has been told.
 */
async function create(app: App, where: InGuild, body: Fields & { secret?: Buffer | undefined }) {
  checkCallable(app, "url", body.url);
  await checkChannels(app, where, body.channel_ids ?? []);
  const enabled = body.enabled ?? body.secret !== undefined;
  if (enabled && body.secret === undefined) {
    const why =
      "Give a secret that the URL knows already, or create it switched off, tell it the secret, and switch it on.";
    throw invalidField(["enabled"], "SECRET_REQUIRED", why);
  }
  const shown = body.secret === undefined ? newSigningSecret() : undefined;
  const secret = body.secret ?? parseSigningSecret(shown ?? "") ?? Buffer.alloc(0);
  const { publicKey, seed } = generateKeyPair();
  const id = app.nextId();
  if (enabled) {
    const of = { application_id: null, subscription_id: id, guild_id: where.guild.id };
    const endpoint = { url: body.url, keys: { seed, secrets: [secret] }, of };
    await checkAnswers(app, "url", "EVENT_SUBSCRIPTION_URL_INVALID", endpoint);
  }
  const made = {
    id,
    guildId: where.guild.id,
    creatorId: where.me.userId,
    url: body.url,
    eventTypes: body.event_types,
    channelIds: body.channel_ids ?? null,
    status: enabled ? 2 : 1,
    strictOrder: body.strict_order ?? false,
    publicKey,
    privateKey: seal(app.secret, seed),
    secret: seal(app.secret, secret),
  };
  const row = await app.sql.begin(async (tx) => {
    await lockedGuild(tx, where);
    return insertEndpoint(tx, made, MAX_PER_GUILD);
  });
  if (row === undefined) {
    throw new ApiError("GENERAL", undefined, `Maximum number of event subscriptions reached (${MAX_PER_GUILD})`);
  }
  return { ...wireSubscription(row), ...(shown === undefined ? {} : { secret: shown }) };
}

/** Whoever changes where events go, or which, is from then on the one on whose behalf they are looked at. */
async function change(app: App, where: InGuild, endpoint: EndpointRow, body: Partial<Fields>) {
  const { enabled, ...rest } = body;
  const patch: EndpointPatch = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  if (body.url !== undefined) checkCallable(app, "url", body.url);
  await checkChannels(app, where, body.channel_ids ?? []);
  const on = enabled ?? endpoint.status === 2;
  const url = body.url ?? endpoint.url ?? "";
  if (on && (endpoint.status !== 2 || url !== endpoint.url)) {
    await checkAnswers(
      app,
      body.url === undefined ? "enabled" : "url",
      "EVENT_SUBSCRIPTION_URL_INVALID",
      endpointOf(app, endpoint, url),
    );
  }
  if (enabled !== undefined) patch.status = enabled ? 2 : 1;
  const aims = body.url !== undefined || body.event_types !== undefined || body.channel_ids !== undefined;
  if (aims || (enabled === true && endpoint.status !== 2)) patch.creator_id = where.me.userId;
  const row = await app.sql.begin(async (tx) => {
    await lockedGuild(tx, where);
    return updateEndpoint(tx, endpoint.id, patch);
  });
  if (row === undefined) throw new ApiError("UNKNOWN_SUBSCRIPTION");
  return wireSubscription(row);
}

/** Nobody has sent elsewhere what they may not view themselves. */
async function checkChannels(app: App, where: InGuild, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const channels = new Map((await listChannels(app.sql, where.guild.id)).map((channel) => [channel.id, channel]));
  for (const [i, id] of ids.entries()) {
    const channel = channels.get(id);
    if (channel !== undefined && (permissionsIn(where, channel) & Permission.VIEW_CHANNEL) !== 0n) continue;
    throw invalidField(["channel_ids", i], "CHANNEL_NOT_FOUND", "No channel of this guild that you may view.");
  }
}
