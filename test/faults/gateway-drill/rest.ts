import type { Json } from "../../harness/client.ts";

/** Requests to the APIs by turns. */
export interface Rest {
  /** @returns null when it isn't known whether the request had its effect: no answer, or 5xx */
  send(token: string | null, method: string, path: string, body: unknown): Promise<Json | null>;
  /** Sends a request whose repetition does no harm until it has an answer. */
  must(token: string | null, method: string, path: string, body: unknown): Promise<Json>;
}

const ANSWER_MS = 15_000;
const TRIES = 20;

/** @param apis `http://127.0.0.1:PORT` of each */
export function openRest(apis: readonly string[]): Rest {
  let turn = 0;
  const send = async (token: string | null, method: string, path: string, body: unknown): Promise<Json | null> => {
    const url = `${apis[turn++ % apis.length]}/api/v10${path}`;
    const headers = {
      ...(token === null ? {} : { authorization: token }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    const request = {
      method,
      headers,
      signal: AbortSignal.timeout(ANSWER_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const answer = await fetch(url, request)
      .then(async (response) => ({ status: response.status, text: await response.text() }))
      .catch(() => null);
    if (answer === null || answer.status >= 500) return null;
    if (answer.status >= 300) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`);
    return answer.text === "" ? {} : JSON.parse(answer.text);
  };
  const must = async (token: string | null, method: string, path: string, body: unknown): Promise<Json> => {
    for (let tries = 0; tries < TRIES; tries++) {
      const answer = await send(token, method, path, body);
      if (answer !== null) return answer;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error(`${method} ${path} has no answer`);
  };
  return { send, must };
}
