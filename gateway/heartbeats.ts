import { GatewayOpcodes } from "discord-api-types/v10";
import type { GatewayNode } from "./node.ts";
import type { Connection } from "./session.ts";

/** In heartbeat intervals: when a silent client is asked for a heartbeat, and when it is closed. Never later than two. */
const ASKED_AFTER = 1.25;
const CLOSED_AFTER = 1.75;

/**
 * Starts the one timer for all sockets. It turns `node.awakeMs`, which counts only the time that this process ran: when
 * it was stopped or busy, heartbeats lie unread in its sockets, and nobody may be closed for that.
 * @returns how to stop it
 */
export function startWheel(node: GatewayNode): () => void {
  const turnMs = Math.min(1000, node.config.heartbeatIntervalMs / 8);
  let turnedAt = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    node.awakeMs += Math.min(now - turnedAt, turnMs * 1.5);
    turnedAt = now;
    for (const connection of node.connections) check(node, connection);
  }, turnMs);
  return () => clearInterval(timer);
}

function check(node: GatewayNode, connection: Connection): void {
  const { heartbeatIntervalMs, identifyTimeoutSeconds } = node.config;
  const silentMs = node.awakeMs - connection.heardAt;
  const idle = connection.session === null && !connection.entering;
  if (silentMs > heartbeatIntervalMs * CLOSED_AFTER) connection.close("SESSION_TIMED_OUT");
  else if (idle && node.awakeMs - connection.idleSince > identifyTimeoutSeconds * 1000) {
    connection.close("NOT_AUTHENTICATED");
  } else if (silentMs > heartbeatIntervalMs * ASKED_AFTER && !connection.asked) {
    connection.asked = true;
    // https://discord.com/developers/docs/events/gateway#heartbeat-requests
    connection.send({ op: GatewayOpcodes.Heartbeat, d: null, s: null, t: null });
  }
}

/** A heartbeat came: it is acknowledged. */
export function beat(node: GatewayNode, connection: Connection): void {
  connection.heardAt = node.awakeMs;
  connection.asked = false;
  connection.send({ op: GatewayOpcodes.HeartbeatAck, d: null, s: null, t: null });
}
