import { defineConfig } from "vitest/config";
import shared from "../../vitest.config.ts";
import { conformanceTable } from "./table.ts";

/** `npm run conformance`: the contract tests alone, and the table of what they found. */
export default defineConfig({
  ...shared,
  test: { ...shared.test, include: ["test/contract/**/*.test.ts"], reporters: ["default", conformanceTable] },
});
