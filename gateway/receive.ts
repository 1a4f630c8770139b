import { GatewayOpcodes } from "discord-api-types/v10";
import { identify, resume } from "./enter.ts";
import { decodeEtf } from "./etf.ts";
import type { Encoding } from "./frames.ts";
import { requestMembers } from "./member-chunks.ts";
import type { GatewayNode } from "./node.ts";
import { identifySchema, payloadSchema, requestMembersSchema, resumeSchema } from "./payloads.ts";
import type { Connection } from "./session.ts";

/** Payloads a client may send in a minute. https://discord.com/developers/docs/events/gateway#rate-limiting */
const MAX_PER_MINUTE = 120;
const MAX_PAYLOAD_BYTES = 4096;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** What a node does with a message from a socket. */
export function onMessage(node: GatewayNode, connection: Connection, message: ArrayBuffer): void {
  if (connection.dead) return;
  if (message.byteLength > MAX_PAYLOAD_BYTES) return connection.close("DECODE_ERROR");
  if (tooMany(connection)) return connection.close("RATE_LIMITED");
  const payload = decode(message, connection.format.encoding);
  if (payload === null) return connection.close("DECODE_ERROR");
  switch (payload.op) {
    case GatewayOpcodes.Heartbeat:
      connection.lastHeartbeatAt = Date.now();
      connection.send({ op: GatewayOpcodes.HeartbeatAck, d: null, s: null, t: null });
      return;
    case GatewayOpcodes.Identify: {
      if (connection.session !== null || connection.entering) return connection.close("ALREADY_AUTHENTICATED");
      const parsed = identifySchema.safeParse(payload.d);
      if (!parsed.success) return connection.close("DECODE_ERROR");
      return enter(node, connection, identify(node, connection, parsed.data));
    }
    case GatewayOpcodes.Resume: {
      if (connection.session !== null || connection.entering) return connection.close("ALREADY_AUTHENTICATED");
      const parsed = resumeSchema.safeParse(payload.d);
      if (!parsed.success) return connection.close("DECODE_ERROR");
      return enter(node, connection, resume(node, connection, parsed.data));
    }
    case GatewayOpcodes.RequestGuildMembers: {
      if (connection.session === null) return connection.close("NOT_AUTHENTICATED");
      const parsed = requestMembersSchema.safeParse(payload.d);
      if (!parsed.success) return connection.close("DECODE_ERROR");
      return requestMembers(node, connection.session, parsed.data);
    }
    case GatewayOpcodes.PresenceUpdate:
    case GatewayOpcodes.VoiceStateUpdate:
    case GatewayOpcodes.RequestSoundboardSounds:
      if (connection.session === null) connection.close("NOT_AUTHENTICATED");
      return;
    default:
      return connection.close("UNKNOWN_OPCODE");
  }
}

/** Runs an IDENTIFY or RESUME; one that fails closes the socket with a code on which the client tries again. */
function enter(node: GatewayNode, connection: Connection, work: Promise<void>): void {
  connection.entering = true;
  work
    .catch((error) => {
      node.log.warn({ err: String(error) }, "a session could not start");
      connection.close("UNKNOWN_ERROR");
    })
    .finally(() => {
      connection.entering = false;
      // The socket may have closed while Postgres or Redis were asked.
      if (connection.dead && connection.session !== null) node.removeSession(connection.session);
    });
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

/** @returns null for bytes that are no payload in the connection's encoding */
function decode(message: ArrayBuffer, encoding: Encoding): { op: number; d?: unknown } | null {
  try {
    const value = encoding === "etf" ? decodeEtf(Buffer.from(message)) : JSON.parse(decoder.decode(message));
    const parsed = payloadSchema.safeParse(value);
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
