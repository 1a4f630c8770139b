import { describe, expect, it } from "vitest";
import { ConfigError, configVariables, loadConfig } from "../../core/config.ts";

function refusal(env: NodeJS.ProcessEnv): string {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("expected a ConfigError");
}

describe("the configuration", () => {
  it("needs no variable at all", () => {
    expect(loadConfig({})).toMatchObject({
      port: 3000,
      gatewayPort: 3001,
      databaseUrl: undefined,
      redisUrl: undefined,
      dataDir: ".guildhall",
      publicUrl: "http://localhost:3000",
      gatewayUrl: "ws://localhost:3001",
      egressAllow: [],
      rateLimits: true,
      trustedProxies: [],
      production: false,
      registration: "open",
    });
  });

  it("takes an empty variable for one that is not set", () => {
    expect(loadConfig({ PORT: "", DATABASE_URL: "", EGRESS_ALLOW: "" })).toEqual(loadConfig({}));
  });

  it("takes an S3 store whole or not at all", () => {
    const s3 = {
      S3_ENDPOINT: "https://s3.example.com/",
      S3_BUCKET: "files",
      S3_ACCESS_KEY_ID: "id",
      S3_SECRET_ACCESS_KEY: "key",
    };
    expect(loadConfig({}).s3).toBeUndefined();
    expect(loadConfig(s3).s3).toEqual({
      endpoint: "https://s3.example.com",
      bucket: "files",
      region: "us-east-1",
      accessKeyId: "id",
      secretAccessKey: "key",
    });
    for (const name of Object.keys(s3)) expect(refusal({ ...s3, [name]: "" })).toMatch(`${name} is missing`);
  });

  it("takes the CDN's address from the API's, unless it has its own", () => {
    expect(loadConfig({ PUBLIC_URL: "https://chat.example.com/" }).cdnUrl).toBe("https://chat.example.com/cdn");
    expect(loadConfig({ CDN_URL: "https://cdn.example.com/" }).cdnUrl).toBe("https://cdn.example.com");
  });

  it("derives addresses from the ports, and from TLS", () => {
    const files = { TLS_CERT: "cert.pem", TLS_KEY: "key.pem" };
    expect(loadConfig({ PORT: "1", GATEWAY_PORT: "2", ...files })).toMatchObject({
      publicUrl: "https://localhost:1",
      gatewayUrl: "wss://localhost:2",
    });
    expect(
      loadConfig({ PUBLIC_URL: "https://chat.example/", GATEWAY_URL: "wss://chat.example/gateway/" }),
    ).toMatchObject({
      publicUrl: "https://chat.example",
      gatewayUrl: "wss://chat.example/gateway",
    });
  });

  it("reads networks with commas, a single address being a network of one", () => {
    const { egressAllow } = loadConfig({ EGRESS_ALLOW: " 10.0.0.0/8,192.168.1.7 , fd00::/8,::1" });
    expect(egressAllow).toEqual(["10.0.0.0/8", "192.168.1.7/32", "fd00::/8", "::1/128"]);
  });

  it.each([
    [{ PORT: "abc" }, "PORT must be a whole number from 0 to 65535."],
    [{ PORT: "65536" }, "PORT must be a whole number from 0 to 65535."],
    [{ PORT: "-1" }, "PORT must be a whole number from 0 to 65535."],
    [{ PORT: "1e3" }, "PORT must be a whole number from 0 to 65535."],
    [{ DATABASE_URL: "mysql://x" }, "DATABASE_URL must be a URL that begins with postgres:// or postgresql://."],
    [{ REDIS_URL: "localhost:6379" }, "REDIS_URL must be a URL that begins with redis:// or rediss://."],
    [{ GATEWAY_URL: "https://x" }, "GATEWAY_URL must be a URL that begins with ws:// or wss://."],
    [{ RATE_LIMITS: "false" }, "RATE_LIMITS must be on or off."],
    [{ REGISTRATION: "no" }, "REGISTRATION must be open or closed."],
    [{ LOG_LEVEL: "loud" }, "LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent."],
    [{ TLS_KEY: "key.pem" }, "TLS_CERT is missing: TLS_CERT and TLS_KEY go together; set both or neither."],
    [{ EGRESS_ALLOW: "10.0.0.0/33" }, 'EGRESS_ALLOW has "10.0.0.0/33", which is no network; '],
    [{ EGRESS_ALLOW: "10" }, 'EGRESS_ALLOW has "10", which is no network; '],
    [{ TRUSTED_PROXIES: "proxy.local" }, 'TRUSTED_PROXIES has "proxy.local", which is no network; '],
  ])("refuses %o in one line that names the variable", (env, message) => {
    expect(refusal(env)).toContain(message);
    expect(refusal(env)).not.toContain("\n");
  });

  it("never repeats a value that may be secret", () => {
    expect(refusal({ GUILDHALL_SECRET: "hunter2" })).toMatch(/^GUILDHALL_SECRET must have at least 32 characters/);
    expect(refusal({ GUILDHALL_SECRET: "hunter2" })).not.toContain("hunter2");
    expect(refusal({ DATABASE_URL: "mysql://me:hunter2@x" })).not.toContain("hunter2");
  });

  it("has a line of help for every variable", () => {
    for (const { name, help } of configVariables()) expect(help, name).toMatch(/^[^\n]{10,120}$/);
  });
});
