import { createHash, randomBytes } from "node:crypto";
import { type Answer, Client, type Json } from "./client.ts";
import type { Platform } from "./platform.ts";

export const REDIRECT_URI = "https://site.example.com/callback?of=guildhall";

/** A site that people log in to with their account here, as its server sees it. */
export class Site {
  readonly platform: Platform;
  readonly id: string;
  readonly secret: string;
  /** The application's bot. */
  readonly bot: Client;

  constructor(platform: Platform, id: string, secret: string, bot: Client) {
    this.platform = platform;
    this.id = id;
    this.secret = secret;
    this.bot = bot;
  }

  /** Registers an application of `owner`. */
  static async register(platform: Platform, owner: Client, redirectUris = [REDIRECT_URI]): Promise<Site> {
    const bot = await platform.bot(owner);
    await owner.patch(`/applications/${bot.id}`, { redirect_uris: redirectUris });
    const { client_secret: secret } = await owner.post(`/applications/${bot.id}/secret`);
    return new Site(platform, bot.id, String(secret), bot);
  }

  /** What a person is led to, as path and query below the API's root. */
  authorizationPath(scope: string, extra: Record<string, string> = {}): string {
    const query = { client_id: this.id, scope, response_type: "code", redirect_uri: REDIRECT_URI, ...extra };
    return `/oauth2/authorize?${new URLSearchParams(query)}`;
  }

  /** A person consents. @returns where they are sent */
  async consent(person: Client, scope: string, extra: Record<string, string> = {}, body: object = {}): Promise<URL> {
    const { location } = await person.post(this.authorizationPath(scope, extra), { authorize: true, ...body });
    return new URL(location);
  }

  async code(person: Client, scope: string, extra: Record<string, string> = {}, body: object = {}): Promise<string> {
    return (await this.consent(person, scope, extra, body)).searchParams.get("code") ?? "";
  }

  /** Sends a form to the token endpoint, or another, with the client's credentials in it. */
  async form(fields: Record<string, string>, path = "/oauth2/token"): Promise<Answer> {
    return this.raw({ client_id: this.id, client_secret: this.secret, ...fields }, {}, path);
  }

  async raw(
    fields: Record<string, string>,
    headers: Record<string, string> = {},
    path = "/oauth2/token",
  ): Promise<Answer> {
    const type = { "content-type": "application/x-www-form-urlencoded" };
    return this.platform
      .anonymous()
      .request("POST", path, String(new URLSearchParams(fields)), { ...type, ...headers });
  }

  exchange(code: string, extra: Record<string, string> = {}): Promise<Answer> {
    return this.form({ grant_type: "authorization_code", code, redirect_uri: REDIRECT_URI, ...extra });
  }

  refresh(token: string, extra: Record<string, string> = {}): Promise<Answer> {
    return this.form({ grant_type: "refresh_token", refresh_token: token, ...extra });
  }

  revoke(token: string): Promise<Answer> {
    return this.form({ token }, "/oauth2/token/revoke");
  }

  /** A person's consent, exchanged. */
  async tokens(person: Client, scope: string, body: object = {}): Promise<Json> {
    const answer = await this.exchange(await this.code(person, scope, {}, body));
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    return answer.body;
  }

  /** The application acting for a person. */
  async actingFor(person: Client, scope: string): Promise<Client> {
    return bearerClient(this.platform, (await this.tokens(person, scope)).access_token, person.id);
  }
}

export const bearerClient = (platform: Platform, token: string, userId = ""): Client =>
  new Client(platform, `Bearer ${token}`, userId);

/** RFC 7636, with S256. */
export function pkce(): { verifier: string; challenge: Record<string, string> } {
  const verifier = randomBytes(32).toString("base64url");
  const code_challenge = createHash("sha256").update(verifier).digest("base64url");
  return { verifier, challenge: { code_challenge, code_challenge_method: "S256" } };
}
