#!/usr/bin/env node
// Plain JavaScript that any Node can read: it looks for what is needed to run the rest, which is TypeScript.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Guildhall needs Node.js 20.19 or newer; this is ${process.version}.`);
  process.exit(1);
}
try {
  const { register } = await import("tsx/esm/api");
  register();
} catch {
  console.error("Guildhall's packages are not installed; run `npm ci` in its folder first.");
  process.exit(1);
}
await import("./guildhall.ts");
