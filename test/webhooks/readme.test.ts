import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  generateKeyPair,
  newSigningSecret,
  parseSigningSecret,
  signStandard,
  stamp,
} from "../../core/webhook-signing.ts";

/** The README's own lines, run by what they are written in. */
const section = readFileSync(new URL("../../README.md", import.meta.url), "utf8").split("## Events by URL")[1] ?? "";
const snippet = (language: string): string => {
  const [, code] = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(section) ?? [];
  if (code === undefined) throw new Error(`the README has no lines of ${language}`);
  return code;
};
const BODY = '{"type":1,"text":"žluťoučký"}';
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "guildhall-readme-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const DRIVERS: { language: string; file: string; command: string[]; program: (code: string) => string }[] = [
  {
    language: "js",
    file: "verify.mjs",
    command: [process.execPath],
    program: (code) => `${code}\nconst [, , s, h, b] = process.argv;\nconsole.log(verify(s, JSON.parse(h), b));`,
  },
  {
    language: "python",
    file: "verify.py",
    command: ["python3"],
    program: (code) =>
      `${code}\nimport json, sys\nprint(str(verify(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3])).lower())`,
  },
  {
    language: "go",
    file: "verify.go",
    command: ["go", "run"],
    program: (code) => `package main

import ("crypto/hmac"; "crypto/sha256"; "encoding/base64"; "encoding/json"; "fmt"; "net/http"; "os"; "strconv"; "strings"; "time")

${code}
func main() {
	given := map[string]string{}
	if err := json.Unmarshal([]byte(os.Args[2]), &given); err != nil { panic(err) }
	headers := http.Header{}
	for name, value := range given { headers.Set(name, value) }
	fmt.Println(verify(os.Args[1], headers, os.Args[3]))
}`,
  },
];

test.each(DRIVERS)(
  "the README's $language verifies a delivery, and refuses what is not one",
  ({ language, file, command, program }) => {
    const path = join(dir, file);
    writeFileSync(path, program(snippet(language)));
    const [name = "", ...first] = command;
    const verdict = (secret: string, headers: object, body: string) =>
      execFileSync(name, [...first, path, secret, JSON.stringify(headers), body], { encoding: "utf8" }).trim();
    const [secret, other] = [newSigningSecret(), newSigningSecret()];
    const secrets = [other, secret].flatMap((text) => parseSigningSecret(text) ?? []);
    const { seed } = generateKeyPair();
    const now = Math.floor(Date.now() / 1000);
    const headers = signStandard({ seed, secrets }, "123", stamp(BODY, now));
    expect(verdict(secret, headers, BODY)).toBe("true");
    expect(verdict(other, headers, BODY)).toBe("true");
    expect(verdict(newSigningSecret(), headers, BODY)).toBe("false");
    expect(verdict(secret, headers, `${BODY} `)).toBe("false");
    expect(verdict(secret, { ...headers, "webhook-id": "124" }, BODY)).toBe("false");
    // What is to come has a minute's room, as the program starts after now.
    for (const shift of [-301, 361]) {
      expect(verdict(secret, signStandard({ seed, secrets }, "123", stamp(BODY, now + shift)), BODY)).toBe("false");
    }
    expect(verdict(secret, signStandard({ seed, secrets }, "123", stamp(BODY, now + 299)), BODY)).toBe("true");
  },
  180_000,
);
