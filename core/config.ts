import ipaddr from "ipaddr.js";
import { z } from "zod";
import { isUrl } from "./url.ts";

/** A variable that can't be used. The message is one line: which variable, and what to do. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** What every process is started with. Fields are described where their variables are, below. */
export interface Config {
  port: number;
  gatewayPort: number;
  databaseUrl: string | undefined;
  redisUrl: string | undefined;
  dataDir: string;
  /** Where clients reach the API, without a slash at the end. */
  publicUrl: string;
  /** Where clients reach the gateway, without a slash at the end. */
  gatewayUrl: string;
  /** Where clients fetch files, without a slash at the end. */
  cdnUrl: string;
  maxFileBytes: number;
  /** Where files are kept, if not in the data folder. */
  s3: S3Config | undefined;
  /** Networks, each in CIDR form. */
  egressAllow: string[];
  rateLimits: boolean;
  rateLimitFactor: number;
  globalRateLimit: number;
  invalidRequestLimit: number;
  loginAttempts: number;
  /** Guilds that a bot may be in whose application is not verified; null for any number. */
  unverifiedBotGuilds: number | null;
  secret: string | undefined;
  tlsCert: string | undefined;
  tlsKey: string | undefined;
  /** Networks, each in CIDR form. */
  trustedProxies: string[];
  logLevel: "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
  production: boolean;
  resumeWindowSeconds: number;
  resumeMaxEvents: number;
  heartbeatIntervalMs: number;
  identifyTimeoutSeconds: number;
  unidentifiedPerAddress: number;
  identifyLimit: number;
  maxConcurrency: number;
  guildsPerShard: number;
  maxBackpressureBytes: number;
  presenceGraceSeconds: number;
  nodeTimeoutSeconds: number;
  auditLogDays: number;
  registration: "open" | "closed";
  webhookLogDays: number;
  webhookRetrySeconds: number;
}

/** A bucket in an S3-compatible store, addressed by path: `endpoint/bucket/key`. */
export interface S3Config {
  endpoint: string;
  bucket: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
}

const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

