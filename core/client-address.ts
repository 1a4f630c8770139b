import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import type { NetworkList } from "./egress-rules.ts";
import { memoized } from "./memoized.ts";

/**
 * Whose request it is. X-Forwarded-For can be written by anybody; each proxy adds the address it saw on the right.
 * So it is read from the right, as long as the address that wrote is a proxy of ours.
 * @param peer address at the other end of the socket
 * @param trusted networks of our own proxies; with none, the header is ignored
 */
export function clientAddress(peer: string, forwardedFor: string | undefined, trusted: NetworkList): string {
  const hops = (forwardedFor ?? "").split(",").map((hop) => hop.trim());
  let address = plain(peer);
  while (isTrusted(address, trusted)) {
    const next = hops.pop();
    if (next === undefined || isIP(next) === 0) break;
    address = plain(next);
  }
  return address;
}

/** Addresses of which it is remembered what they are: reading one takes as long as a small query's answer. */
const REMEMBERED = 10_000;

/** What counts as one address: with IPv6 whoever has one has a whole network of them. */
export const addressKey = memoized(REMEMBERED, (address) => {
  if (!ipaddr.IPv6.isValid(address)) return address;
  return `${ipaddr.IPv6.parse(address).parts.slice(0, 4).join(":")}/64`;
});

/** IPv4 inside IPv6 is the same address. */
const plain = memoized(REMEMBERED, (address) => (isIP(address) === 0 ? address : ipaddr.process(address).toString()));

function isTrusted(address: string, trusted: NetworkList): boolean {
  if (trusted.length === 0 || isIP(address) === 0) return false;
  const parsed = ipaddr.process(address);
  return trusted.some(([network, length]) => network.kind() === parsed.kind() && parsed.match(network, length));
}
