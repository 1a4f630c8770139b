import { type Config, ConfigError, loadConfig } from "../core/config.ts";
import { MigrationError } from "../core/migrate.ts";
import { help } from "./help.ts";
import { checkNode } from "./preflight.ts";
import { StartupError } from "./services/startup-error.ts";

interface Command {
  summary: string;
  /** Each in its own file, which is loaded only when it is called. */
  run(config: Config, args: string[]): Promise<void>;
}

const commands: Record<string, Command> = {
  start: {
    summary: "Runs all: Postgres and Redis unless their URLs are given, migrations, one API, one gateway.",
    run: async (config) => (await import("./commands/start.ts")).start(config),
  },
  api: {
    summary: "Runs one REST API process.",
    run: async (config) => (await import("./commands/api.ts")).api(config),
  },
  gateway: {
    summary: "Runs one gateway process: sockets, and outgoing webhooks.",
    run: async (config) => (await import("./commands/gateway.ts")).gateway(config),
  },
  migrate: {
    summary: "Brings the database of DATABASE_URL up to date.",
    run: async (config) => (await import("./commands/migrate.ts")).migrateCommand(config),
  },
  app: {
    summary:
      "Makes an application with a bot in a guild and shows its token: app create NAME --guild ID; app verify ID.",
    run: async (config, args) => (await import("./commands/app.ts")).app(config, args),
  },
  limits: {
    summary:
      "Shows or sets how many times the usual rate limits an application has: limits APPLICATION_ID [FACTOR|off].",
    run: async (config, args) => (await import("./commands/limits.ts")).limits(config, args),
  },
  demo: {
    summary: "Makes a demo person, guild, bot and webhook on a running platform, and shows their logins.",
    run: async (config) => (await import("./commands/demo.ts")).demo(config),
  },
  chat: {
    summary: "Talks in the terminal, as a person: chat [login].",
    run: async (config, args) => (await import("./commands/chat.ts")).chat(config, args),
  },
};

async function main([name = "--help", ...args]: string[]): Promise<void> {
  if (["--help", "-h", "help"].includes(name) || args.includes("--help")) return console.log(help(commands));
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined)
    throw new StartupError(`There is no command ${JSON.stringify(name)}; see guildhall --help.`);
  checkNode();
  await command.run(loadConfig(process.env), args);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const foreseen = error instanceof StartupError || error instanceof ConfigError || error instanceof MigrationError;
  console.error(foreseen ? error.message : error);
  process.exit(1);
}
