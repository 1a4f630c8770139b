import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { afterAll, expect, inject } from "vitest";
import { freePort } from "../../bin/services/free-port.ts";
import { startRedis } from "../../bin/services/redis.ts";
import { type Config, loadConfig } from "../../core/config.ts";
import { migrate } from "../../core/migrate.ts";
import { startGateway } from "../../gateway/server.ts";
import { startApi } from "../../src/server.ts";
import { Client } from "./client.ts";
import { leaks } from "./leaks.ts";
import { eventFaults, Socket } from "./socket.ts";

/** A database and a Redis of a test file's own, gone when the file ends. */
export interface Stores {
  databaseUrl: string;
  redisUrl: string;
  dir: string;
  /** Environment for processes of this platform. */
  env: NodeJS.ProcessEnv;
}

export async function startStores(): Promise<Stores> {
  const dir = await mkdtemp(join(tmpdir(), "guildhall-platform-"));
  const redis = await startRedis(dir);
  const name = `t${randomBytes(6).toString("hex")}`;
  const admin = postgres(inject("postgresUrl"), { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${name}`);
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${name}`;
  await migrate(url.href);
  afterAll(async () => {
    await redis.stop();
    await admin.unsafe(`drop database ${name} with (force)`).catch(() => {});
    await admin.end();
    await rm(dir, { recursive: true, force: true });
  });
  const env = {
    ...process.env,
    DATABASE_URL: url.href,
    REDIS_URL: redis.url,
    GUILDHALL_DATA: dir,
    EGRESS_ALLOW: "127.0.0.0/8",
    LOG_LEVEL: process.env.LOG_LEVEL ?? "fatal",
    RATE_LIMITS: "off",
  };
  return { databaseUrl: url.href, redisUrl: redis.url, dir, env };
}

export interface Process {
  port: number;
  stop(): Promise<void>;
}

/** A running platform in this process: APIs and gateways on free ports, each stopped when the file ends. */
export class Platform {
  readonly stores: Stores;
  readonly apis: Process[] = [];
  readonly gateways: Process[] = [];

  constructor(stores: Stores) {
    this.stores = stores;
  }

  /** `http://127.0.0.1:PORT`, without /api. */
  url(api = 0): string {
    return `http://127.0.0.1:${at(this.apis, api).port}`;
  }

  gatewayUrl(gateway = 0): string {
    return `ws://127.0.0.1:${at(this.gateways, gateway).port}`;
  }

  config(extra: NodeJS.ProcessEnv = {}): Config {
    return loadConfig({ ...this.stores.env, ...extra });
  }

  /** A client without an account. */
  anonymous(): Client {
    return new Client(this, null, null);
  }

  /** Registers a person. */
  async person(name = "person"): Promise<Client> {
    const username = `${name}_${randomBytes(4).toString("hex")}`;
    const account = await this.anonymous().post("/auth/register", {
      username,
      email: `${username}@example.com`,
      password: "correct horse battery",
    });
    return new Client(this, String(account.token), String(account.user_id));
  }

  /** An application of `owner` with its bot, in the guild with these permissions if one is given. */
  async bot(owner: Client, guildId?: string, permissions = "0", name = "Testbot"): Promise<Client> {
    const application = await owner.post("/applications", { name });
    const { token } = await owner.post(`/applications/${application.id}/bot`);
    if (guildId !== undefined) {
      await owner.post(`/oauth2/authorize?client_id=${application.id}&scope=bot&permissions=${permissions}`, {
        guild_id: guildId,
        authorize: true,
      });
    }
    return new Client(this, `Bot ${token}`, String(application.id));
  }

  /** A guild of `owner`, with the id of its first channel. */
  async guild(owner: Client, name = "Test guild"): Promise<{ id: string; channelId: string }> {
    const guild = await owner.post("/guilds", { name });
    return { id: String(guild.id), channelId: String(guild.system_channel_id) };
  }

  /** Makes `newcomer` a member, without an invite. */
  async join(owner: Client, guild: { channelId: string }, newcomer: Client): Promise<void> {
    const invite = await owner.post(`/channels/${guild.channelId}/invites`, {});
    await newcomer.post(`/invites/${invite.code}`, {});
  }

  /** A logged-in raw WebSocket; resolves when it has all its guilds. */
  async socket(client: Client, options: { gateway?: number; intents?: number; query?: string } = {}): Promise<Socket> {
    const socket = await Socket.open(this.gatewayUrl(options.gateway ?? 0), options.query);
    await socket.identify(client.token ?? "", options.intents);
    return socket;
  }
}

// Whatever a test is of, the events that its sockets got are Discord's, and no answer or event told a secret.
afterAll(() => expect([...eventFaults, ...leaks]).toEqual([]));

/** Starts a platform for the test file. */
export async function startPlatform(
  options: { apis?: number; gateways?: number; env?: NodeJS.ProcessEnv; api?: Parameters<typeof startApi>[1] } = {},
): Promise<Platform> {
  const platform = new Platform(await startStores());
  for (let i = 0; i < (options.gateways ?? 1); i++) await addGateway(platform, options.env);
  for (let i = 0; i < (options.apis ?? 1); i++) await addApi(platform, options.env, options.api);
  // Registered after the stores' own, so it runs first: processes stop before what they use.
  afterAll(async () => {
    await Promise.all([...platform.apis, ...platform.gateways].map((each) => each.stop()));
  });
  return platform;
}

export async function addGateway(platform: Platform, env: NodeJS.ProcessEnv = {}): Promise<Process> {
  const port = await freePort();
  const own = { GATEWAY_PORT: String(port), GATEWAY_URL: `ws://127.0.0.1:${port}` };
  const gateway = await startGateway(platform.config({ ...own, ...env }));
  platform.gateways.push(gateway);
  return gateway;
}

export async function addApi(
  platform: Platform,
  env: NodeJS.ProcessEnv = {},
  options: Parameters<typeof startApi>[1] = {},
): Promise<Process> {
  const port = await freePort();
  const gatewayUrl = platform.gateways.length > 0 ? platform.gatewayUrl() : "ws://127.0.0.1:1";
  const own = { PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}`, GATEWAY_URL: gatewayUrl };
  const api = await startApi(platform.config({ ...own, ...env }), options);
  platform.apis.push(api);
  return api;
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new RangeError(`there is no process ${index}`);
  return found;
}
