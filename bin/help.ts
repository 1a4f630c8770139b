import { configVariables } from "../core/config.ts";

/** What `guildhall --help` prints: the commands, and every variable with its default. */
export function help(commands: Record<string, { summary: string }>): string {
  const variables = configVariables().map(({ name, help: text, default: value }) => ({
    name,
    text: value === "" ? text : `${text} [${value}]`,
  }));
  return [
    "Usage: guildhall <command>",
    "",
    ...columns(Object.entries(commands).map(([name, { summary }]) => ({ name, text: summary }))),
    "",
    "Environment variables [and their defaults]:",
    "",
    ...columns(variables),
  ].join("\n");
}

function columns(rows: { name: string; text: string }[]): string[] {
  const width = Math.max(...rows.map((row) => row.name.length)) + 2;
  return rows.map((row) => `  ${row.name.padEnd(width)}${row.text}`);
}
