import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import type { Config } from "../../core/config.ts";
import type { Db } from "../../core/db.ts";
import { createLogger } from "../../core/log.ts";
import { loadSecret, unseal } from "../../core/secret.ts";
import { isSnowflake } from "../../core/snowflake.ts";
import { checkDatabase, checkRedis } from "../preflight.ts";
import { withRunningStores } from "../services/running-stores.ts";
import { StartupError } from "../services/startup-error.ts";

const USAGE = [
  "Usage: guildhall app create NAME --guild ID [--permissions BITS]",
  "       guildhall app verify APPLICATION_ID [off]",
].join("\n");
/** Views channels, reads their history and writes in them. */
const PERMISSIONS = "68608";

const Made = z.object({ id: z.string() });
const Bot = z.object({ token: z.string() });
const Refused = z.object({ message: z.string() });

/** `guildhall app`: makes an application with a bot in a guild, or verifies one. */
export async function app(given: Config, [what, ...args]: string[]): Promise<void> {
  if (what === "create") return create(given, args);
  if (what === "verify") return verify(given, args);
  throw new StartupError(USAGE);
}

interface Wanted {
  name: string;
  guild: string;
  permissions: string;
}

async function create(given: Config, args: string[]): Promise<void> {
  const wanted = read(args);
  const config = withRunningStores(given);
  await checkDatabase(config);
  await checkRedis(config);
  demandSecret(config);
  const { openApp } = await import("../../src/open-app.ts");
  const { app: opened, close } = await openApp(config, createLogger("fatal", "command"), "command");
  try {
    await checkSecret(config, opened.sql);
    const { findGuild } = await import("../../src/store/guilds.ts");
    const guild = await findGuild(opened.sql, wanted.guild);
    if (guild === undefined) throw new StartupError(`There is no guild ${wanted.guild}.`);
    const { asPerson } = await import("../../src/in-process.ts");
    const { id, token } = await asPerson(opened, guild.owner_id, async (call) => {
      const ask = async (path: string, body: unknown) => {
        const answer = await call("POST", path, body);
        if (answer.status >= 300) throw new StartupError(Refused.parse(answer.body).message);
        return answer.body;
      };
      const application = Made.parse(await ask("/applications", { name: wanted.name }));
      const bot = Bot.parse(await ask(`/applications/${application.id}/bot`, {}));
      const query = `client_id=${application.id}&scope=bot+applications.commands&permissions=${wanted.permissions}`;
      await ask(`/oauth2/authorize?${query}`, { guild_id: guild.id, authorize: true });
      return { id: application.id, token: bot.token };
    });
    console.log(
      `${wanted.name} is application ${id}, and its bot is in ${guild.name}. The bot's token, shown only now:`,
    );
    console.log(`\n${token}`);
  } finally {
    await close();
  }
}

function read(args: string[]): Wanted {
  const { values, positionals } = parse(args);
  const [name, ...more] = positionals;
  const { guild, permissions = PERMISSIONS } = values;
  if (name === undefined || more.length > 0 || guild === undefined) throw new StartupError(USAGE);
  if (!isSnowflake(guild)) throw new StartupError(`--guild takes the id of a guild, not ${JSON.stringify(guild)}.`);
  if (!/^\d{1,20}$/.test(permissions)) throw new StartupError("--permissions takes a bit field, such as 68608.");
  return { name, guild, permissions };
}

function parse(args: string[]) {
  try {
    const options = { guild: { type: "string" }, permissions: { type: "string" } } as const;
    return parseArgs({ args, options, allowPositionals: true });
  } catch {
    throw new StartupError(USAGE);
  }
}

/** A key that is sealed with another secret than the platform's could never be read: none is made here. */
function demandSecret({ secret, dataDir }: Config): void {
  if (secret !== undefined || existsSync(join(dataDir, "secret"))) return;
  throw new StartupError("Set GUILDHALL_SECRET, or GUILDHALL_DATA, to that of the platform: keys are sealed with it.");
}

async function checkSecret(config: Config, sql: Db): Promise<void> {
  const sealed = await newest(sql);
  if (sealed === undefined) return;
  try {
    unseal(await loadSecret(config), sealed);
  } catch {
    throw new StartupError("GUILDHALL_SECRET is not the platform's: what is stored can't be read with it.");
  }
}

async function newest(sql: Db): Promise<Buffer | undefined> {
  const { newestPrivateKey } = await import("../../src/store/applications.ts");
  return newestPrivateKey(sql);
}

async function verify(given: Config, [id = "", off]: string[]): Promise<void> {
  if (!isSnowflake(id) || (off !== undefined && off !== "off")) throw new StartupError(USAGE);
  const config = withRunningStores(given);
  const { connectDatabase } = await import("../../core/db.ts");
  const sql = connectDatabase(await checkDatabase(config), { name: "guildhall-app" });
  try {
    const { setVerified } = await import("../../src/store/applications.ts");
    const found = await setVerified(sql, id, off === undefined);
    if (found === undefined) throw new StartupError(`There is no application ${id} that has a bot.`);
    console.log(`${found.name} is ${off === undefined ? "verified" : "not verified"}.`);
  } finally {
    await sql.end({ timeout: 2 });
  }
}
