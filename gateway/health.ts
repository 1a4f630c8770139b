import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { GatewayNode } from "./node.ts";
import type { TransactionWatch } from "./oldest-transaction.ts";
import type { HttpRequest, HttpResponse, TemplatedApp } from "./uws.ts";

/** Adds a gauge that is asked for its value whenever somebody looks. */
export function addGauge(registry: Registry, name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(value());
    },
  });
}

/** Adds `/healthz`, `/readyz` and `/metrics`. @returns what the last shows */
export function addHealth(app: TemplatedApp, node: GatewayNode, transactions: TransactionWatch): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addGauge(registry, "guildhall_gateway_sessions", "Sessions with an open socket", () => node.sessions.size);
  addGauge(registry, "guildhall_gateway_guilds", "Guilds that have sessions on this node", () => node.guilds.size);
  const oldest = "Age of the oldest transaction that keeps Postgres from removing dead rows";
  addGauge(registry, "guildhall_postgres_oldest_transaction_seconds", oldest, () => transactions.seconds());
  const { tooSlow } = node;
  new Counter({
    name: "guildhall_gateway_dropped_total",
    help: "Frames that a full socket did not take",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(tooSlow.dropped);
    },
  });
  new Counter({
    name: "guildhall_gateway_too_slow_total",
    help: "Sockets that were closed because they were read too slowly",
    registers: [registry],
    collect() {
      this.reset();
      this.inc(tooSlow.closed);
    },
  });
  app.get("/healthz", (res) => void res.end("ok"));
  app.get("/readyz", (res) => {
    const ready = node.feed.flowing && !node.draining;
    res.writeStatus(ready ? "200 OK" : "503 Service Unavailable").end(ready ? "ready" : "not ready");
  });
  app.get("/metrics", (res: HttpResponse, _req: HttpRequest) => {
    let open = true;
    res.onAborted(() => {
      open = false;
    });
    void registry.metrics().then((text) => {
      if (open) res.cork(() => res.writeHeader("content-type", registry.contentType).end(text));
    });
  });
  return registry;
}
