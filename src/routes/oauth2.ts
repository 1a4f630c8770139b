import { z } from "zod";
import { wirePublicApplication } from "../../core/wire/application.ts";
import { wireTime } from "../../core/wire/time.ts";
import { wireUser } from "../../core/wire/user.ts";
import { enterGuild } from "../access.ts";
import type { App } from "../app.ts";
import { ApiError } from "../errors.ts";
import { permissionBits, snowflake } from "../fields.ts";
import type { Limit } from "../limits/rules.ts";
import { authorize, refusal } from "../oauth2/authorize.ts";
import { authenticateClient } from "../oauth2/client.ts";
import { OAuthError, oauthErrorResponse, UNCACHED } from "../oauth2/error.ts";
import { readOAuthForm } from "../oauth2/form.ts";
import { claims, publishedKeys } from "../oauth2/id-token.ts";
import { authorizationQuery, readAuthorizationRequest } from "../oauth2/request.ts";
import { clientCredentials, endAuthorization, exchangeCode, refreshGrant, revokeGrant } from "../oauth2/tokens.ts";
import { bearer, everyone, person, type Request, route } from "../route.ts";
import { type ApplicationRow, findApplication } from "../store/applications.ts";
import { findAuthorization, listAuthorizations } from "../store/oauth2-authorizations.ts";

/** One address may be a site's where many log in at once. */
const OF_SITES: Limit = { requests: 300, seconds: 60 };

const secret = z.string().max(512);
const clientForm = z.object({ client_id: secret.optional(), client_secret: secret.optional() });
const tokenForm = clientForm.extend({
  grant_type: z.string().max(100),
  code: secret.optional(),
  redirect_uri: z.string().max(2048).optional(),
  code_verifier: secret.optional(),
  refresh_token: secret.optional(),
  scope: z.string().max(500).optional(),
});
const revocationForm = clientForm.extend({ token: secret, token_type_hint: z.string().max(100).optional() });

export const oauth2Routes = [
  route({
    method: "POST",
    path: "/oauth2/authorize",
    summary: "Consent to what an application asks for, or refuse it: what the consent page does, for programs",
    access: person,
    query: authorizationQuery,
    body: z.object({
      authorize: z.boolean(),
      guild_id: snowflake.optional(),
      webhook_channel_id: snowflake.optional(),
      permissions: permissionBits.optional(),
    }),
    handle: async (request, caller) => {
      const { app, body, query } = request;
      const guildId = body.guild_id ?? query.guild_id;
      // Who may not know of the guild learns nothing else either.
      if (guildId !== undefined) await enterGuild(request, guildId, ["MANAGE_GUILD"]);
      const asked = await readAuthorizationRequest(app, query);
      if (!body.authorize) return { location: refusal(app, asked) };
      const { webhook_channel_id: channelId, permissions } = body;
      return { location: await authorize(app, caller, asked, { guildId, channelId, permissions }) };
    },
  }),
  route({
    method: "POST",
    path: "/oauth2/token",
    summary: "Exchange a code, a refresh token or the client's credentials for an access token",
    access: everyone,
    limit: OF_SITES,
    form: tokenForm,
    handle: (request) =>
      asOAuth(request, async ({ app, http }) => {
        const form = await readOAuthForm(http.req.raw, tokenForm);
        const client = await authenticateClient(app.sql, http.req.header("authorization"), form);
        return grant(app, client, form);
      }),
  }),
  route({
    method: "POST",
    path: "/oauth2/token/revoke",
    summary: "End an authorization, by any of its tokens",
    access: everyone,
    limit: OF_SITES,
    form: revocationForm,
    handle: (request) =>
      asOAuth(request, async ({ app, http }) => {
        const form = await readOAuthForm(http.req.raw, revocationForm);
        const client = await authenticateClient(app.sql, http.req.header("authorization"), form);
        await revokeGrant(app, client, form.token);
        return {};
      }),
  }),
  route({
    method: "GET",
    path: "/oauth2/@me",
    operation: "get_my_oauth2_authorization",
    access: bearer,
    scopes: "any",
    handle: async ({ app }, { grant: { applicationId, scopes, expiresAt }, user }) => {
      const application = await findApplication(app.sql, applicationId);
      if (application === undefined) throw new ApiError("UNKNOWN_APPLICATION");
      return {
        application: wirePublicApplication(application),
        scopes,
        expires: wireTime(expiresAt),
        ...(scopes.includes("identify") ? { user: wireUser(user) } : {}),
      };
    },
  }),
  route({
    method: "GET",
    path: "/oauth2/userinfo",
    operation: "get_openid_connect_userinfo",
    access: bearer,
    scopes: ["openid"],
    handle: async ({ app }, { user, grant }) => claims(app, user, grant.scopes),
  }),
  route({
    method: "GET",
    path: "/oauth2/keys",
    operation: "get_public_keys",
    access: everyone,
    handle: async ({ app }) => ({ keys: await publishedKeys(app) }),
  }),
  route({
    method: "GET",
    path: "/oauth2/tokens",
    summary: "The applications that may act for the caller",
    access: person,
    handle: async ({ app }, caller) =>
      (await listAuthorizations(app.sql, caller.user.id)).map(({ id, scopes, application }) => ({
        id,
        scopes,
        application: wirePublicApplication(application),
      })),
  }),
  route({
    method: "DELETE",
    path: "/oauth2/tokens/:authorization_id",
    summary: "No longer let an application act for the caller",
    access: person,
    handle: async ({ app, params }, caller) => {
      const applicationId = await findAuthorization(app.sql, params.get("authorization_id"), caller.user.id);
      if (applicationId === undefined) throw new ApiError("UNKNOWN_AUTHORIZATION");
      await endAuthorization(app, caller.user.id, applicationId);
    },
  }),
];

function grant(app: App, client: ApplicationRow, form: z.infer<typeof tokenForm>) {
  switch (form.grant_type) {
    case "authorization_code":
      return exchangeCode(app, client, {
        code: required(form.code, "code"),
        redirectUri: form.redirect_uri,
        verifier: form.code_verifier,
      });
    case "refresh_token":
      return refreshGrant(app, client, required(form.refresh_token, "refresh_token"), form.scope);
    case "client_credentials":
      return clientCredentials(app, client, form.scope);
    default:
      throw new OAuthError("unsupported_grant_type", "Use authorization_code, refresh_token or client_credentials");
  }
}

function required(value: string | undefined, field: string): string {
  if (value === undefined) throw new OAuthError("invalid_request", `"${field}" is missing or can't be used`);
  return value;
}

/** Answers, or refuses, as clients of RFC 6749 expect it. */
async function asOAuth(
  request: Request<undefined, undefined>,
  answer: (request: Request<undefined, undefined>) => Promise<object>,
): Promise<Response> {
  try {
    return Response.json(await answer(request), { headers: UNCACHED });
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    if (error.code === "invalid_client") request.http.get("limits")?.invalid();
    return oauthErrorResponse(error);
  }
}
