import type { Reporter, TestModule } from "vitest/node";
import { operations } from "../../src/openapi/operations.ts";
import { readPassing, writePassing } from "./passing.ts";

/**
 * Prints how many of Discord's operations answer as their schemas say, by tier, and what is wrong with the others.
 * Outside of CI it notes the operations that pass for the first time in passing.json.
 */
export const conformanceTable: Reporter = {
  onTestRunEnd(modules) {
    const { passed, failed } = outcomes(modules);
    // The run broke before any operation was tried, which vitest's own reporter tells.
    if (passed.size + failed.size === 0) return;
    console.log(tableOf(passed, failed).join("\n"));
    const known = readPassing();
    const fresh = [...passed].filter((operation) => !known.includes(operation));
    if (fresh.length > 0 && !process.env.CI) {
      writePassing([...known, ...fresh].sort());
      console.log(`\nNoted in test/contract/passing.json, to pass from now on: ${fresh.join(", ")}`);
    }
  },
};

/** The tests of conformance.test.ts that are named after an operation; a failed one with what was wrong. */
function outcomes(modules: readonly TestModule[]) {
  const passed = new Set<string>();
  const failed = new Map<string, string>();
  for (const test of modules.flatMap((module) => [...module.children.allTests()])) {
    if (!operations.some(({ operation }) => operation === test.name)) continue;
    const { state, errors } = test.result();
    if (state === "passed") passed.add(test.name);
    else failed.set(test.name, errors?.[0]?.message.split("\n")[0] ?? state);
  }
  return { passed, failed };
}

function tableOf(passed: ReadonlySet<string>, failed: ReadonlyMap<string, string>): string[] {
  const row = (name: string, of: typeof operations) => {
    const right = of.filter(({ operation }) => passed.has(operation)).length;
    const wrong = of.filter(({ operation }) => failed.has(operation)).length;
    const cells = [right, wrong, of.length - right - wrong, of.length];
    return `  ${name.padEnd(8)}${cells.map((cell) => String(cell).padStart(10)).join("")}`;
  };
  const tiers = [1, 2, 3].map((tier) => ({ tier, of: operations.filter((operation) => operation.tier === tier) }));
  const missing = tiers.map(({ tier, of }) => ({
    tier,
    names: of.map(({ operation }) => operation).filter((name) => !passed.has(name) && !failed.has(name)),
  }));
  return [
    "",
    `${passed.size} of Discord's ${operations.length} operations answer as their response schemas say and refuse as documented.`,
    "",
    `          ${["right", "wrong", "no route", "all"].map((head) => head.padStart(10)).join("")}`,
    ...tiers.map(({ tier, of }) => row(`tier ${tier}`, of)),
    row("all", operations),
    ...(failed.size === 0 ? [] : ["", "Wrong:"]),
    ...[...failed].map(([operation, fault]) => `  ${operation}: ${fault}`),
    "",
    "Without a route:",
    ...missing.map(({ tier, names }) => `  tier ${tier}: ${names.join(", ") || "none"}`),
  ];
}
