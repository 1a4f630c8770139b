import { expect, test } from "vitest";
import { SCOPES } from "../../src/oauth2/scopes.ts";
import type { Route } from "../../src/route.ts";
import { routes } from "../../src/routes/index.ts";
import { bearerClient, Site } from "../harness/oauth2.ts";
import { startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";
import * as matrix from "../rest/matrix.ts";
import { makeWorld } from "../rest/world.ts";

const platform = await startPlatform();
const world = await makeWorld(platform);
const site = await Site.register(platform, world.owner);

/** The site acting for the owner of everything, with one scope. */
const holding = async (scope: string) =>
  bearerClient(
    platform,
    (await site.form({ grant_type: "client_credentials", scope })).body.access_token,
    world.owner.id,
  );
// Opens nothing by itself.
const powerless = await holding("guilds.join");

const isOpen = (route: Route) => route.access.kind === "public" || route.access.kind === "webhook token";
const closed = routes.filter((route) => !isOpen(route) && route.scopes !== "any");

test.each(closed)("$method $path is closed to a bearer token without its scope", async (route) => {
  const { status, body } = await matrix.ask(route, powerless, world.here);
  expect({ status, code: body.code }).toEqual(
    route.scopes.length === 0 ? { status: 401, code: 0 } : { status: 403, code: 50026 },
  );
});

test.each(closed.filter(({ scopes }) => scopes.length === 0))(
  "$method $path is closed to a bearer token with every other scope",
  async (route) => {
    const names = Object.keys(SCOPES).filter(
      (name) => !["bot", "webhook.incoming", "applications.commands"].includes(name),
    );
    const { status } = await matrix.ask(route, await all(names), world.here);
    expect(status).toBe(401);
  },
);

let most: ReturnType<typeof holding> | undefined;
function all(names: readonly string[]) {
  most ??= holding(names.join(" "));
  return most;
}

test.each(routes.filter((route) => isOpen(route) && route.method === "GET"))(
  "$method $path is as open to a bearer token as to anybody",
  async (route) => {
    const [asAnybody, asBearer] = [
      await matrix.ask(route, platform.anonymous(), world.here),
      await matrix.ask(route, powerless, world.here),
    ];
    expect(asBearer.status).toBe(asAnybody.status);
    expect(asBearer.body).toEqual(asAnybody.body);
  },
);

test("a bearer token opens no gateway session, and is no bot's and no person's token", async () => {
  const token = powerless.token?.replace("Bearer ", "") ?? "";
  for (const scheme of ["", "Bot ", "bearer "]) {
    const answer = await platform
      .anonymous()
      .request("GET", "/oauth2/@me", undefined, { authorization: scheme + token });
    expect([scheme, answer.status]).toEqual([scheme, 401]);
  }
  const socket = await Socket.open(platform.gatewayUrl());
  socket.send(2, { token, intents: 0, properties: {} });
  await expect.poll(() => socket.closed?.code).toBe(4004);
});

test("the OpenAPI document tells of scopes", async () => {
  const { paths, components } = await platform.anonymous().get("/openapi.json");
  expect(paths["/users/@me/guilds"].get.security).toContainEqual({ oauth2: ["guilds"] });
  expect(paths["/guilds/{guild_id}"].get.security).toEqual([{ bot: [] }, { person: [] }]);
  expect(components.securitySchemes.oauth2.flows.authorizationCode.scopes).toHaveProperty("identify");
});
