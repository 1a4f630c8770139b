import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PermissionFlagsBits } from "discord-api-types/v10";
import { z } from "zod";
import { type RestClient, RestError } from "./rest-client.ts";

const Person = z.object({ email: z.string(), username: z.string(), password: z.string() });
const Guild = z.object({ id: z.string(), channelId: z.string() });
const Bot = z.object({ applicationId: z.string(), token: z.string() });
const Webhook = z.object({ id: z.string(), token: z.string() });

const DemoData = z.object({ person: Person, guild: Guild, bot: Bot, webhook: Webhook });
/** Logins and ids of the demo. */
export type DemoData = z.infer<typeof DemoData>;

const BOT_PERMISSIONS =
  PermissionFlagsBits.ViewChannel |
  PermissionFlagsBits.SendMessages |
  PermissionFlagsBits.ReadMessageHistory |
  PermissionFlagsBits.EmbedLinks |
  PermissionFlagsBits.AddReactions;

/** What was made at an earlier start, as far as it got. */
export async function readDemoData(dataDir: string): Promise<Partial<DemoData>> {
  try {
    return DemoData.partial().parse(JSON.parse(await readFile(fileIn(dataDir), "utf8")));
  } catch {
    return {};
  }
}

/**
 * Makes a demo person with a guild, a bot in it and an incoming webhook, over the public REST API alone. What an
 * earlier call made, and still works, is kept; each step is remembered at once, so one that was cut off is gone on with.
 */
export async function ensureDemoData(rest: RestClient, dataDir: string): Promise<DemoData> {
  const known = await readDemoData(dataDir);
  const remember = (part: Partial<DemoData>) => writeDemoData(dataDir, Object.assign(known, part));

  const login = known.person && (await logIn(rest, known.person));
  const { person, token } = login ?? (await register(rest));
  if (login === undefined) {
    // Another person's guild would be out of reach: all is made anew.
    for (const name of ["guild", "bot", "webhook"] as const) delete known[name];
    await remember({ person });
  }

  const guild =
    (await kept(known.guild, ({ id }) => rest.call("GET", `/guilds/${id}`, { token }))) ??
    (await makeGuild(rest, token));
  await remember({ guild });
  const bot =
    (await kept(known.bot, (it) => rest.call("GET", "/users/@me", { token: `Bot ${it.token}` }))) ??
    (await makeBot(rest, token));
  await remember({ bot });
  await admit(rest, token, bot, guild);
  const webhook =
    (await kept(known.webhook, (it) => rest.call("GET", `/webhooks/${it.id}/${it.token}`))) ??
    (await makeWebhook(rest, token, guild));
  await remember({ webhook });
  return { person, guild, bot, webhook };
}

const fileIn = (dataDir: string) => join(dataDir, "demo.json");

async function writeDemoData(dataDir: string, data: Partial<DemoData>): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const draft = `${fileIn(dataDir)}.draft`;
  await writeFile(draft, `${JSON.stringify(data, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, fileIn(dataDir));
}

/** The value if the question about it is answered; undefined when the platform doesn't know it. */
async function kept<T>(value: T | undefined, ask: (value: T) => Promise<unknown>): Promise<T | undefined> {
  if (value === undefined) return undefined;
  try {
    await ask(value);
    return value;
  } catch (error) {
    if (error instanceof RestError && error.status < 500) return undefined;
    throw error;
  }
}

const Token = z.object({ token: z.string() });
const Id = z.object({ id: z.string() });

async function logIn(rest: RestClient, person: DemoData["person"]) {
  const body = { login: person.email, password: person.password };
  const answer = await rest.fetch("POST", "/api/v10/auth/login", { body });
  if (answer.status === 200) return { person, token: Token.parse(answer.body).token };
  if (answer.status >= 500 || answer.status === 429) throw new RestError("POST /auth/login", answer);
  return undefined;
}

async function register(rest: RestClient) {
  // Unguessable, as the API may be reachable from elsewhere.
  const password = randomBytes(12).toString("base64url");
  const names = ["demo", `demo_${randomBytes(3).toString("hex")}`];
  for (const username of names) {
    const person = { username, email: `${username}@example.com`, password };
    const answer = await rest.fetch("POST", "/api/v10/auth/register", { body: person });
    if (answer.status === 201) return { person, token: Token.parse(answer.body).token };
    // 400: the name is taken, by the demo of a data folder that is gone.
    if (answer.status !== 400 || username === names.at(-1)) throw new RestError("POST /auth/register", answer);
  }
  throw new Error("unreachable");
}

const CreatedGuild = z.object({ id: z.string(), system_channel_id: z.string() });

async function makeGuild(rest: RestClient, token: string): Promise<DemoData["guild"]> {
  const guild = CreatedGuild.parse(await rest.call("POST", "/guilds", { token, body: { name: "Demo guild" } }));
  return { id: guild.id, channelId: guild.system_channel_id };
}

async function makeBot(rest: RestClient, token: string): Promise<DemoData["bot"]> {
  const { id } = Id.parse(await rest.call("POST", "/applications", { token, body: { name: "Demo bot" } }));
  const made = Token.parse(await rest.call("POST", `/applications/${id}/bot`, { token }));
  return { applicationId: id, token: made.token };
}

/** Adds the bot to the guild, which changes nothing when it is a member. */
async function admit(rest: RestClient, token: string, bot: DemoData["bot"], guild: DemoData["guild"]): Promise<void> {
  const query = new URLSearchParams({
    client_id: bot.applicationId,
    scope: "bot",
    permissions: String(BOT_PERMISSIONS),
  });
  await rest.call("POST", `/oauth2/authorize?${query}`, { token, body: { guild_id: guild.id, authorize: true } });
}

async function makeWebhook(rest: RestClient, token: string, guild: DemoData["guild"]): Promise<DemoData["webhook"]> {
  const body = { name: "Demo webhook" };
  return Webhook.parse(await rest.call("POST", `/channels/${guild.channelId}/webhooks`, { token, body }));
}
