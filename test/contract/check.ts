import type { Operation } from "../../src/openapi/operations.ts";
import type { Answer } from "../harness/client.ts";
import { fault, responseSchema } from "./schemas.ts";

/** What is wrong with an answer by the operation's description, in a line; null when nothing is. */
export function faultOf({ responses }: Operation, { status, body }: Answer): string | null {
  const ref = responses[status];
  if (ref === undefined)
    return `answered ${status}, not ${Object.keys(responses).join(" or ")}: ${JSON.stringify(body)}`;
  if (ref === null) return body === null ? null : `${status}: has a body where there is none`;
  const wrong = fault(responseSchema(ref), body);
  return wrong === null ? null : `${status}: ${wrong}`;
}
