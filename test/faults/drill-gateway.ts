/**
 * The long form of kill-gateways.test.ts. Prints what it counted; exit code 1 when a promise did not hold.
 *   npm run drill:gateway -- --minutes=5 --sockets=300 --guilds=50 --seed=1
 * With --sabotage=lose, repeat or ignore-resume one client does wrong, and the drill must say so.
 */
import { parseArgs } from "node:util";
import { z } from "zod";
import { pythonWithDiscord } from "../clients/toolchains.ts";
import { gatewayUnderFire } from "./gateway-under-fire.ts";

const number = (otherwise: number) => z.coerce.number().positive().default(otherwise);
const options = z
  .object({
    minutes: number(5),
    sockets: number(300),
    guilds: number(50),
    rate: number(40),
    seed: z.coerce
      .number()
      .int()
      .default(Math.floor(Math.random() * 1_000_000)),
    sabotage: z.enum(["lose", "repeat", "ignore-resume"]).optional(),
  })
  .parse(
    parseArgs({
      options: {
        minutes: { type: "string" },
        sockets: { type: "string" },
        guilds: { type: "string" },
        rate: { type: "string" },
        seed: { type: "string" },
        sabotage: { type: "string" },
      },
    }).values,
  );

const SHOWN = 10;
console.log(`seed ${options.seed}`);
const { counts, faults } = await gatewayUnderFire({
  ...options,
  perSecond: options.rate,
  rounds: 1,
  pauseMs: 3000,
  python: pythonWithDiscord(),
  print: (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`),
});
for (const [name, value] of Object.entries(counts)) {
  if (typeof value === "number") console.log(`${name.padEnd(26)} ${value}`);
  else for (const [fault, times] of Object.entries(value)) console.log(`${fault.padEnd(33)} ${times}`);
}
for (const [name, list] of Object.entries(faults)) {
  console.log(`${name.padEnd(26)} ${list.length}`);
  for (const fault of list.slice(0, SHOWN)) console.error(`  ${fault}`);
}
process.exit(Object.values(faults).every((list) => list.length === 0) ? 0 : 1);
