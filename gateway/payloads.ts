import { z } from "zod";
import { presenceSchema, propertiesSchema } from "./presence-payload.ts";

/** What clients send. https://discord.com/developers/docs/events/gateway-events#send-events */
export const payloadSchema = z.object({ op: z.number().int(), d: z.unknown().optional() });
export type Payload = z.infer<typeof payloadSchema>;

/** The last number received; before the first, libraries send null, nothing, 0 or -1. It is not needed for anything. */
export const heartbeatSchema = z.number().int().nullish();

/** Which intents and shards there are is judged later: they have close codes of their own. */
export const identifySchema = z.object({
  token: z.string().min(1).max(512),
  properties: propertiesSchema,
  presence: presenceSchema.nullish(),
  intents: z.number().int().optional(),
  compress: z.boolean().optional(),
  large_threshold: z.number().int().min(50).max(250).optional().catch(50),
  shard: z.tuple([z.number().int(), z.number().int()]).nullish(),
});

const snowflake = z.string().regex(/^\d{1,19}$/);

export const requestMembersSchema = z.object({
  // Some libraries still send a list of one.
  guild_id: z.union([
    snowflake,
    z
      .array(snowflake)
      .length(1)
      .transform(([id]) => id ?? "0"),
  ]),
  query: z.string().max(100).optional(),
  limit: z.number().int().min(0).optional().default(0),
  presences: z.boolean().optional(),
  user_ids: z.union([snowflake.transform((id) => [id]), z.array(snowflake).max(1000)]).optional(),
  nonce: z.string().optional(),
});

export const resumeSchema = z.object({
  token: z.string().min(1).max(512),
  session_id: z.string().max(128),
  seq: z.number().int(),
});
