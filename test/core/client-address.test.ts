import { expect, test } from "vitest";
import { clientAddress } from "../../core/client-address.ts";
import { parseNetworks } from "../../core/egress-rules.ts";

const proxies = parseNetworks(["10.0.0.0/8", "fd00::/8"]);

test.each([
  ["a stranger's header is ignored", "203.0.113.9", "1.2.3.4", "203.0.113.9"],
  ["a proxy of ours is believed", "10.0.0.1", "1.2.3.4", "1.2.3.4"],
  ["over IPv6 sockets too", "::ffff:10.0.0.1", "1.2.3.4", "1.2.3.4"],
  ["what the client wrote itself is not", "10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"],
  ["through two proxies of ours", "10.0.0.1", "1.2.3.4, 10.0.0.2", "1.2.3.4"],
  ["nonsense stops the walk", "10.0.0.1", "unknown", "10.0.0.1"],
  ["no header", "10.0.0.1", undefined, "10.0.0.1"],
])("%s", (_name, peer, header, expected) => {
  expect(clientAddress(peer, header, proxies)).toBe(expected);
});

test("with no proxies configured the header is ignored", () => {
  expect(clientAddress("10.0.0.1", "1.2.3.4", [])).toBe("10.0.0.1");
});
