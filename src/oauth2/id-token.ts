import { createPrivateKey, generateKeyPair, sign } from "node:crypto";
import { promisify } from "node:util";
import { z } from "zod";
import { seal, unseal } from "../../core/secret.ts";
import type { OwnUserRow } from "../../core/wire/user.ts";
import type { App } from "../app.ts";
import type { CodeRow } from "../store/oauth2-tokens.ts";
import { insertFirstSigningKey, listSigningKeys, type SigningKeyRow } from "../store/signing-keys.ts";
import { findOwnUser } from "../store/users.ts";
import type { Scope } from "./scopes.ts";

/** OpenID Connect: who somebody is, for those who asked with the scope `openid`. */

const RSA_BITS = 2048;
const ID_TOKEN_SECONDS = 3600;
const publicJwk = z.object({ kty: z.string(), n: z.string(), e: z.string() });

/** The public keys, as JWKs. The schema of Discord's answer wants RSA. */
export async function publishedKeys(app: App) {
  return (await signingKeys(app)).map(({ id, public_jwk: jwk }) => ({ ...jwk, use: "sig", kid: id, alg: "RS256" }));
}

/**
 * What the application may know of a user. Addresses are never said to be verified, as nobody has verified them: sites
 * that join accounts by address would let anybody into anybody's.
 * https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims
 */
export function claims(app: Pick<App, "config">, user: OwnUserRow, scopes: readonly Scope[]) {
  return {
    sub: user.id,
    ...(scopes.includes("email") ? { email: user.email, email_verified: false } : {}),
    ...(scopes.includes("identify")
      ? {
          preferred_username: user.username,
          nickname: user.global_name,
          ...(user.avatar === null ? {} : { picture: `${app.config.cdnUrl}/avatars/${user.id}/${user.avatar}.png` }),
          locale: user.locale,
        }
      : {}),
  };
}

/** https://openid.net/specs/openid-connect-core-1_0.html#IDToken */
export async function idToken(app: App, code: CodeRow): Promise<string> {
  const [key] = await signingKeys(app);
  const user = await findOwnUser(app.sql, code.user_id);
  if (key === undefined || user === undefined) throw new Error("the user who has just consented is not there");
  const now = Math.floor(Date.now() / 1000);
  const payload = {
    iss: app.config.publicUrl,
    aud: code.application_id,
    iat: now,
    exp: now + ID_TOKEN_SECONDS,
    ...(code.nonce === null ? {} : { nonce: code.nonce }),
    ...claims(app, user, code.scopes),
  };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "RS256", typ: "JWT", kid: key.id })}.${part(payload)}`;
  const privateKey = createPrivateKey({ key: unseal(app.secret, key.private_key), format: "der", type: "pkcs8" });
  return `${text}.${sign("sha256", Buffer.from(text), privateKey).toString("base64url")}`;
}

/** The first is made when it is first needed. */
async function signingKeys(app: App): Promise<SigningKeyRow[]> {
  const keys = await listSigningKeys(app.sql);
  if (keys.length > 0) return keys;
  const { publicKey, privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: RSA_BITS });
  await insertFirstSigningKey(app.sql, {
    id: app.nextId(),
    public_jwk: publicJwk.parse(publicKey.export({ format: "jwk" })),
    private_key: seal(app.secret, privateKey.export({ format: "der", type: "pkcs8" })),
  });
  return listSigningKeys(app.sql);
}
