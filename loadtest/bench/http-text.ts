import type { Account } from "./world.ts";

/** A request as it goes over the wire. @param line method and path @param body JSON */
export function requestText(line: string, { token }: Pick<Account, "token">, body?: string): string {
  const lines = [`${line} HTTP/1.1`, "Host: 127.0.0.1", `Authorization: ${token}`];
  if (body !== undefined) lines.push("Content-Type: application/json", `Content-Length: ${Buffer.byteLength(body)}`);
  return `${lines.join("\r\n")}\r\n\r\n${body ?? ""}`;
}
