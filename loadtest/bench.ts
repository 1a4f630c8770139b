// npm run bench [-- --quick] [--only NAME,NAME] [--profile] [--write docs/benchmarks.md]
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { deliveries } from "./bench/deliveries.ts";
import { fanOut } from "./bench/fan-out.ts";
import { idleMemory } from "./bench/idle-memory.ts";
import { type Lab, openLab } from "./bench/lab.ts";
import { latency } from "./bench/latency.ts";
import { manyGuilds } from "./bench/many-guilds.ts";
import { company, type Figure, machine, table, writeFigures } from "./bench/report.ts";
import { rest } from "./bench/rest.ts";
import { scale } from "./bench/scale.ts";
import { startup } from "./bench/startup.ts";
import { storms } from "./bench/storms.ts";

const benches: Record<string, (lab: Lab) => Promise<Figure[]>> = {
  "fan-out": fanOut,
  "many-guilds": manyGuilds,
  "idle-memory": idleMemory,
  latency,
  storms,
  rest,
  scale,
  startup,
  deliveries,
};

/** Past this something hangs. */
const LIMIT_MINUTES = { quick: 12, full: 90 };

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    /** A Markdown file to write the table into. */
    write: { type: "string" },
    only: { type: "string", default: Object.keys(benches).join(",") },
  },
});

if (process.platform !== "linux") {
  console.error("The bench reads CPU times from /proc, which only Linux has.");
  process.exit(1);
}

const minutes = values.quick ? LIMIT_MINUTES.quick : LIMIT_MINUTES.full;
setTimeout(() => {
  console.error(`The bench has not ended within ${minutes} minutes.`);
  // The processes that it started end with it.
  process.exit(1);
}, minutes * 60_000).unref();

const lab = await openLab({ quick: values.quick, profile: values.profile });
const stopped = new Promise<void>((resolve) => {
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => resolve());
});
await Promise.race([run(), stopped]).finally(() => lab.stop());
process.exit();

async function run(): Promise<void> {
  const figures: Figure[] = [];
  const [load = 0] = loadavg();
  for (const name of values.only.split(",")) {
    const bench = Object.hasOwn(benches, name) ? benches[name] : undefined;
    if (bench === undefined) throw new RangeError(`There is no bench ${name}; there are ${Object.keys(benches)}.`);
    const startedAt = Date.now();
    const measured = await bench(lab);
    await lab.clear();
    console.log(`\n${name}, ${Math.round((Date.now() - startedAt) / 1000)} s\n\n${table(measured)}`);
    figures.push(...measured);
  }
  const title = `${machine()}, ${company(load)}${values.quick ? "; quick: the figures are rough" : ""}`;
  console.log(`\n${title}\n\n${table(figures)}`);
  if (values.write !== undefined) writeFigures(values.write, title, figures);
}
