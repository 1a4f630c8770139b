/**
 * The long form of kill-writes.test.ts: 20 writers, 50 kills unless the first argument says otherwise. Prints what it
 * counted; exit code 1 when a promise did not hold.
 */
import { faultsOf, writesUnderFire } from "./writes-under-fire.ts";

const kills = Number(process.argv[2] ?? 50);
const report = await writesUnderFire({ writers: 20, kills, pauseMs: 2000, print: console.log });
for (const [name, value] of Object.entries(report)) {
  console.log(`${name.padEnd(20)} ${Array.isArray(value) ? value.length : value}`);
}
const faults = faultsOf(report);
for (const fault of faults) console.error(fault);
process.exit(faults.length === 0 ? 0 : 1);
