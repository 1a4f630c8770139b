import { expect, test } from "vitest";
import { routes } from "../../src/routes/index.ts";
import { lacks, reader, unknown, wrong } from "./failures/failure.ts";
import { missingKinds, refusalFault } from "./refusals.ts";

// What the contract tests would miss if these didn't hold.
const routeOf = (operation: string) => {
  const route = routes.find((each) => each.operation === operation);
  if (route === undefined) throw new RangeError(operation);
  return route;
};
const none = { forbidden: [], unknown: [], invalid: [], limits: [] };

test("an operation must name its failures: by its path, its form and each of its permissions", () => {
  const banning = routeOf("ban_user_from_guild");
  const all = ["forbidden", "unknown", "invalid", "forbidden without BAN_MEMBERS"];
  expect(missingKinds(banning, none)).toEqual(all);
  expect(missingKinds(banning, { ...none, forbidden: [reader] })).toEqual(all.slice(1));
  expect(missingKinds(banning, { ...none, forbidden: [lacks("BAN_MEMBERS")] })).toEqual(["unknown", "invalid"]);
  expect(missingKinds(routeOf("get_gateway"), none)).toEqual([]);
});

test("a refusal must have the status, the code, Discord's form and the fault where it belongs", () => {
  const headers = new Headers();
  const tooLong = wrong("embeds.0.title", "x", "BASE_TYPE_BAD_LENGTH");
  const list = { _errors: [{ code: "BASE_TYPE_BAD_LENGTH", message: "Must be 256 or fewer in length." }] };
  const body = { code: 50035, message: "Invalid Form Body", errors: { embeds: { 0: { title: list } } } };
  expect(refusalFault(tooLong, { status: 400, body, headers })).toBeNull();
  expect(refusalFault(tooLong, { status: 422, body, headers })).toMatch(/^answered 422/);
  expect(refusalFault(tooLong, { status: 400, body: { ...body, stack: "" }, headers })).toMatch(/^is no error/);
  expect(refusalFault(tooLong, { status: 400, body: { ...body, errors: { title: list } }, headers })).toMatch(
    /^has no _errors at embeds.0.title/,
  );
  const noMessage = unknown("message_id", 10008);
  expect(refusalFault(noMessage, { status: 404, body: { code: 10003, message: "x" }, headers })).toMatch(/10008/);
  expect(refusalFault(noMessage, { status: 200, body: null, headers })).toMatch(/^answered 200/);
});
