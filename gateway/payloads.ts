import { z } from "zod";

/** What clients send. https://discord.com/developers/docs/events/gateway-events#send-events */
export const payloadSchema = z.object({ op: z.number().int(), d: z.unknown() });

export const identifySchema = z.object({
  token: z.string().min(1).max(512),
  intents: z.number().int().min(0).optional(),
  compress: z.boolean().optional(),
  large_threshold: z.number().int().min(50).max(250).optional().catch(50),
  shard: z.tuple([z.number().int().min(0), z.number().int().min(1).max(1024)]).optional(),
});

export const resumeSchema = z.object({
  token: z.string().min(1).max(512),
  session_id: z.string().regex(/^[0-9a-f]{32}$/),
  seq: z.number().int().min(0),
});
