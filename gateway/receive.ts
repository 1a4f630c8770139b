import type { CloseReason } from "./close-codes.ts";
import { decodeEtf } from "./etf.ts";
import type { Encoding } from "./frames.ts";
import type { GatewayNode } from "./node.ts";
import { type Effect, operations, type Standing, standingOf } from "./operations.ts";
import { type Payload, payloadSchema } from "./payloads.ts";
import type { Connection } from "./session.ts";

/** Payloads a client may send in a minute, heartbeats too. https://discord.com/developers/docs/events/gateway#rate-limiting */
const MAX_PER_MINUTE = 120;
/** https://discord.com/developers/docs/events/gateway#sending-events */
const MAX_PAYLOAD_BYTES = 4096;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** What a node does with a message from a socket. Never throws: that would end the process. */
export function onMessage(node: GatewayNode, connection: Connection, message: ArrayBuffer): void {
  if (connection.dead) return;
  if (tooMany(connection)) return connection.close("RATE_LIMITED");
  try {
    const verdict = judge(message, connection.format.encoding, standingOf(connection));
    if (typeof verdict === "string") connection.close(verdict);
    else verdict(node, connection);
  } catch (error) {
    node.log.error({ err: error }, "a payload could not be worked on");
    connection.close("UNKNOWN_ERROR");
  }
}

/** What a message leads to: something to do, or the end of the connection. */
export function judge(message: ArrayBuffer, encoding: Encoding, standing: Standing): Effect | CloseReason {
  const payload = decode(message, encoding);
  if (payload === null) return "DECODE_ERROR";
  const operation = operations.get(payload.op);
  if (operation === undefined) return "UNKNOWN_OPCODE";
  return operation.refusal(standing) ?? operation.read(payload.d) ?? "INVALID_PAYLOAD";
}

/** @returns null for bytes that are no payload in this encoding, or too many */
function decode(message: ArrayBuffer, encoding: Encoding): Payload | null {
  if (message.byteLength > MAX_PAYLOAD_BYTES) return null;
  try {
    const value = encoding === "etf" ? decodeEtf(Buffer.from(message)) : JSON.parse(decoder.decode(message));
    const parsed = payloadSchema.safeParse(value);
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

function tooMany(connection: Connection): boolean {
  const now = Date.now();
  if (now - connection.receivedSince >= 60_000) {
    connection.receivedSince = now;
    connection.received = 0;
  }
  connection.received += 1;
  return connection.received > MAX_PER_MINUTE;
}
