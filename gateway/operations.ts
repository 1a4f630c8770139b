import { GatewayOpcodes } from "discord-api-types/v10";
import type { z } from "zod";
import type { CloseReason } from "./close-codes.ts";
import { identify, resume } from "./enter.ts";
import { channelInfoSchema, requestChannelInfo, requestSounds, soundboardSchema } from "./guild-requests.ts";
import { beat } from "./heartbeats.ts";
import { requestMembers } from "./member-chunks.ts";
import type { GatewayNode } from "./node.ts";
import { heartbeatSchema, identifySchema, requestMembersSchema, resumeSchema } from "./payloads.ts";
import { updatePresence } from "./presence.ts";
import { presenceSchema } from "./presence-payload.ts";
import type { Connection, Session } from "./session.ts";
import { updateVoiceState, voiceStateSchema } from "./voice-state.ts";

/** What a payload does, once it is known to be of its opcode's shape. */
export type Effect = (node: GatewayNode, connection: Connection) => void;

/** How far a connection has come: whether it has a session, or an IDENTIFY or RESUME is being worked on. */
export type Standing = "anonymous" | "entering" | "identified";

export const standingOf = ({ session, entering }: Connection): Standing =>
  session !== null ? "identified" : entering ? "entering" : "anonymous";

/** One opcode that clients may send. */
export interface Operation {
  /** Why a connection of this standing may not send it; null when it may. */
  refusal(standing: Standing): CloseReason | null;
  /** @returns null when `d` is not of this opcode's shape */
  read(d: unknown): Effect | null;
}

/**
 * What clients may send. https://discord.com/developers/docs/events/gateway-events#send-events
 * Every other opcode, those that only a server sends among them, is unknown here.
 */
export const operations: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  [GatewayOpcodes.Heartbeat, anytime(heartbeatSchema, beat)],
  [GatewayOpcodes.Identify, login(identifySchema, identify)],
  [GatewayOpcodes.Resume, login(resumeSchema, resume)],
  [GatewayOpcodes.RequestGuildMembers, inSession(requestMembersSchema, requestMembers)],
  [GatewayOpcodes.PresenceUpdate, inSession(presenceSchema, updatePresence)],
  [GatewayOpcodes.VoiceStateUpdate, inSession(voiceStateSchema, updateVoiceState)],
  [GatewayOpcodes.RequestSoundboardSounds, inSession(soundboardSchema, requestSounds)],
  [GatewayOpcodes.RequestChannelInfo, inSession(channelInfoSchema, requestChannelInfo)],
]);

function anytime<T>(schema: z.ZodType<T>, run: (node: GatewayNode, connection: Connection, d: T) => void): Operation {
  return {
    refusal: () => null,
    read: reader(schema, (node, connection, d) => run(node, connection, d)),
  };
}

/** Starts a session, or goes on with one: once for each connection. */
function login<T>(
  schema: z.ZodType<T>,
  work: (node: GatewayNode, connection: Connection, d: T) => Promise<void>,
): Operation {
  return {
    refusal: (standing) => (standing === "anonymous" ? null : "ALREADY_AUTHENTICATED"),
    read: reader(schema, (node, connection, d) => enter(node, connection, () => work(node, connection, d))),
  };
}

function inSession<T>(schema: z.ZodType<T>, run: (node: GatewayNode, session: Session, d: T) => void): Operation {
  return {
    refusal: (standing) => (standing === "identified" ? null : "NOT_AUTHENTICATED"),
    read: reader(schema, (node, { session }, d) => {
      if (session !== null) run(node, session, d);
    }),
  };
}

function reader<T>(schema: z.ZodType<T>, run: (node: GatewayNode, connection: Connection, d: T) => void) {
  return (d: unknown): Effect | null => {
    const parsed = schema.safeParse(d);
    return parsed.success ? (node, connection) => run(node, connection, parsed.data) : null;
  };
}

/** Runs an IDENTIFY or RESUME; one that fails closes the socket with a code on which the client tries again. */
function enter(node: GatewayNode, connection: Connection, work: () => Promise<void>): void {
  connection.entering = true;
  node.unidentified.remove(connection);
  node.logins
    // The socket may have closed before its turn came.
    .run(connection.address, async () => (connection.dead ? undefined : work()))
    .catch((error) => {
      node.log.warn({ err: String(error) }, "a session could not start");
      connection.close("UNKNOWN_ERROR");
    })
    .finally(() => {
      connection.entering = false;
      // The socket may have closed while Postgres or Redis were asked.
      if (connection.dead && connection.session !== null) node.removeSession(connection.session);
      if (!connection.dead && connection.session === null) node.unidentified.add(connection);
    });
}
