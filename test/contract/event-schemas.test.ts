import { expect, test } from "vitest";
import { eventFault } from "./event-schemas.ts";

// What the sockets of all tests would let through if these didn't hold.
test("a dispatch fails with a field too many, too few or of another type, and with a name that has no schema", () => {
  const removed = { id: "1", channel_id: "2", guild_id: "3" };
  expect(eventFault("MESSAGE_DELETE", removed)).toBeNull();
  expect(eventFault("MESSAGE_DELETE", { ...removed, guild_id: undefined })).toBeNull();
  expect(eventFault("MESSAGE_DELETE", { ...removed, author: "4" })).toMatch(/^MESSAGE_DELETE body: /);
  expect(eventFault("MESSAGE_DELETE", { id: "1" })).toMatch(/^MESSAGE_DELETE channel_id: /);
  expect(eventFault("MESSAGE_DELETE", { ...removed, id: 1 })).toMatch(/^MESSAGE_DELETE id: /);
  expect(eventFault("$GUILD_JOIN", {})).toMatch(/has no schema/);
});