/** Every variable with its default and one line of help: `guildhall --help` and the documentation print this. */
const environment = z.object({
  PORT: whole(0, 65_535).default(3000).describe("Port of the REST API; 0 takes any free one."),
  GATEWAY_PORT: whole(0, 65_535).default(3001).describe("Port of the gateway; 0 takes any free one."),
  DATABASE_URL: url("postgres:", "postgresql:").optional().describe("Postgres; without it `start` runs a private one."),
  REDIS_URL: url("redis:", "rediss:").optional().describe("Redis; without it `start` runs a private one."),
  GUILDHALL_DATA: z
    .string()
    .default(".guildhall")
    .describe("Folder of uploaded files, the secret, and what `start` runs privately."),
  PUBLIC_URL: url("http:", "https:")
    .optional()
    .describe("Where clients reach the API, unless it is http(s)://localhost:PORT."),
  GATEWAY_URL: url("ws:", "wss:")
    .optional()
    .describe("Where clients reach the gateway, unless it is ws(s)://localhost:GATEWAY_PORT."),
  CDN_URL: url("http:", "https:")
    .optional()
    .describe("Where clients fetch files, unless it is PUBLIC_URL/cdn; a host of its own leads there."),
  MAX_FILE_BYTES: whole(1024, 524_288_000).default(26_214_400).describe("Size that an uploaded file may have."),
  S3_ENDPOINT: url("http:", "https:")
    .optional()
    .describe("S3-compatible store for files, such as https://s3.eu-central-1.amazonaws.com; with the next four."),
  S3_BUCKET: z.string().optional().describe("Its bucket, for nothing else."),
  S3_REGION: z.string().default("us-east-1").describe("Its region."),
  S3_ACCESS_KEY_ID: z.string().optional().describe("Its access key."),
  S3_SECRET_ACCESS_KEY: z.string().optional().describe("The secret of S3_ACCESS_KEY_ID."),
  EGRESS_ALLOW: networks().default([]).describe("Private networks that webhooks may call, as CIDRs with commas."),
  WEBHOOK_RETRY_SECONDS: whole(10, 604_800)
    .default(86_400)
    .describe(
      "How long a delivery to a URL is tried before it is given up; the pauses between attempts shrink with it.",
    ),
  WEBHOOK_LOG_DAYS: whole(3, 3650)
    .default(30)
    .describe("How long events sent to URLs, and what was answered, can be looked at and replayed."),
  RATE_LIMITS: z
    .enum(["on", "off"], { error: "must be on or off" })
    .default("on")
    .describe("`off` answers without rate limits, for load tests."),
  RATE_LIMIT_FACTOR: factor(100_000)
    .default(1)
    .describe("Multiplies the rate limits of all routes, such as 2 or 0.5; for one application: guildhall limits."),
  GLOBAL_RATE_LIMIT: whole(1, 1_000_000)
    .default(50)
    .describe("Requests that an account, or without a token an address, may make in a second over all routes."),
  INVALID_REQUEST_LIMIT: whole(10, 1_000_000_000)
    .default(10_000)
    .describe("Answers of 401, 403 and 429 in ten minutes after which an address is refused."),
  LOGIN_ATTEMPTS: whole(1, 1_000_000)
    .default(10)
    .describe("Wrong passwords that one address may try for one account in five minutes."),
  UNVERIFIED_BOT_GUILDS: whole(0, 1_000_000)
    .default(0)
    .describe(
      "Guilds that a bot may be in until guildhall app verify lets it into more, 100 at Discord; 0 is no limit.",
    ),
  GUILDHALL_SECRET: z
    .string()
    .min(32, { error: "must have at least 32 characters; make one with: openssl rand -hex 32" })
    .optional()
    .describe("Seals stored keys; the same in every process. Without it, a file in GUILDHALL_DATA."),
  TLS_CERT: z.string().optional().describe("Certificate chain (PEM file): serve https and wss directly."),
  TLS_KEY: z.string().optional().describe("Private key of TLS_CERT (PEM file)."),
  TRUSTED_PROXIES: networks().default([]).describe("Proxies whose X-Forwarded-* is believed, as CIDRs with commas."),
  LOG_LEVEL: z
    .enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(", ")}` })
    .default("info")
    .describe(`How much is logged: ${LOG_LEVELS.join(", ")}.`),
  NODE_ENV: z.string().optional().describe("`production`: no demo data, and no secret is printed."),
  RESUME_WINDOW_SECONDS: whole(1, 86_400).default(900).describe("How long a lost gateway session can be resumed."),
  RESUME_MAX_EVENTS: whole(100, 1_000_000)
    .default(10_000)
    .describe("Events kept for resuming, per guild and per user."),
  HEARTBEAT_INTERVAL_MS: whole(1000, 600_000).default(41_250).describe("Heartbeat interval that clients are told."),
  IDENTIFY_TIMEOUT_SECONDS: whole(5, 86_400)
    .default(300)
    .describe("How long a gateway client may wait with its IDENTIFY or RESUME, heartbeats provided."),
  UNIDENTIFIED_PER_ADDRESS: whole(1, 1_000_000)
    .default(1000)
    .describe("Gateway sockets that one address may have open without having sent IDENTIFY or RESUME."),
  IDENTIFY_LIMIT: whole(1, 1_000_000)
    .default(1000)
    .describe("Sessions that a bot may start in 24 hours; as at Discord, bots in over 150,000 guilds have more."),
  MAX_CONCURRENCY: whole(1, 10_000).default(1).describe("Shards that a bot may start at a time, every five seconds."),
  GUILDS_PER_SHARD: whole(1, 1_000_000)
    .default(2500)
    .describe("Guilds that a bot's session may be in, beyond it must shard."),
  MAX_BACKPRESSURE_BYTES: whole(65_536, 1_073_741_824)
    .default(4_194_304)
    .describe("Unsent bytes after which a slow gateway client is closed (it can resume)."),
  PRESENCE_GRACE_SECONDS: whole(0, 600)
    .default(20)
    .describe("How long who drops without a goodbye still looks online, and stays in voice channels."),
  NODE_TIMEOUT_SECONDS: whole(3, 600)
    .default(15)
    .describe("How long a gateway may be silent before others take it for dead and show its users offline."),
  AUDIT_LOG_DAYS: whole(1, 36_500).default(45).describe("Days for which guilds' audit logs are kept."),
  REGISTRATION: z
    .enum(["open", "closed"], { error: "must be open or closed" })
    .default("open")
    .describe("`closed`: nobody can make an account."),
});

/**
 * Reads the configuration from environment variables. An empty variable counts as unset.
 * @throws ConfigError for the first variable that can't be used.
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const parsed = environment.safeParse(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== "")));
  if (!parsed.success) throw new ConfigError(describe(parsed.error));
  const v = parsed.data;
  if ((v.TLS_CERT === undefined) !== (v.TLS_KEY === undefined)) {
    const missing = v.TLS_CERT === undefined ? "TLS_CERT" : "TLS_KEY";
    throw new ConfigError(`${missing} is missing: TLS_CERT and TLS_KEY go together; set both or neither.`);
  }
  const s3 = s3Config(v);
  const tls = v.TLS_CERT === undefined ? "" : "s";
  const publicUrl = withoutSlash(v.PUBLIC_URL ?? `http${tls}://localhost:${v.PORT}`);
  return {
    port: v.PORT,
    gatewayPort: v.GATEWAY_PORT,
    databaseUrl: v.DATABASE_URL,
    redisUrl: v.REDIS_URL,
    dataDir: v.GUILDHALL_DATA,
    publicUrl,
    gatewayUrl: withoutSlash(v.GATEWAY_URL ?? `ws${tls}://localhost:${v.GATEWAY_PORT}`),
    cdnUrl: withoutSlash(v.CDN_URL ?? `${publicUrl}/cdn`),
    maxFileBytes: v.MAX_FILE_BYTES,
    s3,
    egressAllow: v.EGRESS_ALLOW,
    rateLimits: v.RATE_LIMITS === "on",
    rateLimitFactor: v.RATE_LIMIT_FACTOR,
    globalRateLimit: v.GLOBAL_RATE_LIMIT,
    invalidRequestLimit: v.INVALID_REQUEST_LIMIT,
    loginAttempts: v.LOGIN_ATTEMPTS,
    unverifiedBotGuilds: v.UNVERIFIED_BOT_GUILDS || null,
    secret: v.GUILDHALL_SECRET,
    tlsCert: v.TLS_CERT,
    tlsKey: v.TLS_KEY,
    trustedProxies: v.TRUSTED_PROXIES,
    logLevel: v.LOG_LEVEL,
    production: v.NODE_ENV === "production",
    resumeWindowSeconds: v.RESUME_WINDOW_SECONDS,
    resumeMaxEvents: v.RESUME_MAX_EVENTS,
    heartbeatIntervalMs: v.HEARTBEAT_INTERVAL_MS,
    identifyTimeoutSeconds: v.IDENTIFY_TIMEOUT_SECONDS,
    unidentifiedPerAddress: v.UNIDENTIFIED_PER_ADDRESS,
    identifyLimit: v.IDENTIFY_LIMIT,
    maxConcurrency: v.MAX_CONCURRENCY,
    guildsPerShard: v.GUILDS_PER_SHARD,
    maxBackpressureBytes: v.MAX_BACKPRESSURE_BYTES,
    presenceGraceSeconds: v.PRESENCE_GRACE_SECONDS,
    nodeTimeoutSeconds: v.NODE_TIMEOUT_SECONDS,
    auditLogDays: v.AUDIT_LOG_DAYS,
    registration: v.REGISTRATION,
    webhookLogDays: v.WEBHOOK_LOG_DAYS,
    webhookRetrySeconds: v.WEBHOOK_RETRY_SECONDS,
  };
}

