// Mends the Postgres driver after an install. When a connection is lost, postgres.js may write to it once more in
// the next turn, which throws where nobody can catch it: a restart of Postgres would end every process that has a
// transaction open (porsager/postgres issues 1066, 1154, 1208; open as of 3.4.9). It may also keep bytes that were
// never sent, and send them before the greeting of the next connection. Run by npm's postinstall; the tests kill
// Postgres under load. To be removed when a release has the fix.
import { readFileSync, writeFileSync } from "node:fs";

const MARK = "/* mended: lost connections */";
const file = new URL(import.meta.resolve("postgres"));
const connection = new URL("./connection.js", file);

const additions = [
  [
    "function nextWrite(fn) {",
    "if (!socket) { chunk = nextWriteTimer = null; error(Errors.connection('CONNECTION_CLOSED', options)); return false }",
  ],
  ["async function closed(hadError) {", "clearImmediate(nextWriteTimer); chunk = nextWriteTimer = null"],
];

const source = readFileSync(connection, "utf8");
if (!source.includes(MARK)) {
  let mended = source;
  for (const [place, addition] of additions) {
    if (mended.split(place).length !== 2)
      throw new Error(`postgres has changed: no single "${place}" in ${connection}`);
    mended = mended.replace(place, `${place} ${MARK}\n    ${addition}\n`);
  }
  writeFileSync(connection, mended);
}
