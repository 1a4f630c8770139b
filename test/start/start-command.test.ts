import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { freePort } from "../../bin/services/free-port.ts";
import { type Guildhall, guildhall, processesOf } from "./guildhall-process.ts";

const folder = mkdtempSync(join(tmpdir(), "guildhall-start-"));
// Where root runs this, Postgres runs as another user, who must be able to go through.
chmodSync(folder, 0o711);
const started: Guildhall[] = [];

afterAll(async () => {
  await Promise.all(started.map((each) => each.ctrlC()));
  rmSync(folder, { recursive: true, force: true });
});

function start(env: NodeJS.ProcessEnv): Guildhall {
  const process = guildhall(["start"], { LOG_LEVEL: "warn", ...env });
  started.push(process);
  return process;
}

/** What the terminal shows when all runs. */
function shown(text: string) {
  const find = (pattern: RegExp) => pattern.exec(text)?.[1] ?? "";
  return {
    api: find(/API\s+(\S+)/),
    gateway: find(/Gateway\s+(\S+)/),
    email: find(/Demo person\s+(\S+)/),
    password: find(/password (\S+)/),
    botToken: find(/Demo bot\s+token (\S+)/),
    curl: find(/^\s*(curl .*)$/m),
    botCommand: find(/^\s*((?:\S+=\S+ )+node \S*discord-js-bot.mjs)$/m),
    chatCommand: find(/^\s*((?:\S+=\S+ )*node \S*guildhall.js chat)$/m),
  };
}

const Messages = z.array(z.object({ type: z.number(), content: z.string() }));
const Login = z.object({ token: z.string() });
const Guilds = z.array(z.object({ id: z.string() }));
const Guild = z.object({ system_channel_id: z.string() });

async function call(url: string, token?: string, body?: object): Promise<unknown> {
  const response = await fetch(url, {
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    headers: { "content-type": "application/json", ...(token === undefined ? {} : { authorization: token }) },
  });
  expect(response.status, url).toBeLessThan(300);
  return response.json();
}

/** What the demo person finds in the demo channel, with the login that is shown. */
async function messagesSeen({ api, email, password }: ReturnType<typeof shown>): Promise<string[]> {
  const { token } = Login.parse(await call(`${api}/auth/login`, undefined, { login: email, password }));
  const [guild] = Guilds.parse(await call(`${api}/users/@me/guilds`, token));
  const { system_channel_id } = Guild.parse(await call(`${api}/guilds/${guild?.id}`, token));
  const messages = await call(`${api}/channels/${system_channel_id}/messages`, token);
  const said = Messages.parse(messages).filter(({ type }) => type === 0);
  return said.map((message) => message.content);
}

/** Says a line in a chat and leaves when it has come back; what was shown. */
async function converse(command: string, line: string): Promise<string> {
  const chat = spawn("sh", ["-c", command]);
  onTestFinished(() => void chat.kill());
  let shown = "";
  chat.stdout.on("data", (chunk: Buffer) => {
    shown += chunk.toString();
    if (shown.includes(`: ${line}\n`)) chat.stdin.end("/quit\n");
  });
  chat.stdin.write(`${line}\n`);
  await once(chat, "close");
  return shown;
}

