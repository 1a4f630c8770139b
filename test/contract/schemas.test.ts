import { describe, expect, test } from "vitest";
import { operations } from "../../src/openapi/operations.ts";
import { faultOf } from "./check.ts";
import { fault, responseSchema } from "./schemas.ts";

// What the contract tests would miss if these didn't hold.
describe("a body fails", () => {
  const category = { id: "1", type: 4, flags: 0, guild_id: "2", name: "rules", position: 0 };
  const channel = responseSchema({ oneOf: ["GuildChannelResponse", "PrivateChannelResponse"] });
  const overwrite = { id: "2", type: 0, allow: "0", deny: "0" };

  test("with a field too many, at any depth", () => {
    expect(fault(channel, { ...category, permission_overwrites: [overwrite] })).toBeNull();
    expect(fault(channel, { ...category, colour: 1 })).toBe('body: Unrecognized key: "colour"');
    const deeper = { ...category, permission_overwrites: [{ ...overwrite, colour: 1 }] };
    expect(fault(channel, deeper)).toBe('permission_overwrites.0: Unrecognized key: "colour"');
  });

  test("with a field too few, or of another type", () => {
    const { position, ...unplaced } = category;
    expect(fault(channel, unplaced)).toMatch(/^position: /);
    expect(fault(channel, { ...category, position: String(position) })).toMatch(/^position: /);
    expect(fault(channel, { ...category, id: 1 })).toMatch(/^id: /);
  });

  test("with a time that is none; one with an offset is one", () => {
    const pinned = (at: string) => fault(channel, { ...category, type: 0, last_pin_timestamp: at });
    expect(pinned("2026-01-02T03:04:05.678000+00:00")).toBeNull();
    expect(pinned("2026-01-02 03:04:05")).toMatch(/^last_pin_timestamp: /);
  });
});

describe("an answer fails", () => {
  const described = (name: string) => {
    const found = operations.find(({ operation }) => operation === name);
    if (found === undefined) throw new RangeError(name);
    return found;
  };
  const headers = new Headers();

  test("of a status that the operation doesn't have", () => {
    expect(faultOf(described("get_gateway"), { status: 200, body: { url: "ws://localhost/" }, headers })).toBeNull();
    expect(faultOf(described("get_gateway"), { status: 404, body: { code: 0 }, headers })).toMatch(/^answered 404/);
  });

  test("with a body where there is none, and without where there is one", () => {
    expect(faultOf(described("delete_message"), { status: 204, body: null, headers })).toBeNull();
    expect(faultOf(described("delete_message"), { status: 204, body: {}, headers })).toMatch(/has a body/);
    expect(faultOf(described("get_gateway"), { status: 200, body: null, headers })).toMatch(/^200: body/);
  });
});
