import { Counter, collectDefaultMetrics, Histogram, Registry } from "prom-client";

export const registry = new Registry();
collectDefaultMetrics({ register: registry });

export const httpSeconds = new Histogram({
  name: "guildhall_http_request_seconds",
  help: "Time to answer a request",
  labelNames: ["method", "status"],
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  registers: [registry],
});

export const eventsPublished = new Counter({
  name: "guildhall_events_total",
  help: "Events handed to the event log",
  labelNames: ["type"],
  registers: [registry],
});
