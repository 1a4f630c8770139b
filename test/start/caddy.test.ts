import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../bin/services/free-port.ts";
import { missing } from "../harness/missing.ts";
import { startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";

const hasCaddy = spawnSync("caddy", ["version"], { stdio: "ignore" }).status === 0 || missing("caddy");

describe.skipIf(hasCaddy !== true)("behind Caddy, as docker compose has it", async () => {
  const platform = await startPlatform();
  let caddy: ChildProcess;
  let site: string;

  beforeAll(async () => {
    const port = await freePort();
    site = `127.0.0.1:${port}`;
    caddy = spawn("caddy", ["run", "--adapter", "caddyfile", "--config", "Caddyfile"], {
      cwd: join(import.meta.dirname, "../.."),
      env: {
        PATH: process.env.PATH,
        HOME: platform.stores.dir,
        SITE_ADDRESS: `http://:${port}`,
        API_HOST: "localhost",
        API_PORT: new URL(platform.url()).port,
        GATEWAY_HOST: "localhost",
        GATEWAY_PORT: new URL(platform.gatewayUrl()).port,
      },
      stdio: "ignore",
    });
    const start = Date.now();
    while ((await status("/api/v10/gateway")) !== 200) {
      if (Date.now() - start > 60_000) throw new Error("Caddy leads nowhere");
      await sleep(50);
    }
  });

  afterAll(async () => {
    const exit = once(caddy, "exit");
    caddy.kill("SIGTERM");
    await exit;
  });

  const status = (path: string, init: RequestInit = {}) =>
    fetch(`http://${site}${path}`, init).then(
      (answer) => answer.status,
      () => 0,
    );

  it("serves the API and its pages, and keeps what is for inside", async () => {
    expect(await status("/docs")).toBe(200);
    expect(await status("/api/v10/openapi.json")).toBe(200);
    // The API's own answer for a file that there isn't, which has a body of Discord's form.
    const file = await fetch(`http://${site}/cdn/icons/1/0123456789abcdef0123456789abcdef.png`);
    expect(await file.json()).toHaveProperty("message");
    for (const path of ["/metrics", "/healthz", "/readyz", "/"]) expect(await status(path), path).toBe(404);
  });

  it("leads sockets to a gateway, over which what is posted arrives", async () => {
    const ada = await platform.person("ada");
    const guild = await platform.guild(ada);
    const socket = await Socket.open(`ws://${site}`);
    await socket.identify(ada.token ?? "");
    const posted = await status(`/api/v10/channels/${guild.channelId}/messages`, {
      method: "POST",
      headers: { authorization: ada.token ?? "", "content-type": "application/json" },
      body: JSON.stringify({ content: "through Caddy" }),
    });
    expect(posted).toBe(200);
    expect((await socket.event("MESSAGE_CREATE")).d.content).toBe("through Caddy");
    socket.close();
  });
});