describe("guildhall start", () => {
  const dataDir = join(folder, "first");
  let first: ReturnType<typeof shown>;

  it("runs all from nothing, and what it shows works when pasted", async () => {
    const platform = start({ GUILDHALL_DATA: dataDir });
    await platform.prints("Ctrl-C");
    first = shown(platform.output().stdout);
    expect(first).toMatchObject({
      api: expect.stringMatching(/^http:\/\/localhost:\d+\/api\/v10$/),
      gateway: expect.stringMatching(/^ws:\/\/localhost:\d+$/),
      botCommand: expect.stringContaining(`BOT_TOKEN=${first.botToken}`),
    });
    const pasted = spawnSync("sh", ["-c", `${first.curl} --silent --fail-with-body`], { encoding: "utf8" });
    expect(pasted).toMatchObject({ status: 0, stdout: "" });
    expect(await messagesSeen(first)).toEqual(["Hello from curl"]);
    expect(await call(`${first.api}/users/@me`, `Bot ${first.botToken}`)).toMatchObject({ bot: true });
    const piped = `echo Hello from the terminal | ${first.chatCommand}`;
    const said = spawnSync("sh", ["-c", piped], { encoding: "utf8", timeout: 60_000 });
    expect(said.stdout).toMatch(/Demo webhook.*: Hello from curl/);
    expect(await messagesSeen(first)).toEqual(["Hello from the terminal", "Hello from curl"]);
    expect(platform.output().stderr).toBe("");
  });

  it("keeps its secrets to itself", () => {
    for (const name of ["secret", "demo.json", "postgres/instance.json", "redis/instance.json", "redis/redis.conf"]) {
      expect(statSync(join(dataDir, name)).mode & 0o077, name).toBe(0);
    }
  });

  it("can be given applications beside it, by its folder alone", async () => {
    const { token } = Login.parse(
      await call(`${first.api}/auth/login`, undefined, { login: first.email, password: first.password }),
    );
    const [guild] = Guilds.parse(await call(`${first.api}/users/@me/guilds`, token));
    const command = guildhall(["app", "create", "Second bot", "--guild", guild?.id ?? ""], { GUILDHALL_DATA: dataDir });
    const { code, stdout, stderr } = await command.exit();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const botToken = stdout.trimEnd().split("\n").at(-1);
    expect(await call(`${first.api}/users/@me/guilds`, `Bot ${botToken}`)).toMatchObject([{ id: guild?.id }]);
  });

  it("refuses a second start on the same folder in one line, and the first goes on", async () => {
    const second = await guildhall(["start"], { GUILDHALL_DATA: dataDir }).exit();
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/^Guildhall already runs on .* \(process \d+\); stop that one.*\n$/);
    expect(await messagesSeen(first)).toHaveLength(2);
  });

  it("starts a process of its own again that was killed", async () => {
    const [platform] = started;
    const api = processesOf(dataDir).find((command) => command.endsWith("guildhall.js api "));
    process.kill(Number.parseInt(api ?? "", 10), "SIGKILL");
    await platform?.prints("The api process ended unexpectedly (SIGKILL); starting it again");
    await expect.poll(() => messagesSeen(first).catch(() => []), { timeout: 20_000 }).toHaveLength(2);
  });

  it("ends on Ctrl-C, leaving no process", async () => {
    expect(processesOf(dataDir).length).toBeGreaterThanOrEqual(5);
    expect(await started[0]?.ctrlC()).toMatchObject({ code: 0 });
    expect(processesOf(dataDir)).toEqual([]);
  });

  it("has everything it had at a second start, and shows the same logins", async () => {
    const platform = start({ GUILDHALL_DATA: dataDir });
    await platform.prints("Ctrl-C");
    const again = shown(platform.output().stdout);
    expect(again).toMatchObject({ email: first.email, password: first.password, botToken: first.botToken });
    expect(await messagesSeen(again)).toEqual(["Hello from the terminal", "Hello from curl"]);
    platform.process.kill("SIGTERM");
    expect(await platform.exit()).toMatchObject({ code: 0 });
    expect(processesOf(dataDir)).toEqual([]);
  });

  it("leaves no process when it is killed outright, and starts again after that", async () => {
    const ports = { PORT: String(await freePort()), GATEWAY_PORT: String(await freePort()) };
    const killed = start({ GUILDHALL_DATA: dataDir, ...ports });
    await killed.prints("Ctrl-C");
    killed.process.kill("SIGKILL");
    const platform = start({ GUILDHALL_DATA: dataDir, ...ports });
    await platform.prints("Ctrl-C");
    expect(await messagesSeen(shown(platform.output().stdout))).toHaveLength(2);
    await platform.ctrlC();
    expect(processesOf(dataDir)).toEqual([]);
  });

  it("stops all and says why when its Postgres is gone", async () => {
    const platform = start({ GUILDHALL_DATA: dataDir });
    await platform.prints("Ctrl-C");
    process.kill(Number.parseInt(readFileSync(join(dataDir, "postgres/data/postmaster.pid"), "utf8"), 10), "SIGQUIT");
    const { code, stderr } = await platform.exit();
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^The private Postgres ended unexpectedly.*\n$/),
    });
    expect(processesOf(dataDir)).toEqual([]);
  });

  it("makes no demo data and prints no secret in production", async () => {
    const productionDir = join(folder, "production");
    const platform = start({ GUILDHALL_DATA: productionDir, NODE_ENV: "production", LOG_LEVEL: "trace" });
    await platform.prints("Guildhall runs.");
    const { stdout, stderr } = platform.output();
    const printed = stdout + stderr;
    expect(printed).not.toMatch(/demo|password|curl|webhooks\//i);
    const Instance = z.object({ password: z.string() });
    const read = (name: string) => readFileSync(join(productionDir, name), "utf8");
    for (const name of ["postgres", "redis"]) {
      expect(printed).not.toContain(Instance.parse(JSON.parse(read(`${name}/instance.json`))).password);
    }
    expect(printed).not.toContain(read("secret").trim());
    expect(() => read("demo.json")).toThrow();
    await platform.ctrlC();
    expect(processesOf(productionDir)).toEqual([]);
  });

  it("serves https and wss with a certificate", async () => {
    const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    execFileSync("openssl", [...args, "-keyout", key, "-out", cert, ...subject], { stdio: "ignore" });
    const platform = start({ GUILDHALL_DATA: join(folder, "tls"), TLS_CERT: cert, TLS_KEY: key });
    await platform.prints("Ctrl-C");
    const seen = shown(platform.output().stdout);
    expect(seen).toMatchObject({ api: expect.stringMatching(/^https:/), gateway: expect.stringMatching(/^wss:/) });
    const pasted = spawnSync("sh", ["-c", `${seen.curl} --silent --fail-with-body`], { encoding: "utf8" });
    expect(pasted).toMatchObject({ status: 0, stdout: "" });
    const chat = `TLS_CERT='${cert}' TLS_KEY='${key}' ${seen.chatCommand}`;
    expect(await converse(chat, "Hello over TLS")).toMatch(/Demo webhook.*: Hello from curl.*demo: Hello over TLS/s);
    await platform.ctrlC();
  });
});

