// The bare thing that the gateway is measured against: uWebSockets.js and nothing else. It has no sessions, knows no
// permissions, keeps no order and loses what Redis loses; what it does is the least that could be done.
import { Redis } from "ioredis";
import postgres from "postgres";
import { z } from "zod";
import { App } from "../gateway/uws.ts";
import { answer } from "./bench/answer.ts";

const env = z.object({ PORT: z.coerce.number(), REDIS_URL: z.string(), DATABASE_URL: z.string() }).parse(process.env);
const redis = new Redis(env.REDIS_URL);
const subscriber = new Redis(env.REDIS_URL);
const sql = postgres(env.DATABASE_URL, { max: 10, onnotice: () => {} });

/** Which topic a Redis channel goes to. */
const feeds = new Map<string, string>();
/** What a client that logs in is sent. */
let greeting: readonly string[] = [];

const first = z.union([z.object({ login: z.string() }), z.object({ stream: z.string(), after: z.number() })]);

const app = App()
  .ws<{ topics: string[] }>("/*", {
    maxPayloadLength: 16 * 1024,
    maxBackpressure: 4 * 1024 * 1024,
    idleTimeout: 0,
    upgrade: (res, req, context) => {
      const topics = new URLSearchParams(req.getQuery()).get("topics")?.split(",") ?? [];
      const headers = ["sec-websocket-key", "sec-websocket-protocol", "sec-websocket-extensions"].map((name) =>
        req.getHeader(name),
      );
      res.upgrade({ topics }, headers[0] ?? "", headers[1] ?? "", headers[2] ?? "", context);
    },
    open: (socket) => {
      for (const topic of socket.getUserData().topics) socket.subscribe(topic);
    },
    message: async (socket, message) => {
      const wish = first.parse(JSON.parse(Buffer.from(message).toString()));
      if ("login" in wish) {
        // One look-up of the token, and the same bytes that the gateway sends.
        await sql`select user_id from access_tokens where token_hash = sha256(${wish.login}::bytea)`;
        socket.cork(() => {
          for (const text of greeting) socket.send(text);
        });
        return;
      }
      const entries = await redis.xrange(wish.stream, `${wish.after + 1}-0`, "+");
      socket.cork(() => {
        for (const [id, fields] of entries) socket.send(frame(id.slice(0, -2), fields[5] ?? ""));
      });
    },
  })
  .listen("127.0.0.1", env.PORT, () => {});

const frame = (number: string, body: string) => `{"op":0,"s":${number},${body}}`;

subscriber.on("message", (channel: string, message: string) => {
  const topic = feeds.get(channel);
  if (topic === undefined) return;
  const body = message.indexOf("\n", message.indexOf("\n") + 1) + 1;
  app.publish(topic, frame(message.slice(0, message.indexOf(" ")), message.slice(body)));
});

/** From now on, what is published on the Redis channel goes to the topic. */
answer("feed", async (body) => {
  const { channel, topic } = z.object({ channel: z.string(), topic: z.string() }).parse(body);
  feeds.set(channel, topic);
  await subscriber.subscribe(channel);
});

/** Publishes the texts to a topic, in one turn. */
answer("publish", (body) => {
  const { topic, texts } = z.object({ topic: z.string(), texts: z.array(z.string()) }).parse(body);
  for (const text of texts) app.publish(topic, text);
});

answer("greeting", (body) => {
  greeting = z.array(z.string()).parse(body);
});

answer("ready", async () => {
  await Promise.all([redis.ping(), subscriber.ping(), sql`select 1`]);
});
