/**
 * The long form of slow-reader.test.ts, with the times as well: the others may not notice. Prints what it counted; exit
 * code 1 when a promise did not hold.
 *   npm run drill:slow-reader -- --clients=1000 --guilds=20 --rate=1000 --length=100 --seconds=60 --bytes=1024
 */
import { parseArgs } from "node:util";
import { z } from "zod";
import { slowReaderUnderLoad } from "./slow-reader-under-load.ts";

const number = (otherwise: number) => z.coerce.number().int().positive().default(otherwise);
const { rate, bytes, ...options } = z
  .object({
    clients: number(1000),
    guilds: number(20),
    rate: number(1000),
    length: number(100),
    seconds: number(60),
    bytes: number(1024),
  })
  .parse(
    parseArgs({
      options: {
        clients: { type: "string" },
        guilds: { type: "string" },
        rate: { type: "string" },
        length: { type: "string" },
        seconds: { type: "string" },
        bytes: { type: "string" },
      },
    }).values,
  );

const { counts, faults, p99 } = await slowReaderUnderLoad({
  ...options,
  perSecond: rate,
  bytesPerSecond: bytes,
  print: (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`),
});
if (p99.slow >= 2 * p99.even) faults.push(`p99 of the others rose from ${p99.even} to ${p99.slow} ms`);
for (const [name, value] of Object.entries(counts)) console.log(`${name.padEnd(24)} ${Math.round(value * 100) / 100}`);
for (const fault of faults.slice(0, 20)) console.error(fault);
process.exit(faults.length === 0 ? 0 : 1);
