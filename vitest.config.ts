import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/harness/services.ts"],
    // uWebSockets.js is a native addon: processes, not threads.
    pool: "forks",
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // The machine may be busy with other tests.
    expect: { poll: { timeout: 20_000 } },
  },
});
