import { request } from "node:http";
import { connect } from "node:net";
import type { Answer } from "./client.ts";

/** An HTTP request whose path and body go out byte by byte as they are given, without `fetch`'s corrections. */
export function rawRequest(
  origin: string,
  method: string,
  path: string,
  options: { headers?: Record<string, string>; body?: string | Buffer | readonly Buffer[] } = {},
): Promise<Answer> {
  const { headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin);
    const sent = request({ hostname, port, method, path, headers, agent: false });
    sent.once("error", reject);
    sent.once("response", (response) => {
      // The server may refuse before it has read all; what can't be sent any more is no error then.
      sent.off("error", reject).on("error", () => {});
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const text = Buffer.concat(chunks).toString();
        const answered = new Headers(Object.entries(response.headers).map(([name, value]) => [name, String(value)]));
        resolve({ status: response.statusCode ?? 0, body: text === "" ? null : JSON.parse(text), headers: answered });
      });
    });
    if (Array.isArray(body)) for (const chunk of body) sent.write(chunk);
    sent.end(typeof body === "string" || Buffer.isBuffer(body) ? body : undefined);
  });
}

/** Sends bytes over TCP and returns whatever comes until the other side ends. */
export function rawExchange(origin: string, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(origin);
    const socket = connect(Number(port), hostname, () => socket.end(bytes));
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString();
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(text));
  });
}