describe("what can't work is said in one line, with exit code 1:", () => {
  let blocker: Server;
  let taken = 0;
  const noPrograms = join(folder, "empty");

  beforeAll(async () => {
    mkdirSync(noPrograms);
    symlinkSync(process.execPath, join(noPrograms, "node"));
    blocker = createServer();
    await new Promise<void>((resolve) => blocker.listen(0, resolve));
    const address = blocker.address();
    if (typeof address === "object" && address !== null) taken = address.port;
  });
  afterAll(() => {
    blocker.close();
  });

  async function complaint(args: string[], env: NodeJS.ProcessEnv): Promise<string> {
    const dataDir = join(folder, "faults");
    const { code, stdout, stderr } = await guildhall(args, { GUILDHALL_DATA: dataDir, ...env }).exit();
    expect({ code, stdout, lines: stderr.trim().split("\n").length }, stderr).toEqual({
      code: 1,
      stdout: "",
      lines: 1,
    });
    expect(processesOf(dataDir)).toEqual([]);
    return stderr;
  }

  it("a taken port", async () => {
    expect(await complaint(["start"], { PORT: String(taken) })).toMatch(`Port ${taken} is taken`);
    expect(await complaint(["start"], { GATEWAY_PORT: String(taken) })).toMatch(/set GATEWAY_PORT to another/);
  });

  it.each(["start", "api", "gateway", "migrate"])("an unreachable database (%s)", async (command) => {
    const DATABASE_URL = "postgres://me:hidden@127.0.0.1:1/chat";
    const line = await complaint([command], { DATABASE_URL });
    expect(line).toMatch(/^DATABASE_URL: Postgres at 127\.0\.0\.1:1\/chat can't be used \(.*ECONNREFUSED.*\)/);
    expect(line).not.toContain("hidden");
  });

  it("an unreachable Redis", async () => {
    const line = await complaint(["start"], { REDIS_URL: "redis://:hidden@127.0.0.1:1" });
    expect(line).toMatch(/^REDIS_URL: Redis at 127\.0\.0\.1:1 can't be used \(.*ECONNREFUSED.*\)/);
    expect(line).not.toContain("hidden");
  });

  it("a process that is given no database", async () => {
    expect(await complaint(["api"], {})).toMatch(/^DATABASE_URL is not set/);
  });

  it("a missing redis-server", async () => {
    expect(await complaint(["start"], { PATH: noPrograms })).toMatch(
      /^redis-server is not installed: install it \(.*\), or set REDIS_URL/,
    );
  });

  it("a bad variable", async () => {
    expect(await complaint(["start"], { PORT: "high" })).toBe("PORT must be a whole number from 0 to 65535.\n");
    expect(await complaint(["start"], { TLS_CERT: "cert.pem" })).toMatch(/^TLS_KEY is missing/);
    expect(await complaint(["start"], { TLS_CERT: "no.pem", TLS_KEY: "no.pem" })).toMatch(
      /^TLS_CERT names no\.pem, which can't be read/,
    );
  });

  it("a command that there isn't", async () => {
    expect(await complaint(["begin"], {})).toBe('There is no command "begin"; see guildhall --help.\n');
    expect(await complaint(["constructor"], {})).toContain("There is no command");
  });

  it("a demo in production, or without a platform", async () => {
    expect(await complaint(["demo"], { NODE_ENV: "production" })).toContain("no demo data");
    expect(await complaint(["demo"], { PUBLIC_URL: "http://127.0.0.1:1" })).toContain(
      "No API answers at http://127.0.0.1:1",
    );
  });
});
