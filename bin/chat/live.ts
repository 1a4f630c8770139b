import { Agent } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { GatewayDispatchEvents, GatewayIntentBits, GatewayOpcodes } from "discord-api-types/v10";
import WebSocket from "ws";
import { z } from "zod";
import { trustOf } from "../rest-client.ts";

export const Channel = z.object({
  id: z.string(),
  name: z.string(),
  type: z.number(),
  position: z.number().default(0),
});
export const Guild = z.object({ id: z.string(), name: z.string(), channels: z.array(Channel) });
export const Message = z.object({
  id: z.string(),
  channel_id: z.string(),
  type: z.number(),
  content: z.string(),
  timestamp: z.string(),
  author: z.object({
    id: z.string(),
    username: z.string(),
    global_name: z.string().nullish(),
    bot: z.boolean().optional(),
  }),
});

/** What the gateway tells of, as far as this client looks at it. */
export interface LiveEvents {
  guild(guild: z.infer<typeof Guild>): void;
  guildGone(id: string): void;
  channel(guildId: string, channel: z.infer<typeof Channel>): void;
  channelGone(guildId: string, id: string): void;
  message(message: z.infer<typeof Message>): void;
  /** Every guild has come. */
  ready(): void;
  /** In words, for the person. */
  trouble(text: string): void;
}

export interface Live {
  close(): void;
}

interface Options {
  url: string;
  tlsCert: string | undefined;
  token: () => Promise<string>;
  events: LiveEvents;
}

const INTENTS = GatewayIntentBits.Guilds | GatewayIntentBits.GuildMessages | GatewayIntentBits.MessageContent;
const Payload = z.object({ op: z.number(), t: z.string().nullish(), s: z.number().nullish(), d: z.unknown() });
const Hello = z.object({ heartbeat_interval: z.number() });
const Ready = z.object({ session_id: z.string(), guilds: z.array(z.object({ id: z.string() })) });
const InGuild = z.object({ guild_id: z.string() });
const Gone = z.object({ id: z.string() });

/** Stays connected to the gateway, over cut connections too: goes on with its session, or begins another. */
export function goLive(options: Options): Live {
  let closed = false;
  let socket: WebSocket | undefined;
  const session: Session = { id: undefined, seq: null, awaited: new Set(), wasReady: false };
  void (async () => {
    for (let pauseMs = 500; !closed; pauseMs = Math.min(pauseMs * 2, 15_000)) {
      try {
        const token = await options.token();
        if (closed) return;
        const agent = options.url.startsWith("wss:") ? new Agent(trustOf(options.url, options.tlsCert)) : undefined;
        socket = new WebSocket(`${options.url}/?v=10&encoding=json`, { agent });
        if (await converse(socket, token, session, options.events)) pauseMs = 500;
      } catch (error) {
        options.events.trouble(error instanceof Error ? error.message : String(error));
      }
      if (closed) return;
      options.events.trouble("The connection was lost; connecting again …");
      await sleep(pauseMs);
    }
  })();
  return {
    close: () => {
      closed = true;
      socket?.close(1000);
    },
  };
}

interface Session {
  id: string | undefined;
  seq: number | null;
  /** Guilds named by READY that have yet to come. */
  awaited: Set<string>;
  wasReady: boolean;
}

/** One connection, to its end. @returns whether it got as far as a session. */
function converse(socket: WebSocket, token: string, session: Session, events: LiveEvents): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let heartbeat: NodeJS.Timeout | undefined;
    let acknowledged = true;
    let began = false;
    const send = (op: GatewayOpcodes, d: unknown) =>
      socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ op, d }));
    const enter = () => {
      const properties = { os: process.platform, browser: "guildhall chat", device: "terminal" };
      if (session.id === undefined) send(GatewayOpcodes.Identify, { token, intents: INTENTS, properties });
      else send(GatewayOpcodes.Resume, { token, session_id: session.id, seq: session.seq });
    };
    const beat = () => {
      // No answer to the last one: the connection is dead, though nobody has said so.
      if (!acknowledged) return socket.terminate();
      acknowledged = false;
      send(GatewayOpcodes.Heartbeat, session.seq);
    };
    socket.on("message", (data) => {
      const payload = Payload.parse(JSON.parse(String(data)));
      session.seq = payload.s ?? session.seq;
      if (payload.op === GatewayOpcodes.Hello) {
        heartbeat = setInterval(beat, Hello.parse(payload.d).heartbeat_interval);
        enter();
      } else if (payload.op === GatewayOpcodes.HeartbeatAck) acknowledged = true;
      else if (payload.op === GatewayOpcodes.Heartbeat) send(GatewayOpcodes.Heartbeat, session.seq);
      else if (payload.op === GatewayOpcodes.Reconnect) socket.close(4000);
      else if (payload.op === GatewayOpcodes.InvalidSession) {
        session.id = undefined;
        session.seq = null;
        socket.close(4000);
      } else if (payload.op === GatewayOpcodes.Dispatch && payload.t) {
        began = true;
        onDispatch(payload.t, payload.d, session, events);
      }
    });
    socket.once("error", reject);
    socket.once("close", (code) => {
      clearInterval(heartbeat);
      // 4004: the token ran out. 4007, 4009: the session can't be gone on with.
      if ([4004, 4007, 4009].includes(code)) session.id = undefined;
      resolve(began);
    });
  });
}

function onDispatch(type: string, data: unknown, session: Session, events: LiveEvents): void {
  switch (type) {
    case GatewayDispatchEvents.Ready: {
      const ready = Ready.parse(data);
      session.id = ready.session_id;
      session.awaited = new Set(ready.guilds.map((guild) => guild.id));
      break;
    }
    case GatewayDispatchEvents.GuildCreate: {
      const guild = Guild.parse(data);
      session.awaited.delete(guild.id);
      events.guild(guild);
      break;
    }
    case GatewayDispatchEvents.GuildDelete:
      events.guildGone(Gone.parse(data).id);
      break;
    case GatewayDispatchEvents.ChannelCreate:
    case GatewayDispatchEvents.ChannelUpdate:
      events.channel(InGuild.parse(data).guild_id, Channel.parse(data));
      break;
    case GatewayDispatchEvents.ChannelDelete:
      events.channelGone(InGuild.parse(data).guild_id, Gone.parse(data).id);
      break;
    case GatewayDispatchEvents.MessageCreate:
      events.message(Message.parse(data));
      break;
  }
  if (session.awaited.size === 0 && !session.wasReady) {
    session.wasReady = true;
    events.ready();
  }
}
