// The bare thing that outgoing webhooks are measured against: an undici pool and nothing else. It reads no queue, looks
// at no address and keeps no log.
import { Pool } from "undici";
import { z } from "zod";
import { signed } from "../core/webhook-endpoint.ts";
import { answer } from "./bench/answer.ts";

const order = z.object({
  origin: z.string(),
  path: z.string(),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
  /** Each sends one after the other, over a connection of its own. */
  lanes: z.number(),
  count: z.number(),
  /** Signs each request as ours are, with such a key; else all bear the signatures in `headers`. */
  key: z.base64().nullable(),
});

let pool: Pool | undefined;

answer("post", async (raw) => {
  const { origin, path, headers, body, lanes, count, key } = order.parse(raw);
  const seed = Buffer.from(key ?? "", "base64");
  const keys = { seed, secrets: [seed] };
  pool ??= new Pool(origin, { connections: lanes });
  const connections = pool;
  let left = count;
  const lane = async () => {
    while (left-- > 0) {
      const { statusCode, body: answered } = await connections.request({
        method: "POST",
        path,
        ...(key === null ? { headers, body } : signed(keys, "1", body)),
      });
      if (statusCode !== 204) throw new Error(`the receiver answered ${statusCode}`);
      await answered.dump();
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
});

answer("ready", () => {});
