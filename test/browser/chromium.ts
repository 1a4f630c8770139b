import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium } from "playwright-core";
import { afterAll } from "vitest";
import { missing } from "../harness/missing.ts";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const program = PATHS.find((path) => existsSync(path));

/** Chromium with a profile of its own, gone when the file ends; null where the machine has none. */
export async function startChromium(): Promise<BrowserContext | null> {
  if (program === undefined) return missing("Chromium");
  const profile = await mkdtemp(join(tmpdir(), "guildhall-chromium-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: program,
    args: FLAGS,
    // Nothing in these pages needs script, so none may be needed.
    javaScriptEnabled: false,
    viewport: { width: 900, height: 900 },
  });
  afterAll(async () => {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  });
  return browser;
}
