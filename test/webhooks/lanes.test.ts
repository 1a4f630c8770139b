import { expect, test } from "vitest";
import { BREAKER_RULES, Breaker } from "../../gateway/webhooks/breaker.ts";
import { Lanes } from "../../gateway/webhooks/lanes.ts";
import type { Look, QueuedDelivery } from "../../gateway/webhooks/queue.ts";

const open = () => new Lanes({ endpoint_id: "1", fence: "1" }, new Breaker(BREAKER_RULES), Number.POSITIVE_INFINITY);

function row(id: string, guildId = "7"): QueuedDelivery {
  const place = { endpoint_id: "1", server_id: guildId, channel_id: null };
  return {
    id,
    ...place,
    left_channel_id: null,
    event_id: id,
    event_type: "MESSAGE_CREATE",
    state: "first",
    attempts: 0,
    due_in_ms: 0,
    age_ms: 0,
    created_at: new Date(0),
    data: "{}",
    place: { ...place, loadedAt: 0 },
  };
}

function look(lanes: Lanes, now: number, most = 64): Look {
  const made = lanes.look(now, most);
  if (made === undefined) throw new Error("there is no room");
  return made;
}

/** Sends the next and has it settled. @returns its id */
function send(lanes: Lanes): string | undefined {
  const next = lanes.next(0, 8);
  if (next === undefined) return undefined;
  lanes.ended(next);
  lanes.forget(next);
  return next.id;
}

test("guilds take turns, each in the order of its events, also of one that became visible late", () => {
  const lanes = open();
  lanes.add([row("1"), row("2"), row("4"), row("5", "8"), row("6", "8")], 0);
  lanes.add([row("3")], 0);
  expect(Array.from({ length: 7 }, () => send(lanes))).toEqual(["1", "5", "2", "6", "3", "4", undefined]);
  expect([lanes.waiting, lanes.empty]).toEqual([0, true]);
});

test("a look goes on where the last one ended, and looks back after a second, or when it had read all", () => {
  const lanes = open();
  const first = look(lanes, 0, 2);
  expect(first).toMatchObject({ from: 0, first: 2 });
  lanes.add([row("10"), row("11")], 0);
  lanes.looked(first, false, 0);
  expect(lanes.look(0, 2)).toMatchObject({ first: 0 });
  send(lanes);
  const second = look(lanes, 10, 2);
  expect(second).toMatchObject({ from: 12, first: 1, known: [] });
  expect(look(lanes, 1000, 2)).toMatchObject({ from: 0, known: ["11"] });
  expect(look(lanes, 1010, 2)).toMatchObject({ from: 12 });
  lanes.looked(second, true, 0);
  expect(look(lanes, 1020, 2)).toMatchObject({ from: 0 });
});

test("the floor stays below what was let go while a look was under way, and what goes later", () => {
  const lanes = open();
  lanes.add([row("10"), row("11"), row("12", "8")], 0);
  const during = look(lanes, 0);
  // The look found nothing but what is known; meanwhile the breaker opened, and all is to be read again.
  lanes.letWait();
  lanes.looked(during, true, 1000);
  expect(lanes.floor).toBe(10);
  const again = look(lanes, 0);
  expect(again).toMatchObject({ from: 10, known: [] });
  lanes.add([row("10"), row("11"), row("12", "8")], 0);
  for (const id of ["10", "12", "11"]) expect(send(lanes)).toBe(id);
  const last = look(lanes, 1000);
  lanes.looked(last, true, 1000);
  expect(lanes.floor).toBe(1000);
});

test("the floor does not move while a guild waits behind a failure, and its events are looked for from there", () => {
  const lanes = open();
  lanes.add([row("10"), row("11")], 0);
  const failing = lanes.next(0, 8);
  if (failing === undefined) throw new Error("nothing was sent");
  lanes.block(failing, 500);
  lanes.ended(failing);
  lanes.forget(failing);
  const blocked = look(lanes, 0);
  expect(blocked).toMatchObject({ from: 0, blocked: ["1:7"], known: [] });
  lanes.add([row("20", "8")], 0);
  lanes.looked(blocked, false, 1000);
  expect(lanes.floor).toBe(0);
  expect(look(lanes, 100)).toMatchObject({ from: 21 });
  expect(look(lanes, 500)).toMatchObject({ from: 0, blocked: [], known: ["20"] });
});
