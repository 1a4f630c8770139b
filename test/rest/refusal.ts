import { expect } from "vitest";
import type { Answer } from "../harness/client.ts";

/** What only a leak would show: code, statements, addresses, hashes. */
const INTERNALS =
  /\bat \S+:\d+|node_modules|\.ts\b|postgres|redis|\bselect \S+ from\b|insert into|violates|relation "|column "|ECONN|argon2|Error:/i;

/** The answer is an error as Discord tells it, `{code, message, errors?}`, and tells nothing else. */
export function expectErrorBody({ status, body, headers }: Answer): void {
  expect(headers.get("content-type")).toMatch(/^application\/json/);
  expect(Object.keys(body).filter((key) => !["code", "message", "errors"].includes(key))).toEqual([]);
  expect(body).toMatchObject({ code: expect.any(Number), message: expect.stringMatching(/./) });
  expect(JSON.stringify(body)).not.toMatch(INTERNALS);
  if (body.code === 50035) expect(body.errors, `50035 with status ${status}`).toEqual(expect.any(Object));
}

/** A refusal with this status and JSON code. */
export function expectRefusal(answer: Answer, status: number, code: number): void {
  expect({ status: answer.status, code: answer.body?.code, body: answer.body }).toMatchObject({ status, code });
  expectErrorBody(answer);
}

/** Any refusal of the client's request: a 4xx, never a 5xx. */
export function expectSomeRefusal(answer: Answer): void {
  expect(answer.status, JSON.stringify(answer.body)).toBeGreaterThanOrEqual(400);
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(500);
  expectErrorBody(answer);
}
