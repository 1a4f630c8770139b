import { RESTJSONErrorCodes as Code } from "discord-api-types/v10";
import { expect } from "vitest";
import type { Client } from "../harness/client.ts";

export { Code };

/** Sends a request that must be refused with this of Discord's codes, and a 4xx. */
export async function refused(
  code: number,
  client: Client,
  method: string,
  path: string,
  body?: unknown,
): Promise<void> {
  const answer = await client.request(method, path, body);
  expect(answer.body, `${method} ${path} ${JSON.stringify(body)}`).toMatchObject({ code });
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
}
