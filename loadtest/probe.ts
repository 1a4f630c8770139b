// Loaded into each process before its program (node --import): lets the bench look inside, the product's processes
// included, without a line for it in the product.
import { type Profiler, Session } from "node:inspector/promises";
import { fileURLToPath } from "node:url";
import { answer } from "./bench/answer.ts";

const TOP = 25;
/** The profiler's own work at its end: a native function, without a file. */
const PROFILER = "dispatch";
let session: Session | undefined;

/**
 * Through the inspector, which collects all garbage and closes the gaps in the heap. `gc()` closes none: after ten
 * thousand logins in a row it left three times of what is in use. Left alone, a process does the same by and by.
 */
answer("memory", async () => {
  const inspector = new Session();
  inspector.connect();
  // Twice, with a turn of the event loop between: what finalizers let go is collected as well.
  for (let times = 0; times < 2; times++) {
    await inspector.post("HeapProfiler.collectGarbage");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  inspector.disconnect();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external };
});

answer("profile start", async () => {
  session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: 200 });
  await session.post("Profiler.start");
});

answer("profile stop", async () => {
  if (session === undefined) throw new Error("no profile was started");
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();
  return shares(profile);
});

/** Time on top of the stack by function, as a share of all that isn't idle. */
function shares({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): { name: string; share: number }[] {
  const names = new Map(nodes.map((node) => [node.id, nameOf(node.callFrame)]));
  const spent = new Map<string, number>();
  let busy = 0;
  for (const [i, sample] of samples.entries()) {
    const name = names.get(sample) ?? "(unknown)";
    if (name === "(idle)" || name === PROFILER) continue;
    const micros = timeDeltas[i] ?? 0;
    busy += micros;
    spent.set(name, (spent.get(name) ?? 0) + micros);
  }
  const entries = [...spent].map(([name, micros]) => ({ name, share: micros / busy }));
  return entries.sort((a, b) => b.share - a.share).slice(0, TOP);
}

function nameOf({ functionName, url, lineNumber }: Profiler.ProfileNode["callFrame"]): string {
  const name = functionName === "" ? "(anonymous)" : functionName;
  if (url === "") return name;
  const path = url.startsWith("file:") ? fileURLToPath(url) : url;
  return `${name} ${path.split("/").slice(-2).join("/")}:${lineNumber + 1}`;
}
