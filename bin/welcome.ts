import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Config } from "../core/config.ts";
import type { DemoData } from "./demo-data.ts";

const inProject = (path: string) => relative(process.cwd(), fileURLToPath(new URL(`../${path}`, import.meta.url)));

/** Where things are: what everybody may see. */
export function addresses(config: Config): string {
  return [`  API      ${config.publicUrl}/api/v10`, `  Gateway  ${config.gatewayUrl}`].join("\n");
}

/** Logins and lines to paste. Holds secrets: for the terminal of whoever tries Guildhall out, never for production. */
export function demoLines(config: Config, { person, bot, webhook }: DemoData): string {
  const url = `${config.publicUrl}/api/v10/webhooks/${webhook.id}/${webhook.token}`;
  // A certificate of one's own making isn't known to other programs.
  const [curlTrust, nodeTrust] =
    config.tlsCert === undefined
      ? ["", ""]
      : [`--cacert '${config.tlsCert}' `, `NODE_EXTRA_CA_CERTS='${config.tlsCert}' `];
  return [
    `  Demo person  ${person.email}  password ${person.password}`,
    `  Demo bot     token ${bot.token}`,
    "",
    "  Post through the incoming webhook:",
    `    curl ${curlTrust}-H 'Content-Type: application/json' -d '{"content":"Hello from curl"}' '${url}'`,
    "",
    "  Run the example bot, which answers !ping (any discord.js bot runs so):",
    `    ${nodeTrust}GUILDHALL_URL=${config.publicUrl} BOT_TOKEN=${bot.token} node ${inProject("examples/discord-js-bot.mjs")}`,
    "",
    "  Talk to it, as the demo person:",
    `    ${environmentOf(config)}node ${inProject("bin/guildhall.js")} chat`,
  ].join("\n");
}

/** The variables that another command needs to find this platform. */
function environmentOf(config: Config): string {
  const variables = {
    PUBLIC_URL: config.publicUrl === "http://localhost:3000" ? undefined : config.publicUrl,
    GUILDHALL_DATA: config.dataDir === ".guildhall" ? undefined : config.dataDir,
  };
  return Object.entries(variables)
    .map(([name, value]) => (value === undefined ? "" : `${name}='${value}' `))
    .join("");
}
