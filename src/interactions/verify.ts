import { InteractionResponseType, InteractionType } from "discord-api-types/v10";
import { z } from "zod";
import type { EgressResponse } from "../../core/egress.ts";
import { toLogEntry } from "../../core/event-log.ts";
import { insertEntries } from "../../core/outbox.ts";
import { faultOfEndpoint, faultOfRefusal, unless } from "../../core/webhook-endpoint.ts";
import { generateKeyPair } from "../../core/webhook-signing.ts";
import type { App } from "../app.ts";
import { clearFailures, countFailure, type DueEndpoint, takeDueEndpoints } from "../store/interaction-endpoints.ts";
import { postInteraction } from "./endpoint.ts";
import { isJson } from "./endpoint-answer.ts";

/** A URL that accepts this many forged requests in a row is removed. */
const MAX_FAILURES = 3;
/** At least once a day each URL must show that it looks at signatures; one that has failed, sooner again. */
const PROBE_EVERY_MS = 12 * 3600_000;
const PROBE_SUSPECT_MS = 10 * 60_000;

/** What an endpoint is asked when a URL is set, and now and then after. */
const ping = (applicationId: string, id: string): string =>
  JSON.stringify({ id, application_id: applicationId, type: InteractionType.Ping, token: id, version: 1 });

const pong = z.object({ type: z.literal(InteractionResponseType.Pong) });

/**
 * Looks whether a URL may become an application's `interactions_endpoint_url`: it must answer a PING with a PONG, and
 * one that is signed with another key with 401.
 * https://discord.com/developers/docs/interactions/overview#setting-up-an-endpoint
 * @returns what is wrong, in words for the developer; undefined when nothing is
 */
export function verifyInteractionEndpoint(
  app: App,
  applicationId: string,
  { url, seed }: { url: string; seed: Buffer },
): Promise<string | undefined> {
  const body = ping(applicationId, app.nextId());
  const send = (key: Buffer) => postInteraction(app, { url, seed: key }, body);
  return faultOfEndpoint(send, seed, generateKeyPair().seed, faultOfPong);
}

function faultOfPong(answer: EgressResponse): string | undefined {
  const wrong = unless(200, answer, "a PING");
  if (wrong !== undefined) return wrong;
  if (!isJson(String(answer.headers["content-type"] ?? ""))) {
    return "The URL answered a PING without Content-Type: application/json.";
  }
  return pong.safeParse(parsed(answer.body)).success ? undefined : 'The URL must answer a PING with {"type":1}.';
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a proxy says of an endpoint that is away: nothing about signatures. */
const AWAY: readonly number[] = [502, 503, 504];

/** What a probe needs. */
type Prober = Pick<App, "sql" | "egress" | "config" | "log" | "nextId" | "now">;

/** Sends forged requests to the URLs that are due, and removes one that has let three of them pass. */
export async function probeEndpoints(app: Prober): Promise<void> {
  const now = app.now();
  const due = await takeDueEndpoints(app.sql, new Date(now), {
    sound: new Date(now - PROBE_EVERY_MS * (0.75 + Math.random() / 4)),
    suspect: new Date(now - PROBE_SUSPECT_MS),
  });
  await Promise.all(due.map((endpoint) => probe(app, endpoint)));
}

async function probe(app: Prober, endpoint: DueEndpoint): Promise<void> {
  const { id, url } = endpoint;
  const seed = generateKeyPair().seed;
  const answer = await postInteraction(app, { url, seed }, ping(id, app.nextId())).catch(() => undefined);
  // Unreachable is no fault of its security; its interactions fail, which the owner notices.
  if (answer === undefined || AWAY.includes(answer.status)) return;
  const fault = faultOfRefusal(answer);
  if (fault === undefined) return clearFailures(app.sql, endpoint);
  const removed = await app.sql.begin(async (tx) => {
    const ownerId = await countFailure(tx, endpoint, fault, MAX_FAILURES, new Date(app.now()));
    if (ownerId === undefined) return false;
    // Relayed soon: nobody waits for it.
    const data = { application_id: id, interactions_endpoint_url: null, reason: fault };
    await insertEntries(tx, [toLogEntry({ t: "EVENT_ENDPOINT_DISABLED", userId: ownerId, data })]);
    return true;
  });
  app.log.warn({ applicationId: id, fault, removed }, "interactions endpoint failed a security check");
}