function s3Config(v: z.infer<typeof environment>): S3Config | undefined {
  const names = ["S3_ENDPOINT", "S3_BUCKET", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"] as const;
  const { S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } = v;
  if (S3_ENDPOINT && S3_BUCKET && S3_ACCESS_KEY_ID && S3_SECRET_ACCESS_KEY) {
    return {
      endpoint: withoutSlash(S3_ENDPOINT),
      bucket: S3_BUCKET,
      region: v.S3_REGION,
      accessKeyId: S3_ACCESS_KEY_ID,
      secretAccessKey: S3_SECRET_ACCESS_KEY,
    };
  }
  const missing = names.find((name) => v[name] === undefined);
  if (missing === undefined || names.every((name) => v[name] === undefined)) return undefined;
  throw new ConfigError(`${missing} is missing: ${names.join(", ")} go together; set all or none.`);
}

export interface Variable {
  name: string;
  help: string;
  /** As one would write it in the environment; empty when there is none. */
  default: string;
}

/** The variables in the order in which they are documented. */
export function configVariables(): Variable[] {
  return Object.entries(environment.shape).map(([name, schema]) => ({
    name,
    help: schema.description ?? "",
    default: schema instanceof z.ZodDefault ? String(schema.def.defaultValue) : "",
  }));
}

function whole(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d+$/, { error })
    .transform(Number)
    .pipe(z.number({ error }).min(min, { error }).max(max, { error }));
}

function factor(max: number) {
  const error = `must be a number above 0, up to ${max}`;
  return z
    .string()
    .regex(/^\d+(\.\d+)?$/, { error })
    .transform(Number)
    .pipe(z.number({ error }).positive({ error }).max(max, { error }));
}

function url(...protocols: string[]) {
  const error = `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`;
  return z.string().refine((text) => isUrl(text) && protocols.includes(new URL(text).protocol), { error });
}

function networks() {
  return z.string().transform((text, context) => {
    const parts = text.split(",").map((part) => part.trim());
    return parts.filter(Boolean).map((part) => {
      const network = toNetwork(part);
      if (network === undefined) {
        const message = `has ${JSON.stringify(part)}, which is no network; write such as 10.0.0.0/8,fd00::/8`;
        context.addIssue({ code: "custom", message });
      }
      return network ?? "";
    });
  });
}

/** A network in CIDR form; a single address is a network of one. */
function toNetwork(text: string): string | undefined {
  if (ipaddr.isValidCIDR(text)) return text;
  // The four-part form only: `isValid` alone takes "1" for 0.0.0.1.
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return `${text}/32`;
  return ipaddr.IPv6.isValid(text) ? `${text}/128` : undefined;
}

const withoutSlash = (text: string) => text.replace(/\/+$/, "");

/** The value itself is left out: it may hold a password. */
function describe(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return "The configuration can't be read.";
  return `${issue.path.join(".")} ${issue.message}.`;
}
