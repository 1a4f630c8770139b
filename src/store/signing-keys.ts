import type { Db, Sql } from "../../core/db.ts";

/** An RSA key as JWK. */
interface PublicJwk {
  kty: string;
  n: string;
  e: string;
}

export interface SigningKeyRow {
  id: string;
  public_jwk: PublicJwk;
  /** Sealed: see core/secret.ts. */
  private_key: Buffer;
}

/** The newest first. */
export async function listSigningKeys(sql: Db): Promise<SigningKeyRow[]> {
  return sql<SigningKeyRow[]>`
    select id, public_jwk, private_key from oauth2_signing_keys order by id desc limit 10`;
}

/** Stores the first key; when another process was first, it does nothing. */
export async function insertFirstSigningKey(sql: Sql, key: SigningKeyRow): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`lock table oauth2_signing_keys in exclusive mode`;
    await tx`
      insert into oauth2_signing_keys (id, public_jwk, private_key)
      select ${key.id}::bigint, ${tx.json({ ...key.public_jwk })}::jsonb, ${key.private_key}
      where not exists (select 1 from oauth2_signing_keys)`;
  });
}
