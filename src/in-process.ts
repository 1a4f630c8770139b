import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { App } from "./app.ts";
import { createHttpApp } from "./app.ts";
import { hashToken, newAccessToken } from "./auth/tokens.ts";
import { insertAccessToken, revokeFamily } from "./store/tokens.ts";

const TOKEN_MS = 60_000;

/** What was answered: a status, and JSON or nothing. */
export type Call = (method: string, path: string, body?: unknown) => Promise<{ status: number; body: unknown }>;

/**
 * Lets `work` ask the API as a person, in this process and without a port: every rule of the routes holds. The token
 * that it does so with ends with it.
 */
export async function asPerson<T>(app: App, userId: string, work: (call: Call) => Promise<T>): Promise<T> {
  const familyId = app.nextId();
  const token = newAccessToken();
  const accessExpires = new Date(Date.now() + TOKEN_MS);
  await insertAccessToken(app.sql, { userId, familyId, accessHash: hashToken(token), accessExpires });
  const http = createHttpApp(app);
  const call: Call = async (method, path, body) => {
    const headers = { authorization: token, "content-type": "application/json" };
    const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    // Headers are set on Node's own response, which goes nowhere here.
    const outgoing = new ServerResponse(new IncomingMessage(new Socket()));
    const env = { incoming: { socket: { remoteAddress: "127.0.0.1" } }, outgoing };
    const response = await http.request(`/api/v10${path}`, init, env);
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  };
  try {
    return await work(call);
  } finally {
    await revokeFamily(app.sql, familyId);
  }
}
