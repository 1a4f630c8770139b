import { describe, expect, test } from "vitest";
import { checkUrl, EgressRefused, isAllowedAddress, parseNetworks } from "../../core/egress-rules.ts";
import { CALLABLE, HOSTILE_HOSTS, NETWORKS, NOT_CALLABLE } from "./hostile-urls.ts";

const NOTHING = parseNetworks([]);
const LOOPBACK = parseNetworks(["127.0.0.0/8", "::1/128"]);

describe("addresses", () => {
  test.each(NETWORKS)("of $network are refused, from the first to the last, and no others", (row) => {
    for (const inside of [row.first, row.last])
      expect([inside, isAllowedAddress(inside, NOTHING)]).toEqual([inside, false]);
    for (const outside of [row.before, row.after]) {
      if (outside !== undefined) expect([outside, isAllowedAddress(outside, NOTHING)]).toEqual([outside, true]);
    }
  });

  test.each([
    ["cloud metadata", "169.254.169.254"],
    ["cloud metadata over IPv6", "fd00:ec2::254"],
    ["cloud metadata behind carrier-grade NAT", "100.100.100.200"],
    ["mapped loopback", "::ffff:127.0.0.1"],
    ["mapped loopback, as URLs spell it", "::ffff:7f00:1"],
    ["mapped loopback in capitals", "::FFFF:7F00:1"],
    ["mapped loopback in full", "0000:0000:0000:0000:0000:ffff:7f00:0001"],
    ["mapped private", "::ffff:10.1.2.3"],
    ["mapped metadata", "::ffff:a9fe:a9fe"],
    ["compatible loopback", "::127.0.0.1"],
    ["translated loopback", "::ffff:0:127.0.0.1"],
    ["loopback behind NAT64", "64:ff9b::7f00:1"],
    ["metadata behind NAT64", "64:ff9b::a9fe:a9fe"],
    ["a public address behind NAT64", "64:ff9b::808:808"],
    ["metadata in 6to4", "2002:a9fe:a9fe::1"],
    ["loopback in 6to4", "2002:7f00:1::"],
    ["Teredo", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    ["loopback over IPv6", "::1"],
    ["loopback over IPv6 in full", "0:0:0:0:0:0:0:1"],
    ["link-local, the last /16", "febf::1"],
    ["a zone", "fe80::1%eth0"],
    ["a zone on a public address", "2606:4700:4700::1111%1"],
    ["broadcast", "255.255.255.255"],
    ["a decimal number", "2130706433"],
    ["hexadecimal", "0x7f000001"],
    ["octal", "0177.0.0.1"],
    ["short", "127.1"],
    ["short and public", "8.8"],
    ["nothing", ""],
    ["a name", "localhost"],
    ["white space", " 8.8.8.8"],
    ["a port", "8.8.8.8:80"],
    ["brackets", "[2606:4700:4700::1111]"],
    ["a network", "8.8.8.0/24"],
  ])("%s is refused: %s", (_what, address) => {
    expect(isAllowedAddress(address, NOTHING)).toBe(false);
  });

  test.each(["8.8.8.8", "1.1.1.1", "100.63.255.254", "100.128.0.1", "172.15.0.1", "172.32.0.1", "64:ff9c::1"])(
    "%s is allowed",
    (address) => expect(isAllowedAddress(address, NOTHING)).toBe(true),
  );

  test.each(["2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8"])("%s is allowed", (address) => {
    expect(isAllowedAddress(address, NOTHING)).toBe(true);
  });

  test("a network that is named is allowed in every spelling, and nothing beside it", () => {
    const allow = parseNetworks(["10.1.0.0/16", "fd12::/16"]);
    const verdicts = ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "8.8.8.8", "10.2.0.1", "fd13::1", "127.0.0.1"].map(
      (address) => isAllowedAddress(address, allow),
    );
    expect(verdicts).toEqual([true, true, true, true, false, false, false]);
  });
});

describe("URLs", () => {
  test.each(HOSTILE_HOSTS)("to the host %s are refused", (host) => {
    for (const scheme of ["http", "https"]) {
      expect(() => checkUrl(`${scheme}://${host}/hook`, NOTHING)).toThrow(EgressRefused);
    }
  });

  test.each(NOT_CALLABLE)("such as %j are refused", (url) => {
    expect(() => checkUrl(url, NOTHING)).toThrow(EgressRefused);
  });

  test.each(CALLABLE)("such as %s pass", (url) => {
    expect(checkUrl(url, NOTHING).href).toBe(new URL(url).href);
  });

  test("are more than 200 that must not pass, with the addresses above", () => {
    const edges = NETWORKS.length * 2;
    expect(new Set(HOSTILE_HOSTS).size + new Set(NOT_CALLABLE).size + edges).toBeGreaterThan(200);
  });

  test("to addresses of a network that is named pass", () => {
    expect(checkUrl("http://127.1:3000/", LOOPBACK).hostname).toBe("127.0.0.1");
  });
});
