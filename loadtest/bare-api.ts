// The bare thing that the API is measured against: Hono and one statement. No authentication, no permissions, no
// validation, no shape: rows go out as they come from Postgres.
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { Redis } from "ioredis";
import postgres from "postgres";
import { z } from "zod";
import { attach, defineScripts, publishEntry, toLogEntry } from "../core/event-log.ts";
import { snowflakeGenerator } from "../core/snowflake.ts";
import { channelColumns, memberColumns, notThread, userJson } from "../core/store/fragments.ts";
import { answer } from "./bench/answer.ts";

const env = z.object({ PORT: z.coerce.number(), REDIS_URL: z.string(), DATABASE_URL: z.string() }).parse(process.env);
const redis = new Redis(env.REDIS_URL);
const sql = postgres(env.DATABASE_URL, { max: 10, onnotice: () => {} });
const nextId = snowflakeGenerator(() => 1022);
const limits = { maxEvents: 10_000, windowSeconds: 900 };
defineScripts(redis);
const { epoch } = await attach(redis, null);

/** Where messages go, told by the bench. */
let place = { guildId: "0", authorId: "0" };
answer("serve", (body) => {
  place = z.object({ guildId: z.string(), authorId: z.string() }).parse(body);
});
answer("ready", () => sql`select 1`.then(() => null));

const app = new Hono();

/** One INSERT and the publish script. */
app.post("/api/v10/channels/:channel_id/messages", async (c) => {
  const { guildId, authorId } = place;
  const channelId = c.req.param("channel_id");
  const { content } = await c.req.json<{ content: string }>();
  const message = { id: nextId(), channel_id: channelId, author_id: authorId, content, created_at: new Date() };
  await sql`insert into messages ${sql(message)}`;
  const event = { t: "MESSAGE_CREATE", guildId, channelId, authorId, data: message } as const;
  await publishEntry(redis, toLogEntry(event), epoch, limits);
  return c.json(message);
});

app.get("/api/v10/channels/:channel_id/messages", async (c) => {
  const rows = await sql`
    select msg.*,
      (select ${userJson(sql)} from users u where u.id = msg.author_id) as author,
      coalesce((select json_agg(${userJson(sql)}) from users u where u.id = any(msg.mentions)), '[]') as mentioned
    from messages msg where msg.channel_id = ${c.req.param("channel_id")} and not msg.deleted
    order by msg.id desc limit 50`;
  return c.json(rows);
});

app.get("/api/v10/guilds/:guild_id", async (c) => {
  const [row] = await sql`
    select s.*, (select json_agg(r order by r.position, r.id desc) from roles r where r.server_id = s.id) as roles
    from servers s where s.id = ${c.req.param("guild_id")}`;
  return c.json(row);
});

app.get("/api/v10/guilds/:guild_id/channels", async (c) => {
  const rows = await sql`
    select ${channelColumns(sql)} from channels c where c.server_id = ${c.req.param("guild_id")} and ${notThread(sql)}
    order by c.position, c.id`;
  return c.json(rows);
});

app.get("/api/v10/guilds/:guild_id/members/:user_id", async (c) => {
  const [row] = await sql`
    select ${memberColumns(sql)} from server_members m join users u on u.id = m.user_id
    where m.server_id = ${c.req.param("guild_id")} and m.user_id = ${c.req.param("user_id")}`;
  return c.json(row);
});

serve({ fetch: app.fetch, port: env.PORT, hostname: "127.0.0.1" });
