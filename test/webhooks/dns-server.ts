import { createSocket, type RemoteInfo } from "node:dgram";
import { promises as dns } from "node:dns";
import type { Resolve } from "../../core/egress.ts";

/** What a name server says of one name. */
export interface Zone {
  a?: readonly string[];
  aaaa?: readonly string[];
  cname?: string;
}

export interface DnsServer {
  /** Names and their records; a function is asked anew each time, by which a name can change. */
  names: Map<string, Zone | (() => Zone)>;
  /** How often each name was asked for an address. */
  asked: Map<string, number>;
  /** Resolves by this server, A before AAAA, as the system would. */
  resolve: Resolve;
  close(): void;
}

const A = 1;
const CNAME = 5;
const AAAA = 28;

/** A real name server on loopback: UDP, without caching. RFC 1035 */
export async function startDnsServer(): Promise<DnsServer> {
  const names: DnsServer["names"] = new Map();
  const asked = new Map<string, number>();
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => reply(query, from));
  await new Promise<void>((done) => socket.bind(0, "127.0.0.1", done));

  function reply(query: Buffer, from: RemoteInfo): void {
    const { name, type, end } = readQuestion(query);
    asked.set(name, (asked.get(name) ?? 0) + 1);
    const answers = recordsOf(name, type);
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    // An answer, recursion available; no such name where there is nothing.
    header.writeUInt16BE(answers === undefined ? 0x8183 : 0x8180, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(answers?.length ?? 0, 6);
    socket.send(Buffer.concat([header, query.subarray(12, end), ...(answers ?? [])]), from.port, from.address);
  }

  /** With what a CNAME leads to, as a resolver would answer. */
  function recordsOf(name: string, type: number): Buffer[] | undefined {
    const found = names.get(name);
    if (found === undefined) return undefined;
    const zone = typeof found === "function" ? found() : found;
    if (zone.cname !== undefined) {
      return [record(name, CNAME, encodeName(zone.cname)), ...(recordsOf(zone.cname, type) ?? [])];
    }
    const addresses = (type === A ? zone.a : type === AAAA ? zone.aaaa : undefined) ?? [];
    return addresses.map((address) => record(name, type, type === A ? bytesOf4(address) : bytesOf6(address)));
  }

  const resolver = new dns.Resolver({ tries: 1, timeout: 2000 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return {
    names,
    asked,
    resolve: async (host) => {
      const [four, six] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
      if (four.status === "rejected" && six.status === "rejected") throw four.reason;
      return [
        ...(four.status === "fulfilled" ? four.value : []).map((address) => ({ address, family: 4 })),
        ...(six.status === "fulfilled" ? six.value : []).map((address) => ({ address, family: 6 })),
      ];
    },
    close: () => socket.close(),
  };
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function record(name: string, type: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([encodeName(name), fixed, data]);
}

function encodeName(name: string): Buffer {
  const labels = name.split(".").map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, "latin1"));
  return Buffer.concat([...labels, Buffer.alloc(1)]);
}

const bytesOf4 = (address: string) => Buffer.from(address.split(".").map(Number));

function bytesOf6(address: string): Buffer {
  const mapped = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const plain =
    mapped === null
      ? address
      : `${mapped[1]}${[mapped.slice(2, 4), mapped.slice(4, 6)].map(([high, low]) => (Number(high) * 256 + Number(low)).toString(16)).join(":")}`;
  const [head = "", tail] = plain.split("::");
  const groups = (text: string | undefined) => (text === undefined || text === "" ? [] : text.split(":"));
  const [front, back] = [groups(head), groups(tail)];
  const all = [...front, ...Array(Math.max(0, 8 - front.length - back.length)).fill("0"), ...back];
  return Buffer.concat(
    all.map((group) => {
      const bytes = Buffer.alloc(2);
      bytes.writeUInt16BE(Number.parseInt(group, 16));
      return bytes;
    }),
  );
}
