import type { GatewayDispatchEvents } from "discord-api-types/v10";
import { DispatchFrame } from "./frames.ts";
import type { GatewayNode } from "./node.ts";
import type { Session } from "./session.ts";

/**
 * Answers one session with a dispatch. It bears a number that the session has had: nothing is kept of it, and a
 * RESUME does not bring it again.
 */
export function reply(node: GatewayNode, session: Session, name: `${GatewayDispatchEvents}`, data: unknown): void {
  const body = `"t":"${name}","d":${JSON.stringify(data)}`;
  if (session.queue !== null) session.queue.push({ body });
  else session.send(new DispatchFrame(Math.max(node.sentUpTo, session.sentUpTo), body));
}
