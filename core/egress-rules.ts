import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { isUrl } from "./url.ts";

/**
 * Which addresses and URLs webhooks may be sent to. Pure. The list is the union of the special-purpose registries
 * (https://www.iana.org/assignments/iana-ipv4-special-registry, …-ipv6-special-registry) and of IPv6 forms that carry
 * an IPv4 address inside, which would lead around the IPv4 rules.
 */

/** A URL or address that may not be called. The message tells why, in words for the owner of the URL. */
export class EgressRefused extends Error {
  override readonly name = "EgressRefused";
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;
/** Networks, parsed. */
export type NetworkList = readonly (readonly [network: Address, prefixLength: number])[];

/**
 * @param cidrs such as `10.0.0.0/8` or `fd00::/8`
 * @throws Error for text that is no network
 */
export function parseNetworks(cidrs: readonly string[]): NetworkList {
  return cidrs.map((cidr) => ipaddr.parseCIDR(cidr));
}

const BLOCKED = parseNetworks([
  "0.0.0.0/8", // this host
  "10.0.0.0/8", // private
  "100.64.0.0/10", // carrier-grade NAT, and metadata at some clouds
  "127.0.0.0/8", // loopback
  "169.254.0.0/16", // link-local, metadata
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocol assignments
  "192.0.2.0/24", // documentation
  "192.88.99.0/24", // 6to4 relays
  "192.168.0.0/16", // private
  "198.18.0.0/15", // benchmarks
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, broadcast
  "::/96", // unspecified, loopback, IPv4-compatible
  "::ffff:0:0:0/96", // IPv4-translated
  "64:ff9b::/96", // NAT64, also around a public address
  "64:ff9b:1::/48", // NAT64, local
  "100::/64", // discard
  "100:0:0:1::/64", // dummy
  "2001::/23", // protocol assignments: Teredo, benchmarks, ORCHID
  "2001:db8::/32", // documentation
  "2002::/16", // 6to4
  "3fff::/20", // documentation
  "5f00::/16", // segment routing
  "fc00::/7", // unique local, with metadata at fd00:ec2::254
  "fe80::/10", // link-local
  "fec0::/10", // site-local
  "ff00::/8", // multicast
]);

/**
 * Whether a connection to this address is allowed: it is in `allow`, or no special address.
 * @param address as a resolver or a socket gives it; anything else than a plain address is refused, zones too
 */
export function isAllowedAddress(address: string, allow: NetworkList): boolean {
  // isIP is strict; the parser behind takes octal, hexadecimal and short forms.
  if (isIP(address) === 0 || address.includes("%")) return false;
  // Turns ::ffff:127.0.0.1 in every spelling into 127.0.0.1, so that one set of rules judges both.
  const canonical = ipaddr.process(address);
  return isIn(canonical, allow) || !isIn(canonical, BLOCKED);
}

function isIn(address: Address, networks: NetworkList): boolean {
  return networks.some(
    ([network, prefixLength]) => network.kind() === address.kind() && address.match(network, prefixLength),
  );
}

/**
 * Ports of protocols that would take an HTTP request for commands, such as SMTP, and none of which serves HTTP.
 * https://fetch.spec.whatwg.org/#port-blocking
 */
const BAD_PORTS: ReadonlySet<number> = new Set([
  1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
  111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
  540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
  6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

/**
 * Parses a URL to be called: http or https, no port of another protocol, no user or password, and a host that is no forbidden address in any
 * spelling. A host name is judged when it is connected to, as what it resolves to can change.
 * @throws EgressRefused
 */
export function checkUrl(text: string, allow: NetworkList): URL {
  if (!isUrl(text)) throw new EgressRefused("Not a well formed URL.");
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new EgressRefused("Scheme must be one of http, https.");
  }
  if (BAD_PORTS.has(Number(url.port))) throw new EgressRefused("This port is not allowed.");
  if (url.username !== "" || url.password !== "") throw new EgressRefused("User and password are not allowed.");
  // The parser has made 127.0.0.1 of 2130706433, 0x7f.1, 0177.0.0.1 and full-width digits: never judge the text.
  const host = bareHost(url);
  if (isIP(host) !== 0 && !isAllowedAddress(host, allow)) throw new EgressRefused("This address is not allowed.");
  return url;
}

/** The host without the brackets of IPv6. */
function bareHost(url: URL): string {
  return url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
}
