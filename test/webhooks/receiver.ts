import { createPublicKey, verify as verifySignature } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Server as NetServer } from "node:net";
import nacl from "tweetnacl";

/** Names the process of a dispatcher that has one of its own; its requests bear it for tests alone. */
export const SENT_BY = "x-sent-by";

export interface Received {
  path: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
}

export interface Receiver {
  url: string;
  received: Received[];
  /** What it does with a request; by default it answers 204. */
  answer: (request: Received, response: ServerResponse) => void;
  /** Requests that wait for their answer now, and the most there ever were. */
  open: { now: number; most: number };
  close(): void;
}

export const textOf = ({ body }: Received): string => JSON.parse(body).event.data.content;
export const sequenceOf = ({ body }: Received): number => JSON.parse(body).event.sequence;
export const idOf = ({ headers }: Received) => headers["webhook-id"] ?? "";

/** A real HTTP server on loopback that keeps what it gets. */
export async function startReceiver(): Promise<Receiver> {
  const server: Server = createServer(async (request, response) => {
    receiver.open.now += 1;
    receiver.open.most = Math.max(receiver.open.most, receiver.open.now);
    response.on("close", () => {
      receiver.open.now -= 1;
    });
    const got = await read(request).catch(() => undefined);
    if (got === undefined) return;
    receiver.received.push(got);
    receiver.answer(got, response);
  });
  const port = await listen(server, "127.0.0.1");
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}`,
    received: [],
    answer: (_request, response) => response.writeHead(204).end(),
    open: { now: 0, most: 0 },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return receiver;
}

async function read(request: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const headers = Object.entries(request.headers).map(([name, value]) => [name, String(value)]);
  return { path: request.url ?? "", headers: Object.fromEntries(headers), body: Buffer.concat(chunks).toString() };
}

/** Listens on any free port. */
export async function listen(server: NetServer, host: string): Promise<number> {
  await new Promise<void>((done, failed) => server.once("error", failed).listen(0, host, done));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP server");
  return address.port;
}

type Verify = (message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array) => boolean;

/** Another implementation of Ed25519 than the sender's. */
const byNacl: Verify = (message, signature, publicKey) =>
  nacl.sign.detached.verify(new Uint8Array(message), new Uint8Array(signature), new Uint8Array(publicKey));

/** Thirty times as fast, for thousands. */
export const byNode: Verify = (message, signature, publicKey) => {
  const key = { kty: "OKP", crv: "Ed25519", x: Buffer.from(publicKey).toString("base64url") };
  return verifySignature(null, message, createPublicKey({ key, format: "jwk" }), signature);
};

export function verifiesAsDiscord(request: Received, publicKey: Uint8Array, verify: Verify = byNacl): boolean {
  const { "x-signature-ed25519": signature = "", "x-signature-timestamp": timestamp = "" } = request.headers;
  const signed = Buffer.from(timestamp + request.body);
  return /^[0-9a-f]{128}$/.test(signature) && verify(signed, Buffer.from(signature, "hex"), publicKey);
}

/** The headers of Standard Webhooks. */
export function verifiesAsStandard(request: Received, publicKey: Uint8Array, verify: Verify = byNacl): boolean {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": list = "" } = request.headers;
  const signed = Buffer.from(`${id}.${timestamp}.${request.body}`);
  return list.split(" ").some((one) => {
    const [version, signature = ""] = one.split(",");
    return version === "v1a" && verify(signed, Buffer.from(signature, "base64"), publicKey);
  });
}
