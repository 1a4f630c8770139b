import { GatewayCloseCodes, GatewayOpcodes } from "discord-api-types/v10";
import { addressKey, clientAddress } from "../core/client-address.ts";
import type { Config } from "../core/config.ts";
import { connectDatabase } from "../core/db.ts";
import { parseNetworks } from "../core/egress-rules.ts";
import { createLogger } from "../core/log.ts";
import { defineBeatScript } from "../core/node-liveness.ts";
import { openPassingEvents } from "../core/passing-events.ts";
import { definePresenceScript } from "../core/presence-store.ts";
import { connectRedis, type Redis, redisReady } from "../core/redis.ts";
import { loadSecret } from "../core/secret.ts";
import { defineStartScript } from "../core/session-starts.ts";
import { defineVoiceScript } from "../core/voice-store.ts";
import { onEvent } from "./deliver.ts";
import { invalidate } from "./enter.ts";
import { Feed, type FeedHandlers } from "./feed.ts";
import { type Compression, formatOf } from "./frames.ts";
import { guildNow } from "./guild-create.ts";
import { addGauge, addHealth } from "./health.ts";
import { startWheel } from "./heartbeats.ts";
import { intentsOf } from "./intents.ts";
import { Liveness } from "./liveness.ts";
import { openRedisSource } from "./log-source.ts";
import { GatewayNode } from "./node.ts";
import { watchTransactions } from "./oldest-transaction.ts";
import { onMessage } from "./receive.ts";
import { pump } from "./replay.ts";
import { Connection, type Session, type SocketData } from "./session.ts";
import { touchSessions } from "./session-store.ts";
import {
  App,
  SSLApp,
  type TemplatedApp,
  type us_listen_socket,
  us_listen_socket_close,
  us_socket_local_port,
} from "./uws.ts";
import { startDispatcher } from "./webhooks/dispatcher.ts";
import { pacedBy } from "./webhooks/limits.ts";

/**
 * Beyond this uWebSockets cuts the connection without a close code. Payloads that are too long for Discord are let in
 * up to here, so that a client with a thousand ids in its request is told 4002.
 */
const MAX_FRAME_BYTES = 32 * 1024;
/**
 * A client that closes with these is offline at once, and one whose token was revoked; any other may come back.
 * https://discord.com/developers/docs/events/gateway#disconnecting
 */
const ENDS_SESSION: ReadonlySet<number> = new Set([1000, 1001, GatewayCloseCodes.AuthenticationFailed]);
/** Sockets of a node that shuts down are told to reconnect over this time, not all at once. */
const DRAIN_MS = 2000;

/**
 * Starts one gateway node: sockets, and outgoing webhooks.
 * @returns the port it listens on, and how to stop: sockets are told to RECONNECT and resume elsewhere
 */
export async function startGateway(config: Config): Promise<{ port: number; stop(): Promise<void> }> {
  const log = createLogger(config.logLevel, "gateway");
  const { databaseUrl, redisUrl } = required(config);
  const sql = connectDatabase(databaseUrl, { name: "guildhall-gateway" });
  const redis = connectRedis(redisUrl, log, { name: "gateway", commandTimeoutMs: 3000 });
  await redisReady(redis);
  defineScripts(redis);
  const node = new GatewayNode({ config, sql, redis, log });
  node.feed = await Feed.open(await openRedisSource(redisUrl, redis, log), feedHandlers(node), log);
  node.passing = await openPassingEvents(sql, log);
  const liveness = new Liveness(node);
  await liveness.start();
  const app =
    config.tlsCert && config.tlsKey ? SSLApp({ cert_file_name: config.tlsCert, key_file_name: config.tlsKey }) : App();
  node.app = app;
  addSockets(app, node);
  const transactions = watchTransactions(sql, log);
  const metrics = addHealth(app, node, transactions);
  const { socket, port } = await listen(app, config.gatewayPort);
  const dispatcher = startDispatcher({
    sql,
    secret: await loadSecret(config),
    config,
    log,
    guildNow: async (guildId, { botId, flags }) =>
      botId === null ? null : guildNow({ sql, redis }, guildId, botId, intentsOf(flags)),
    limits: pacedBy(config.webhookRetrySeconds),
  });
  const help = "Endpoints of outgoing webhooks that this process sends to";
  addGauge(metrics, "guildhall_webhook_endpoints", help, () => dispatcher.endpoints);
  const stopWheel = startWheel(node);
  const keepAlive = setInterval(() => void keepSessions(node), keepIntervalMs(config));
  log.info({ port }, "gateway ready");
  return {
    port,
    stop: async () => {
      node.draining = true;
      us_listen_socket_close(socket);
      await drain(node);
      stopWheel();
      clearInterval(keepAlive);
      transactions.stop();
      await liveness.stop();
      await node.passing.stop();
      await dispatcher.stop();
      await node.feed.stop();
      app.close();
      redis.disconnect();
      await sql.end({ timeout: 2 });
    },
  };
}

function defineScripts(redis: Redis): void {
  defineStartScript(redis);
  definePresenceScript(redis);
  defineVoiceScript(redis);
  defineBeatScript(redis);
}

function required(config: Config): { databaseUrl: string; redisUrl: string } {
  if (config.databaseUrl === undefined) throw new Error("DATABASE_URL is not set");
  if (config.redisUrl === undefined) throw new Error("REDIS_URL is not set");
  return { databaseUrl: config.databaseUrl, redisUrl: config.redisUrl };
}

