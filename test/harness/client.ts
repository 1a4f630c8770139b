import { noteLeak } from "./leaks.ts";
import type { Platform } from "./platform.ts";

/** JSON as the API answers it; tests look into it freely. */
// biome-ignore lint/suspicious/noExplicitAny: answers are checked against schemas elsewhere, here they are read.
export type Json = any;

export interface Answer {
  status: number;
  body: Json;
  headers: Headers;
}

/** A REST client with one account's token. */
export class Client {
  readonly platform: Platform;
  readonly token: string | null;
  readonly id: string;
  api = 0;

  constructor(platform: Platform, token: string | null, id: string | null) {
    this.platform = platform;
    this.token = token;
    this.id = id ?? "";
  }

  /** Sends a request and returns whatever comes. `path` is below /api/v10; a form is sent as such. */
  async request(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(`${this.platform.url(this.api)}/api/v10${path}`, {
      method,
      headers: {
        ...(this.token === null ? {} : { authorization: this.token }),
        ...(body === undefined || body instanceof FormData ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isSent(body) ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    noteLeak(`${method} ${path}`, `${text}\n${JSON.stringify([...response.headers])}`);
    return { status: response.status, body: parse(text), headers: response.headers };
  }

  get(path: string): Promise<Json> {
    return this.#expect("GET", path);
  }
  post(path: string, body?: unknown): Promise<Json> {
    return this.#expect("POST", path, body);
  }
  put(path: string, body?: unknown): Promise<Json> {
    return this.#expect("PUT", path, body);
  }
  patch(path: string, body?: unknown): Promise<Json> {
    return this.#expect("PATCH", path, body);
  }
  delete(path: string, body?: unknown): Promise<Json> {
    return this.#expect("DELETE", path, body);
  }

  async #expect(method: string, path: string, body?: unknown): Promise<Json> {
    const answer = await this.request(method, path, body);
    if (answer.status >= 300) {
      throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    }
    return answer.body;
  }
}

const isSent = (body: unknown): body is string | FormData => typeof body === "string" || body instanceof FormData;

function parse(text: string): Json {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
