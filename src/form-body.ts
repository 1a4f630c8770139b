import { parseJson, storable } from "../core/json.ts";

export const isUrlEncoded = (contentType: string | null): boolean =>
  contentType?.split(";", 1)[0]?.trim().toLowerCase() === "application/x-www-form-urlencoded";

/**
 * What a form as HTML sends it says: its fields, or the JSON in the one that bears it, `payload_json` at Discord and
 * `payload` at Slack and GitHub.
 * @throws SyntaxError when that is not JSON
 */
export function parseUrlEncoded(text: string): unknown {
  const fields = new URLSearchParams(text);
  const json = fields.get("payload_json") ?? fields.get("payload");
  const value = json === null ? Object.fromEntries(fields) : parseJson(json);
  return storable(value, JSON.stringify(value) ?? "");
}
