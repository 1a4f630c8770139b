import { expect, test } from "vitest";
import { BREAKER_RULES, Breaker } from "../../gateway/webhooks/breaker.ts";
import { Lanes } from "../../gateway/webhooks/lanes.ts";
import type { QueuedDelivery } from "../../gateway/webhooks/queue.ts";
import { insertApplication, insertGuild } from "./application.ts";
import { startEngine, until } from "./engine.ts";
import { startReceiver, verifiesAsDiscord } from "./receiver.ts";

const { sql, dispatch } = await startEngine();
const endpoint = async (id: string) =>
  (await sql`select status, disabled_reason, failed_probes from event_endpoints where id = ${id}`)[0];

test("an endpoint is now and then sent an invalid signature; one that takes it three times is switched off", async () => {
  const guild = await insertGuild(sql);
  const [careless, careful] = [await startReceiver(), await startReceiver()];
  const one = await insertApplication(sql, guild, careless.url);
  const other = await insertApplication(sql, guild, careful.url);
  careful.answer = (request, response) =>
    response.writeHead(verifiesAsDiscord(request, other.publicKey) ? 204 : 401).end();
  // The first answer comes late: what it says is of a time when no probe had failed.
  const delays = [600];
  careless.answer = (_request, response) => {
    setTimeout(() => response.writeHead(204).end(), delays.shift() ?? 0);
  };
  dispatch({ probeEveryMs: 50 });
  await until(async () => expect(await endpoint(one.id)).toMatchObject({ status: 3, failed_probes: 3 }));
  await new Promise((done) => setTimeout(done, 600));
  expect(await endpoint(one.id)).toMatchObject({ failed_probes: 3 });
  expect((await endpoint(one.id))?.disabled_reason).toMatch(/invalid signature 3 times/);
  expect(careless.received.every((request) => !verifiesAsDiscord(request, one.publicKey))).toBe(true);
  const seen = careful.received.length;
  await until(() => expect(careful.received.length).toBeGreaterThan(seen + 3));
  expect(await endpoint(other.id)).toMatchObject({ status: 2, failed_probes: 0 });
  careless.close();
  careful.close();
});

test("in strict order, what waits behind a failure waits until the failure is written, however soon it is tried again", () => {
  const lanes = new Lanes({ endpoint_id: "1", fence: "1" }, new Breaker(BREAKER_RULES), 1000);
  const row = (id: string): QueuedDelivery => ({
    id,
    endpoint_id: "1",
    event_id: id,
    event_type: "MESSAGE_CREATE",
    server_id: "7",
    channel_id: null,
    left_channel_id: null,
    state: "first",
    attempts: 0,
    due_in_ms: 0,
    age_ms: 0,
    created_at: new Date(0),
    data: "{}",
    place: { endpoint_id: "1", server_id: "7", channel_id: null, loadedAt: 0 },
  });
  lanes.add([row("1"), row("2")], 0);
  const failing = lanes.next(0, 8);
  if (failing === undefined) throw new Error("nothing was sent");
  lanes.block(failing, 1);
  lanes.ended(failing);
  // The time is over, the outcome is not written: a look would find only the second.
  expect(lanes.blockedGuilds(10)).toEqual(["1:7"]);
  lanes.add([row("2")], 10);
  expect(lanes.next(10, 8)).toBeUndefined();
  lanes.forget(failing);
  expect(lanes.blockedGuilds(10)).toEqual([]);
  lanes.add([row("1"), row("2")], 10);
  expect(lanes.next(10, 8)?.id).toBe("1");
});
