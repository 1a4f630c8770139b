import { defineConfig } from "vitest/config";
import shared from "../../vitest.config.ts";

/** `npm run fuzz`: what takes minutes. */
export default defineConfig({ ...shared, test: { ...shared.test, include: ["test/fuzz/**/*.fuzz.ts"] } });
