import postgres from "postgres";
import { afterAll, describe, expect, test } from "vitest";
import type { Client, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const sql = postgres(platform.stores.databaseUrl, { max: 1 });
afterAll(() => sql.end());

/** A bot whose application has no commands, with where they are. */
async function fresh(): Promise<{ bot: Client; global: string; local: string }> {
  const bot = await platform.bot(owner, guild.id);
  return {
    bot,
    global: `/applications/${bot.id}/commands`,
    local: `/applications/${bot.id}/guilds/${guild.id}/commands`,
  };
}

const ping = { name: "ping", description: "Says pong" };
const option = { type: 3, name: "text", description: "What to say" };

describe("making a command", () => {
  test("answers 201, and 200 when it overwrites the one of its type and name", async () => {
    const { bot, global, local } = await fresh();
    for (const path of [global, local]) {
      const first = await bot.request("POST", path, { ...ping, nsfw: true, options: [option] });
      expect(first.status).toBe(201);
      expect(first.body).toMatchObject({ type: 1, ...ping, nsfw: true, options: [option], application_id: bot.id });
      const again = await bot.request("POST", path, ping);
      expect(again.status).toBe(200);
      expect(again.body).toMatchObject({ id: first.body.id, nsfw: false });
      expect(again.body).not.toHaveProperty("options");
      expect(BigInt(again.body.version)).toBeGreaterThan(BigInt(first.body.version));
      const same = await bot.request("POST", path, ping);
      expect(same.body).toEqual(again.body);
      expect((await bot.request("POST", path, { name: "ping", type: 2 })).status).toBe(201);
      expect(await bot.get(path)).toHaveLength(2);
    }
  });

  test("of a guild has no contexts, a global one has", async () => {
    const { bot, global, local } = await fresh();
    expect(await bot.post(local, { ...ping, contexts: [1] })).toMatchObject({ guild_id: guild.id });
    expect(await bot.post(local, { ...ping, contexts: [1] })).not.toHaveProperty("contexts");
    const made = await bot.post(global, ping);
    expect(made).toMatchObject({ contexts: null, integration_types: [0, 1], dm_permission: true });
    expect(made).not.toHaveProperty("guild_id");
    const edit = (body: object) => bot.patch(`${global}/${made.id}`, body);
    expect(await edit({ dm_permission: false })).toMatchObject({ contexts: [0], dm_permission: false });
    expect(await edit({ contexts: [1, 0, 1] })).toMatchObject({ contexts: [0, 1], dm_permission: true });
    expect(await edit({ contexts: null })).toMatchObject({ contexts: null, dm_permission: true });
    expect(await edit({ default_member_permissions: 32 })).toMatchObject({ default_member_permissions: "32" });
    expect(await edit({ description: "x" })).toMatchObject({ default_member_permissions: "32" });
    expect(await edit({ default_member_permissions: null })).toMatchObject({ default_member_permissions: null });
  });

  test("whole numbers keep all of their digits", async () => {
    const { bot, global } = await fresh();
    const made = await bot.request(
      "POST",
      global,
      `{"name":"n","description":"d","options":[{"type":4,"name":"n","description":"d","min_value":-9007199254740991,
        "choices":[{"name":"most","value":9007199254740991}]}]}`,
    );
    expect(made.body.options[0]).toMatchObject({
      min_value: -(2 ** 53 - 1),
      choices: [{ name: "most", value: 2 ** 53 - 1 }],
    });
  });

  test("is for the application's bot and its owner, in guilds that the bot is in", async () => {
    const { bot, global, local } = await fresh();
    const other = await platform.bot(await platform.person("other"), undefined);
    const elsewhere = await platform.guild(owner);
    await refused(Code.UnknownApplication, other, "POST", global, ping);
    await refused(Code.UnknownApplication, other, "PUT", local, []);
    await refused(Code.MissingAccess, bot, "POST", local.replace(guild.id, elsewhere.id), ping);
    expect((await owner.request("POST", global, ping)).status).toBe(201);
    const { id } = await bot.post(local, ping);
    // A guild's command isn't a global one, nor another application's.
    const mine = await fresh();
    for (const path of [`${global}/${id}`, `${mine.local}/${id}`]) {
      await refused(Code.UnknownApplicationCommand, path.startsWith(global) ? bot : mine.bot, "GET", path);
      await refused(Code.UnknownApplicationCommand, path.startsWith(global) ? bot : mine.bot, "PATCH", path, {});
      await refused(Code.UnknownApplicationCommand, path.startsWith(global) ? bot : mine.bot, "DELETE", path);
    }
    await bot.delete(`${local}/${id}`);
    await refused(Code.UnknownApplicationCommand, bot, "DELETE", `${local}/${id}`);
  });
});

describe("a whole list", () => {
  test("keeps the ids and versions of what didn't change, and the ids of what did", async () => {
    const { bot, global } = await fresh();
    const [a, b, c] = await bot.put(global, [ping, { ...ping, name: "b" }, { ...ping, name: "c" }]);
    const list = await bot.put(global, [
      { ...ping, name: "new" },
      { ...ping, name: "b", description: "Changed" },
      ping,
      { ...ping, name: "renamed", id: c.id },
    ]);
    expect(list[1]).toMatchObject({ id: b.id, description: "Changed" });
    expect(list[1].version).not.toBe(b.version);
    expect(list[2]).toEqual(a);
    expect(list[3]).toMatchObject({ id: c.id, name: "renamed" });
    expect([a.id, b.id, c.id]).not.toContain(list[0].id);
    const byId = (commands: Json[]) => commands.map(({ id }) => id).sort();
    expect(byId(await bot.get(global))).toEqual(byId(list));
    // Two may change names with each other.
    const [x, y] = await bot.put(global, [
      { ...ping, name: "one", id: a.id },
      { ...ping, name: "two", id: b.id },
    ]);
    expect([x.id, y.id]).toEqual([a.id, b.id]);
    // Another application's id is nothing to it.
    const other = await fresh();
    const theirs = await other.bot.post(other.global, ping);
    const [made] = await bot.put(global, [{ ...ping, name: "theirs", id: theirs.id }]);
    expect(made.id).not.toBe(theirs.id);
    expect(await other.bot.get(other.global)).toMatchObject([{ id: theirs.id, name: "ping" }]);
    expect(await bot.put(global, [])).toEqual([]);
    expect(await bot.get(global)).toEqual([]);
  });

  test("with a name twice is refused as a whole", async () => {
    const { bot, global } = await fresh();
    await bot.put(global, [ping]);
    const twice = await bot.request("PUT", global, [
      { ...ping, name: "x" },
      { ...ping, name: "x" },
      { name: "x", type: 2 },
    ]);
    expect(twice.body).toMatchObject({
      code: 50035,
      errors: { "1": { _errors: [{ code: "APPLICATION_COMMANDS_DUPLICATE_NAME" }] } },
    });
    expect((await bot.get(global)).map(({ name }: Json) => name)).toEqual(["ping"]);
  });

  test("names each fault by its place", async () => {
    const { bot, global } = await fresh();
    const answer = await bot.request("PUT", global, [
      ping,
      { name: "Upper", description: "x" },
      { ...ping, name: "c", options: [option, { ...option, name: "b", required: true }] },
      { ...ping, name: "d", options: [{ ...option, choices: [{ name: "", value: "x" }] }] },
    ]);
    expect(answer.body).toEqual({
      code: 50035,
      message: "Invalid Form Body",
      errors: { "3": { options: { "0": { choices: { "0": { name: expect.any(Object) } } } } } },
    });
    const cross = await bot.request("PUT", global, [
      ping,
      { name: "Upper", description: "x" },
      { ...ping, name: "c", options: [option, { ...option, name: "b", required: true }] },
    ]);
    expect(cross.body.errors).toEqual({
      "1": { name: { _errors: [{ code: "APPLICATION_COMMAND_INVALID_NAME", message: "Command name is invalid" }] } },
      "2": {
        options: {
          "1": {
            _errors: [
              {
                code: "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                message: "Required options must be placed before non-required options",
              },
            ],
          },
        },
      },
    });
    expect(await bot.get(global)).toEqual([]);
  });
});

describe("limits", () => {
  test("100 commands, 15 of users, 15 of messages, for each guild and globally", async () => {
    const { bot, global, local } = await fresh();
    const of = (type: number, n: number) =>
      Array.from({ length: n }, (_, i) => ({ type, name: `c${i}`, ...(type === 1 ? { description: "d" } : {}) }));
    for (const path of [global, local]) {
      expect(await bot.put(path, [...of(1, 100), ...of(2, 15), ...of(3, 15)])).toHaveLength(130);
      for (const type of [1, 2, 3]) {
        const more = { type, name: "more", ...(type === 1 ? { description: "d" } : {}) };
        await refused(Code.MaximumNumberOfApplicationCommandsReached, bot, "POST", path, more);
      }
      expect((await bot.request("POST", path, { ...of(1, 1)[0], description: "changed" })).status).toBe(200);
    }
    await refused(Code.MaximumNumberOfApplicationCommandsReached, bot, "PUT", global, of(1, 101));
    await refused(Code.MaximumNumberOfApplicationCommandsReached, bot, "PUT", global, of(2, 16));
    await refused(50035, bot, "PUT", global, of(1, 132));
    expect(await bot.get(global)).toHaveLength(130);
  });

  test("200 made in 24 hours, whoever makes them at once", async () => {
    const { bot, global, local } = await fresh();
    await bot.post(global, ping);
    await sql`update application_command_creates set creates = 197 where application_id = ${bot.id}`;
    const made = await Promise.all(
      ["a", "b", "c", "d", "e"].map((name) => bot.request("POST", global, { name, description: "d" })),
    );
    expect(made.map(({ status }) => status).sort()).toEqual([201, 201, 201, 400, 400]);
    expect(made.find(({ status }) => status === 400)?.body.code).toBe(
      Code.MaximumDailyApplicationCommandCreatesReached,
    );
    // What was refused is not counted, overwriting isn't either, and each guild counts for itself.
    expect((await bot.request("POST", global, { ...ping, description: "changed" })).status).toBe(200);
    expect((await bot.request("POST", local, ping)).status).toBe(201);
    await sql`update application_command_creates set since = now() - interval '25 hours' where application_id = ${bot.id}`;
    expect((await bot.request("POST", global, { name: "next-day", description: "d" })).status).toBe(201);
    const [day] = await sql`
      select creates from application_command_creates where application_id = ${bot.id} and server_id = 0`;
    expect(day?.creates).toBe(1);
  });

  test("a command renamed to one that there is", async () => {
    const { bot, global } = await fresh();
    await bot.post(global, ping);
    const { id } = await bot.post(global, { ...ping, name: "pong" });
    await refused(Code.ApplicationCommandWithThatNameAlreadyExists, bot, "PATCH", `${global}/${id}`, { name: "ping" });
    expect(await bot.patch(`${global}/${id}`, { name: "pong" })).toMatchObject({ name: "pong" });
  });

  test("upserts of one name at once make one command", async () => {
    const { bot, global } = await fresh();
    const made = await Promise.all(Array.from({ length: 8 }, () => bot.request("POST", global, ping)));
    expect(made.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 201]);
    expect(new Set(made.map(({ body }) => body.id)).size).toBe(1);
  });
});

