// Prints `N passed, N failed[, N skipped]` from the file of vitest's JSON reporter.
import { readFileSync } from "node:fs";

const count = { passed: 0, failed: 0, skipped: 0 };
for (const file of testFiles(process.argv[2])) {
  for (const { status } of file.assertionResults) {
    count[status === "passed" || status === "failed" ? status : "skipped"]++;
  }
  // A file that fails outside its tests, as one that can't be loaded, counts as one failure.
  const failedInTests = file.assertionResults.some(({ status }) => status === "failed");
  if (file.status === "failed" && !failedInTests) count.failed++;
}
const { passed, failed, skipped } = count;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);

function testFiles(path) {
  const text = readFileSync(path, "utf8");
  // vitest ended before it wrote anything.
  if (text === "") return [{ status: "failed", assertionResults: [] }];
  return JSON.parse(text).testResults;
}
