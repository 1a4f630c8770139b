import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { openEgress } from "../../core/egress.ts";
import { parseNetworks } from "../../core/egress-rules.ts";
import { verifyEndpoint } from "../../core/webhook-endpoint.ts";
import { generateKeyPair } from "../../core/webhook-signing.ts";
import { type Receiver, startReceiver, verifiesAsDiscord, verifiesAsStandard } from "./receiver.ts";

const LOOPBACK = parseNetworks(["127.0.0.0/8"]);
const { publicKey, seed } = generateKeyPair();
let receiver: Receiver;

beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

const egress = openEgress({ allow: LOOPBACK });
const guarded = openEgress({ allow: [] });
afterAll(() => Promise.all([egress.close(), guarded.close()]));

const verify = (url: string, by = egress) =>
  verifyEndpoint(by, { url, keys: { seed, secrets: [] }, of: { application_id: "123" } }, "456");

test("an endpoint that answers a PING and refuses an invalid signature is accepted", async () => {
  for (const verifies of [verifiesAsDiscord, verifiesAsStandard]) {
    receiver.received.length = 0;
    receiver.answer = (request, response) => response.writeHead(verifies(request, publicKey) ? 204 : 401).end();
    expect(await verify(receiver.url)).toBeUndefined();
    expect(receiver.received.map((request) => JSON.parse(request.body))).toEqual(
      Array(2).fill({ version: 1, application_id: "123", type: 0 }),
    );
  }
});

test("an endpoint that takes everything is refused", async () => {
  expect(await verify(receiver.url)).toBe(
    "The URL answered a request with an invalid signature with 204; it must answer 401.",
  );
});

test.each([200, 302, 400, 404, 500])("an endpoint that answers a PING with %i is refused", async (status) => {
  receiver.answer = (request, response) =>
    response.writeHead(verifiesAsDiscord(request, publicKey) ? status : 401, { location: "/" }).end();
  expect(await verify(receiver.url)).toBe(`The URL answered a PING with ${status}; it must answer 204.`);
});

test("an endpoint that refuses everything is refused", async () => {
  receiver.answer = (_request, response) => response.writeHead(401).end();
  expect(await verify(receiver.url)).toBe("The URL answered a PING with 401; it must answer 204.");
});

test("an endpoint that is not there, or says nothing, is refused", async () => {
  receiver.answer = () => {};
  expect(await verify(receiver.url)).toBe("The URL could not be called: no answer within 3000 ms");
  receiver.close();
  expect(await verify(receiver.url)).toMatch(/^The URL could not be called: /);
});

test("an address that is not allowed is refused and not called", async () => {
  expect(await verify(receiver.url, guarded)).toBe("The URL could not be called: This address is not allowed.");
  expect(await verify(receiver.url.replace("127.0.0.1", "localhost"), guarded)).toMatch(/no address that is allowed/);
  expect(receiver.open.most).toBe(0);
});