describe("localized texts", () => {
  const texts = {
    name: "color",
    description: "Pick a color",
    name_localizations: { "en-GB": "colour", de: "farbe", fr: null, "en-US": "color" },
    description_localizations: { de: "Wähle" },
    options: [
      {
        ...option,
        name_localizations: { de: "wort" },
        choices: [{ name: "Red", value: "r", name_localizations: { de: "Rot" } }],
      },
    ],
  };

  test("a list has those of the requester's locale, or all when asked for", async () => {
    const { bot, global } = await fresh();
    const made = await bot.post(global, texts);
    // Those that are null or equal the name are none.
    expect(made.name_localizations).toEqual({ "en-GB": "colour", de: "farbe" });
    const list = async (headers: Record<string, string>) =>
      (await bot.request("GET", global, undefined, headers)).body[0];
    const german = await list({ "accept-language": "fr;q=0.4, de-AT, en;q=0.1" });
    expect(german).toMatchObject({
      name: "color",
      name_localized: "farbe",
      description_localized: "Wähle",
      options: [
        { name: "text", name_localized: "wort", choices: [{ name: "Red", name_localized: "Rot", value: "r" }] },
      ],
    });
    expect(JSON.stringify(german)).not.toContain("_localizations");
    // Without a language it is the account's own, en-US, which falls back to en-GB.
    expect(await list({})).toMatchObject({ name_localized: "colour" });
    expect(await list({ "x-discord-locale": "fr", "accept-language": "de" })).not.toHaveProperty("name_localized");
    expect(await list({ "x-discord-locale": "de", "accept-language": "fr" })).toMatchObject({
      name_localized: "farbe",
    });
    expect((await bot.get(`${global}?with_localizations=true`))[0]).toEqual(made);
    expect(await bot.get(`${global}/${made.id}`)).toEqual(made);
  });

  test("a strange Accept-Language is none", async () => {
    const { bot, global } = await fresh();
    await bot.post(global, texts);
    for (const value of ["*", ";;;", "de;q=x", ",".repeat(3000), "%%%", "-", "x-y-z;q=1;q=2"]) {
      expect((await bot.request("GET", global, undefined, { "accept-language": value })).status, value).toBe(200);
    }
  });
});