function feedHandlers(node: GatewayNode): FeedHandlers {
  return {
    onEvent: (event) => onEvent(node, event),
    onGap: (logName) => {
      for (const session of node.sessions.values()) {
        const concerned = logName === `u:${session.userId}` || session.guilds.has(logName.slice(2));
        if (concerned) startAfresh(node, session);
      }
    },
    onEpochLost: () => {
      node.log.warn("another epoch has begun: all sessions start afresh");
      for (const session of [...node.sessions.values()]) startAfresh(node, session);
      node.sentUpTo = 0;
    },
  };
}

/** A session can't go on. One that is only starting is closed: its client could not identify again on this socket. */
function startAfresh(node: GatewayNode, session: Session): void {
  if (session.connection.entering) session.connection.close("UNKNOWN_ERROR");
  else invalidate(node, session.connection, session.id).catch(() => {});
  node.removeSession(session);
}

const COMPRESSIONS: Record<string, Compression> = { "zlib-stream": "zlib-stream", "zstd-stream": "zstd-stream" };

function addSockets(app: TemplatedApp, node: GatewayNode): void {
  const { config } = node;
  const trustedProxies = parseNetworks(config.trustedProxies);
  app.ws<SocketData>("/*", {
    maxPayloadLength: MAX_FRAME_BYTES,
    maxBackpressure: config.maxBackpressureBytes,
    closeOnBackpressureLimit: 1,
    idleTimeout: 0,
    upgrade: (res, req, context) => {
      const peer = Buffer.from(res.getRemoteAddressAsText()).toString("latin1");
      const address = addressKey(clientAddress(peer, req.getHeader("x-forwarded-for"), trustedProxies));
      if (node.unidentified.isFull(address)) {
        res.writeStatus("429 Too Many Requests").writeHeader("Retry-After", "5").end("Too many sockets", true);
        return;
      }
      const query = new URLSearchParams(req.getQuery());
      const data: SocketData = {
        connection: null,
        format: formatOf(
          query.get("encoding") === "etf" ? "etf" : "json",
          COMPRESSIONS[query.get("compress") ?? ""] ?? "none",
        ),
        version: Number(query.get("v") ?? "10"),
        encoding: query.get("encoding") ?? "json",
        address,
      };
      const [key, protocol, extensions] = [
        "sec-websocket-key",
        "sec-websocket-protocol",
        "sec-websocket-extensions",
      ].map((h) => req.getHeader(h));
      res.upgrade(data, key ?? "", protocol ?? "", extensions ?? "", context);
    },
    open: (socket) => {
      const data = socket.getUserData();
      const connection = new Connection(socket, data.format, data.address, node.awakeMs);
      data.connection = connection;
      node.connections.add(connection);
      node.unidentified.add(connection);
      if (data.version !== 9 && data.version !== 10) return connection.close("INVALID_VERSION");
      if (data.encoding !== data.format.encoding) return connection.close("DECODE_ERROR");
      connection.greet({
        op: GatewayOpcodes.Hello,
        d: { heartbeat_interval: config.heartbeatIntervalMs, _trace: [node.id] },
        s: null,
        t: null,
      });
    },
    message: (socket, message) => {
      const { connection } = socket.getUserData();
      if (connection !== null) onMessage(node, connection, message);
    },
    drain: (socket) => {
      const session = socket.getUserData().connection?.session;
      if (session?.held === true) pump(node, session);
    },
    dropped: (socket) => {
      const { connection } = socket.getUserData();
      node.tooSlow.dropped += 1;
      if (connection?.dead === false) node.tooSlow.closed += 1;
      connection?.closeSoon();
    },
    close: (socket, code) => {
      const { connection } = socket.getUserData();
      if (connection === null) return;
      connection.dead = true;
      node.connections.delete(connection);
      node.unidentified.remove(connection);
      const { session } = connection;
      if (session === null) return;
      node.removeSession(session, ENDS_SESSION.has(code));
      // The window begins now.
      touchSessions(node.redis, [session.id], config.resumeWindowSeconds).catch(() => {});
    },
  });
}

function listen(app: TemplatedApp, port: number): Promise<{ socket: us_listen_socket; port: number }> {
  return new Promise((resolve, reject) => {
    // Exclusive: a second process on the same port is a mistake, not a second worker.
    app.listen(port, 1, (socket) => {
      if (socket) resolve({ socket, port: us_socket_local_port(socket) });
      else reject(Object.assign(new Error(`Port ${port} is taken`), { code: "EADDRINUSE" }));
    });
  });
}

/** Often enough that a session whose node is killed has nearly its whole window left. */
const keepIntervalMs = (config: Config): number => Math.min(30_000, (config.resumeWindowSeconds * 1000) / 4);

async function keepSessions(node: GatewayNode): Promise<void> {
  await touchSessions(node.redis, [...node.sessions.keys()], node.config.resumeWindowSeconds).catch(() => {});
}

/** Asks every client to reconnect, spread over a while, so that the other nodes aren't hit all at once. */
async function drain(node: GatewayNode): Promise<void> {
  await keepSessions(node);
  const connections = [...node.connections];
  const pauseMs = connections.length === 0 ? 0 : DRAIN_MS / connections.length;
  for (const [i, connection] of connections.entries()) {
    connection.send({ op: GatewayOpcodes.Reconnect, d: null, s: null, t: null });
    setImmediate(() => connection.close("SESSION_TIMED_OUT"));
    if (connections.length > 20 && i % 20 === 19) await new Promise((resolve) => setTimeout(resolve, pauseMs * 20));
  }
  // A moment for the last frames to leave.
  if (connections.length > 0) await new Promise((resolve) => setTimeout(resolve, 100));
}
