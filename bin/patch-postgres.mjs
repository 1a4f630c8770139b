// Mends the Postgres driver after an install. When a connection is lost, postgres.js may write to it once more in
// the next turn, which throws where nobody can catch it: a restart of Postgres would end every process that has a
// transaction open (porsager/postgres issues 1066, 1154, 1208; open as of 3.4.9). It may also keep bytes that were
// never sent, and send them before the greeting of the next connection. And its queues of connections grow for as long
// as they are never empty, and are searched from their start for each query: under load that became a tenth of the API's
// time. Run by npm's postinstall; the tests kill Postgres under load. To be removed when a release has the fixes.
import { readFileSync, writeFileSync } from "node:fs";

const main = new URL(import.meta.resolve("postgres"));

mend("connection.js", "/* mended: lost connections */", [
  [
    "function nextWrite(fn) {",
    "if (!socket) { chunk = nextWriteTimer = null; error(Errors.connection('CONNECTION_CLOSED', options)); return false }",
  ],
  ["async function closed(hadError) {", "clearImmediate(nextWriteTimer); chunk = nextWriteTimer = null"],
]);
mend("queue.js", "/* mended: growth */", [
  ["xs[index - 1] = undefined", "if (index > 16 && index * 2 > xs.length) { xs = xs.slice(index); index = 0 }"],
]);

/** Adds lines to a file of the driver, each after a place that occurs once; `mark` tells that it was done before. */
function mend(name, mark, additions) {
  const file = new URL(`./${name}`, main);
  const source = readFileSync(file, "utf8");
  if (source.includes(mark)) return;
  let mended = source;
  for (const [place, addition] of additions) {
    if (mended.split(place).length !== 2) throw new Error(`postgres has changed: no single "${place}" in ${file}`);
    mended = mended.replace(place, `${place} ${mark}\n    ${addition}\n`);
  }
  writeFileSync(file, mended);
}
