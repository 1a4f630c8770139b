/** How a request to the token endpoint is refused. https://datatracker.ietf.org/doc/html/rfc6749#section-5.2 */
export type OAuthErrorCode =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "unauthorized_client"
  | "unsupported_grant_type"
  | "invalid_scope";

export class OAuthError extends Error {
  readonly code: OAuthErrorCode;

  /** @param description what a developer can act on */
  constructor(code: OAuthErrorCode, description: string) {
    super(description);
    this.code = code;
  }
}

/** No cache may keep what has tokens in it. RFC 6749, section 5.1 */
export const UNCACHED = { "Cache-Control": "no-store", Pragma: "no-cache" } as const;

export function oauthErrorResponse(error: OAuthError): Response {
  const challenge: Record<string, string> =
    error.code === "invalid_client" ? { "WWW-Authenticate": 'Basic realm="oauth2"' } : {};
  return Response.json(
    { error: error.code, error_description: error.message },
    { status: error.code === "invalid_client" ? 401 : 400, headers: { ...UNCACHED, ...challenge } },
  );
}
