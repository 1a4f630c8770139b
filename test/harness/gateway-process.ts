import { readFileSync } from "node:fs";
import { afterAll } from "vitest";
import type { Stores } from "./platform.ts";
import { endpoint } from "./processes.ts";

/** A gateway in a process of its own, for what can't be done to the test's process. Ends with the test file. */
export interface GatewayProcess {
  url: string;
  /** Such as SIGSTOP, or SIGKILL. */
  signal(name: NodeJS.Signals): void;
  /** The value of one of its metrics. */
  metric(name: string): Promise<number>;
  /** TCP connections of clients that it still holds, also those that it has closed its side of. Linux only. */
  connections(): number;
}

const LISTEN = "0A";

export async function startGatewayProcess(stores: Stores, env: NodeJS.ProcessEnv = {}): Promise<GatewayProcess> {
  const gateway = await endpoint("gateway", 0, { ...stores.env, ...env });
  let killed = false;
  afterAll(async () => {
    // It may have been left stopped by a test that failed.
    if (!killed) process.kill(gateway.pid(), "SIGCONT");
    await gateway.stop();
  });
  return {
    url: `ws://127.0.0.1:${gateway.port}`,
    signal: (name) => {
      killed ||= name === "SIGKILL";
      process.kill(gateway.pid(), name);
    },
    connections: () => heldConnections(gateway.port),
    metric: (name) => readMetric(`ws://127.0.0.1:${gateway.port}`, name),
  };
}

/** The value of one of a gateway's metrics. */
export async function readMetric(gatewayUrl: string, name: string): Promise<number> {
  const url = `http://${new URL(gatewayUrl).host}/metrics`;
  const text = await (await fetch(url, { headers: { connection: "close" } })).text();
  const value = new RegExp(`^${name} (.+)$`, "m").exec(text)?.[1];
  if (value === undefined) throw new RangeError(`there is no metric ${name}`);
  return Number(value);
}

/** Rows of the kernel's tables with this local port that belong to a process: proc_net_tcp in its documentation. */
function heldConnections(port: number): number {
  const rows = ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) =>
    readFileSync(file, "utf8").trim().split("\n").slice(1),
  );
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return rows.filter((row) => {
    const [, address, , state, , , , , , inode] = row.trim().split(/\s+/);
    return address?.endsWith(local) && state !== LISTEN && inode !== "0";
  }).length;
}
