import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { closeReasons } from "../../gateway/close-codes.ts";
import { encodeEtf } from "../../gateway/etf.ts";
import { judge } from "../../gateway/receive.ts";
import { startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";

const ENCODINGS = ["json", "etf"] as const;
const STANDINGS = ["anonymous", "entering", "identified"] as const;
type Encoding = (typeof ENCODINGS)[number];

/** Inputs judged so far, by what came of them. */
const verdicts = new Map<string, number>();

/** Judging never throws, and what comes of it is a close reason of ours or something to do. */
function expectKnownVerdict(bytes: Uint8Array, encoding: Encoding, standing: (typeof STANDINGS)[number]): void {
  const verdict = judge(new Uint8Array(bytes).buffer, encoding, standing);
  const name = typeof verdict === "function" ? "effect" : verdict;
  if (typeof verdict !== "function") expect(Object.keys(closeReasons)).toContain(verdict);
  verdicts.set(name, (verdicts.get(name) ?? 0) + 1);
}

const encoding = fc.constantFrom(...ENCODINGS);
const standing = fc.constantFrom(...STANDINGS);
const write = (payload: unknown, as: Encoding) =>
  as === "etf" ? encodeEtf(payload) : Buffer.from(JSON.stringify(payload) ?? "");

/** Payloads that are taken as they stand: what the fields below are changed in. */
const good = [
  { op: 1, d: 251 },
  { op: 1, d: null },
  {
    op: 2,
    d: {
      token: "MTIz.abc.def",
      intents: 513,
      properties: { os: "linux", browser: "disco", device: "disco" },
      compress: true,
      large_threshold: 250,
      shard: [0, 1],
      presence: { activities: [{ name: "cards", type: 0 }], status: "dnd", since: 91879201, afk: false },
    },
  },
  { op: 6, d: { token: "MTIz.abc.def", session_id: "0123456789abcdef0123456789abcdef", seq: 1337 } },
  { op: 8, d: { guild_id: "41771983444115456", query: "", limit: 0, presences: true, nonce: "n" } },
  { op: 8, d: { guild_id: ["41771983444115456"], user_ids: ["1", "2"], limit: 0 } },
  { op: 3, d: { since: 91879201, activities: [{ name: "cards", type: 0 }], status: "online", afk: false } },
  { op: 4, d: { guild_id: "41771983423143937", channel_id: null, self_mute: false, self_deaf: false } },
  { op: 31, d: { guild_ids: ["613425648685547541"] } },
  { op: 43, d: { guild_id: "613425648685547541", fields: ["status", "voice_start_time"] } },
];

const odd: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, true, "", "0", "-1", -1, 0, 1.5, 2 ** 31, 2 ** 53, 1e308, [], {}, [[]]),
  fc.constantFrom<unknown>("9".repeat(40), "\u0000", "\ud800", "__proto__", { __proto__: null }, Array(500).fill(0)),
  fc.jsonValue({ maxDepth: 3 }),
);

/** Every place in a value, as a path of keys. */
function paths(value: unknown): string[][] {
  if (typeof value !== "object" || value === null) return [[]];
  return [[], ...Object.entries(value).flatMap(([key, each]) => paths(each).map((path) => [key, ...path]))];
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  if (Array.isArray(value)) return value.map((each, i) => (String(i) === key ? replaced(each, rest, by) : each));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, k === key ? replaced(v, rest, by) : v]));
}

/** A good payload with up to three of its fields, or its opcode, made into something else. */
const mutated = fc.constantFrom(...good).chain((payload) => {
  const change = fc.tuple(fc.constantFrom(...paths(payload)), odd);
  return fc
    .tuple(fc.array(change, { minLength: 1, maxLength: 3 }), fc.option(fc.integer({ min: -1, max: 50 })))
    .map(([changes, op]) => {
      const changed = changes.reduce<unknown>((value, [path, by]) => replaced(value, path, by), payload);
      return op === null ? changed : replaced(changed, ["op"], op);
    });
});

/** A good payload with some of its bytes flipped, cut out, put in twice or cut off. */
const damaged = fc
  .tuple(fc.constantFrom(...good), encoding, fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.nat(3)), { maxLength: 6 }))
  .map(([payload, as, edits]) => {
    let bytes = [...write(payload, as)];
    for (const [where, byte, kind] of edits) {
      const at = bytes.length === 0 ? 0 : where % bytes.length;
      if (kind === 0) bytes[at] = byte;
      else if (kind === 1) bytes.splice(at, 1 + (byte % 8));
      else if (kind === 2) bytes.splice(at, 0, ...bytes.slice(0, byte));
      else bytes = bytes.slice(0, at);
    }
    return { bytes: Uint8Array.from(bytes), as };
  });

test("150,000 hostile payloads: each is taken or closes the connection with a code of ours, none throws", () => {
  const bytes = fc.uint8Array({ maxLength: 200 });
  fc.assert(fc.property(bytes, encoding, standing, expectKnownVerdict), { numRuns: 40_000 });
  const json = fc.jsonValue({ maxDepth: 4 });
  fc.assert(
    fc.property(json, encoding, standing, (value, as, who) => expectKnownVerdict(write(value, as), as, who)),
    { numRuns: 20_000 },
  );
  fc.assert(
    fc.property(damaged, standing, ({ bytes, as }, who) => expectKnownVerdict(bytes, as, who)),
    { numRuns: 40_000 },
  );
  fc.assert(
    fc.property(mutated, encoding, standing, (value, as, who) => expectKnownVerdict(write(value, as), as, who)),
    { numRuns: 50_000 },
  );
  expect([...verdicts.values()].reduce((sum, count) => sum + count, 0)).toBe(150_000);
  // All of them, or the inputs were too poor to reach the schemas.
  const reachable = ["effect", "DECODE_ERROR", "UNKNOWN_OPCODE", "INVALID_PAYLOAD"];
  for (const name of [...reachable, "NOT_AUTHENTICATED", "ALREADY_AUTHENTICATED"]) {
    expect(verdicts.get(name) ?? 0, name).toBeGreaterThan(1000);
  }
});

const platform = await startPlatform();
const person = await platform.person();
const guild = await platform.guild(person);
const bystander = await platform.socket(person);
afterAll(() => bystander.close());

test("hostile payloads at the wire: a known close code or an answer, and a neighbour misses nothing", async () => {
  const known = new Set<number>(Object.values(closeReasons).map(([code]) => code));
  const inputs = [
    ...fc.sample(damaged, 150).map(({ bytes, as }) => ({ bytes, as })),
    ...fc.sample(fc.tuple(mutated, encoding), 150).map(([value, as]) => ({ bytes: write(value, as), as })),
  ];
  const outcomes = await Promise.all(
    inputs.map(async ({ bytes, as }) => {
      const socket = await Socket.open(platform.gatewayUrl(), `v=10&encoding=${as}`);
      // As binary also where it is JSON: text that isn't UTF-8 would not come through the WebSocket layer.
      socket.ws.send(bytes, { binary: true });
      await Promise.race([socket.closing(), socket.settled().catch(() => {})]);
      socket.close();
      return socket.closed?.code ?? "answered";
    }),
  );
  for (const outcome of outcomes) expect(outcome === "answered" || known.has(outcome), String(outcome)).toBe(true);
  const { id } = await person.post(`/channels/${guild.channelId}/messages`, { content: "still here" });
  await bystander.event("MESSAGE_CREATE", (d) => d.id === id);
  expect(bystander.closed).toBeNull();
});
