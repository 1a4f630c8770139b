import postgres from "postgres";
import { afterAll, expect, test } from "vitest";
import { routes } from "../../src/routes/index.ts";
import type { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { ask, callerOf, nameOf } from "./matrix.ts";
import { makeWorld, type Places } from "./world.ts";

/** Every route that changes a guild writes an entry into its audit log; these don't. */
const WITHOUT: Record<string, readonly string[]> = {
  "changes an account, a login or an application, and no guild": [
    "POST /auth/register",
    "POST /auth/login",
    "POST /auth/refresh",
    "POST /auth/logout",
    "POST /auth/change-password",
    "PATCH /users/@me",
    "POST /users/@me/channels",
    "POST /applications",
    "PATCH /applications/@me",
    "PATCH /applications/:application_id",
    "POST /applications/:application_id/bot",
    "DELETE /applications/:application_id",
    "POST /applications/:application_id/secret",
    "POST /oauth2/token",
    "POST /oauth2/token/revoke",
    "DELETE /oauth2/tokens/:authorization_id",
    "PATCH /applications/:application_id/event-webhooks",
    "POST /applications/:application_id/event-webhooks/secret",
    "POST /applications/:application_id/event-webhooks/test",
    "POST /applications/:application_id/event-webhooks/deliveries/:delivery_id/replay",
    "POST /applications/:application_id/event-webhooks/replay",
  ],
  "changes commands of an application: Discord logs only who may use them": [
    "POST /applications/:application_id/commands",
    "PUT /applications/:application_id/commands",
    "PATCH /applications/:application_id/commands/:command_id",
    "DELETE /applications/:application_id/commands/:command_id",
    "POST /applications/:application_id/guilds/:guild_id/commands",
    "PUT /applications/:application_id/guilds/:guild_id/commands",
    "PATCH /applications/:application_id/guilds/:guild_id/commands/:command_id",
    "DELETE /applications/:application_id/guilds/:guild_id/commands/:command_id",
  ],
  "makes the guild, or ends it with its log": ["POST /guilds", "DELETE /guilds/:guild_id"],
  "is what members do for themselves": [
    "DELETE /users/@me/guilds/:guild_id",
    "POST /invites/:code",
    "POST /channels/:channel_id/typing",
    "PUT /channels/:channel_id/thread-members/@me",
    "DELETE /channels/:channel_id/thread-members/@me",
    "PUT /channels/:channel_id/messages/:message_id/reactions/:emoji_name/@me",
    "DELETE /channels/:channel_id/messages/:message_id/reactions/:emoji_name/@me",
    "PUT /channels/:channel_id/polls/:message_id/answers/@me",
    "POST /channels/:channel_id/polls/:message_id/expire",
  ],
  "is talk, and not administration": [
    "POST /channels/:channel_id/messages",
    "POST /channels/:channel_id/messages/:message_id/crosspost",
    "PATCH /channels/:channel_id/messages/:message_id",
    "POST /webhooks/:webhook_id/:webhook_token",
    "POST /webhooks/:webhook_id/:webhook_token/slack",
    "POST /webhooks/:webhook_id/:webhook_token/github",
    "PATCH /webhooks/:webhook_id/:webhook_token/messages/:message_id",
    "DELETE /webhooks/:webhook_id/:webhook_token/messages/:message_id",
    "POST /interactions",
    "POST /interactions/:interaction_id/:interaction_token/callback",
    "PATCH /webhooks/:webhook_id/:webhook_token/messages/@original",
    "DELETE /webhooks/:webhook_id/:webhook_token/messages/@original",
  ],
  "is of moderators, but Discord has no action type for it": [
    "POST /guilds/:guild_id/event-subscriptions",
    "PATCH /guilds/:guild_id/event-subscriptions/:subscription_id",
    "DELETE /guilds/:guild_id/event-subscriptions/:subscription_id",
    "POST /guilds/:guild_id/event-subscriptions/:subscription_id/secret",
    "POST /guilds/:guild_id/event-subscriptions/:subscription_id/test",
    "POST /guilds/:guild_id/event-subscriptions/:subscription_id/deliveries/:delivery_id/replay",
    "POST /guilds/:guild_id/event-subscriptions/:subscription_id/replay",
    "PUT /channels/:channel_id/thread-members/:user_id",
    "DELETE /channels/:channel_id/thread-members/:user_id",
    "DELETE /channels/:channel_id/messages/:message_id/reactions/:emoji_name/:user_id",
    "DELETE /channels/:channel_id/messages/:message_id/reactions/:emoji_name",
    "DELETE /channels/:channel_id/messages/:message_id/reactions",
  ],
};

type Prepare = (owner: Client, at: Places) => Promise<Partial<Places> | undefined>;

/** What must be so before a route can change something, and what it is then asked of. */
const FIRST: Record<string, Prepare> = {
  // One's own are no matter for the log.
  "DELETE /channels/:channel_id/messages/:message_id": async (_, at) => ({ message_id: at.webhook_message_id }),
  "DELETE /guilds/:guild_id/members/:user_id/roles/:role_id": give,
  "PUT /guilds/:guild_id/members/:user_id": letJoin,
  "DELETE /channels/:channel_id/messages/pins/:message_id": pin,
  "DELETE /channels/:channel_id/pins/:message_id": pin,
  "POST /oauth2/authorize": async (owner, at) => {
    await owner.delete(`/guilds/${at.guild_id}/members/${at.application_id}`);
    return undefined;
  },
};

/** Somebody who has let the application make them a member. */
async function letJoin(owner: Client, at: Places): Promise<Partial<Places>> {
  const joiner = await platform.person("joiner");
  const { client_secret } = await owner.post(`/applications/${at.application_id}/secret`);
  const query = { client_id: at.application_id, response_type: "code", scope: "guilds.join" };
  const path = `/oauth2/authorize?${new URLSearchParams(query)}`;
  const { location } = await joiner.post(path, { authorize: true });
  const code = new URL(location).searchParams.get("code") ?? "";
  const form = { client_id: at.application_id, client_secret, grant_type: "authorization_code", code };
  const type = { "content-type": "application/x-www-form-urlencoded" };
  const { body } = await platform.anonymous().request("POST", "/oauth2/token", String(new URLSearchParams(form)), type);
  return { owner_id: joiner.id, access_token: body.access_token };
}

async function give(owner: Client, at: Places): Promise<undefined> {
  await owner.put(`/guilds/${at.guild_id}/members/${at.user_id}/roles/${at.role_id}`);
}

async function pin(owner: Client, at: Places): Promise<undefined> {
  await owner.put(`/channels/${at.channel_id}/pins/${at.message_id}`);
}

const platform = await startPlatform();
const world = await makeWorld(platform);
const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
afterAll(() => sql.end());

const changing = routes.filter((route) => route.method !== "GET");
const excepted = Object.values(WITHOUT).flat();

test("the exceptions are routes", () => {
  expect(excepted.filter((name) => !changing.some((route) => nameOf(route) === name))).toEqual([]);
});

async function entriesOf(name: string): Promise<{ status: number; entries: readonly postgres.Row[] }> {
  const route = changing.find((one) => nameOf(one) === name);
  if (route === undefined) throw new RangeError(name);
  const another = await world.another();
  const given = await FIRST[name]?.(another.owner, another.places);
  const [newest] = await sql<[{ id: string | null }]>`select max(id) as id from audit_log`;
  const caller = await callerOf(route, platform, { ...world, ...another });
  const answer = await ask(route, caller, { ...another.places, ...given });
  const entries = await sql`
    select action_type, user_id from audit_log
    where server_id = ${another.places.guild_id} and id > ${newest.id ?? "0"}`;
  return { status: answer.status, entries };
}

const audited = changing.map(nameOf).filter((name) => !excepted.includes(name));

test.each(audited)("%s writes an entry", async (name) => {
  const { status, entries } = await entriesOf(name);
  expect(status).toBeLessThan(300);
  expect(entries.length, "an entry, or an exception with its reason").toBeGreaterThan(0);
});

const inGuilds = excepted.filter(
  (name) => /:(guild|channel|webhook)_id/.test(name) && !name.startsWith("DELETE /guilds/:guild_id"),
);

test.each(inGuilds)("%s writes none", async (name) => {
  const { status, entries } = await entriesOf(name);
  expect(status).toBeLessThan(300);
  expect(entries).toEqual([]);
});
