import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { configVariables } from "../../core/config.ts";

const ROOT = join(import.meta.dirname, "../..");
const text = (file: string) => readFileSync(join(ROOT, file), "utf8");

const service = z.looseObject({
  image: z.string(),
  build: z.string().optional(),
  command: z.array(z.string()).or(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  healthcheck: z.looseObject({ test: z.array(z.string()).optional(), disable: z.boolean().optional() }).optional(),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  deploy: z.object({ replicas: z.number() }).optional(),
  volumes: z.array(z.string()).default([]),
});
const file = z.object({ services: z.record(z.string(), service), volumes: z.record(z.string(), z.null()) });

/** As `docker compose` reads it, but for what `.env` puts in. */
const compose = file.parse(
  Object.fromEntries(
    Object.entries(z.record(z.string(), z.unknown()).parse(parse(text("docker-compose.yml"), { merge: true }))).filter(
      ([name]) => !name.startsWith("x-"),
    ),
  ),
);
const services = Object.entries(compose.services);
const ours = services.filter(([, { image }]) => image === "guildhall");

describe("docker-compose.yml", () => {
  it("has Postgres, Redis, two APIs and two gateways behind Caddy", () => {
    expect(Object.keys(compose.services).sort()).toEqual(["api", "caddy", "gateway", "migrate", "postgres", "redis"]);
    for (const name of ["api", "gateway"]) expect(compose.services[name]?.deploy?.replicas, name).toBe(2);
    expect(ours.map(([name, { command }]) => [name, command])).toEqual([
      ["migrate", ["migrate"]],
      ["api", ["api"]],
      ["gateway", ["gateway"]],
    ]);
  });

  it("waits for services that there are, and for health only where health is checked", () => {
    for (const [name, { depends_on: needs }] of services) {
      for (const [needed, { condition }] of Object.entries(needs)) {
        const other = compose.services[needed];
        expect(other, `${name} waits for ${needed}`).toBeDefined();
        // The image of our own has its check from the Dockerfile.
        const checked = other?.healthcheck?.test !== undefined || other?.image === "guildhall";
        if (condition === "service_healthy") expect(checked, `${name} waits for ${needed}'s health`).toBe(true);
      }
    }
    expect(text("Dockerfile")).toMatch(/^HEALTHCHECK /m);
  });

  it("sets only variables that our processes know", () => {
    const known = configVariables().map(({ name }) => name);
    for (const [name, { environment }] of ours) {
      expect(
        Object.keys(environment).filter((variable) => !known.includes(variable)),
        name,
      ).toEqual([]);
    }
  });

  it("mounts only volumes that are declared, and files that are there", () => {
    for (const [name, { volumes }] of services) {
      for (const source of volumes.map((volume) => volume.split(":")[0] ?? "")) {
        if (source.startsWith("./")) expect(readdirSync(ROOT), name).toContain(source.slice(2));
        else expect(Object.keys(compose.volumes), name).toContain(source);
      }
    }
  });

  it("takes from .env what .env.example names, no more and no less", () => {
    const used = new Set([...text("docker-compose.yml").matchAll(/\$\{(\w+)/g)].map(([, name]) => name));
    const named = new Set([...text(".env.example").matchAll(/^(\w+)=/gm)].map(([, name]) => name));
    expect([...used].sort()).toEqual([...named].sort());
  });
});

describe("the Dockerfile", () => {
  it("has every folder that the product's code is in", () => {
    const copied = [...text("Dockerfile").matchAll(/^COPY (\w+) \.\/\w+$/gm)].map(([, name]) => name);
    const entries = readdirSync(ROOT, { withFileTypes: true });
    const notShipped = ["docs", "examples", "loadtest", "node_modules", "test", "coverage"];
    const folders = entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
      .map(({ name }) => name);
    expect(copied.sort()).toEqual(folders.filter((name) => !notShipped.includes(name)).sort());
  });
});
