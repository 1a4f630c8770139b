import { describe, expect, it } from "vitest";
import { checkNode, whyNoSockets } from "../../bin/preflight.ts";

describe("the preflight", () => {
  it.each(["20.19.0", "20.20.2", "22.1.0", "24.0.0"])("takes Node %s", (version) => {
    expect(() => checkNode(version)).not.toThrow();
  });

  it.each(["18.20.0", "20.18.3", "16.0.0"])("asks for another Node than %s in one line", (version) => {
    expect(() => checkNode(version)).toThrow(`Guildhall needs Node.js 20.19 or newer; this is v${version}.`);
  });

  it.each([
    [
      { node: "22.20.0", platform: "linux", arch: "x64", glibc: "2.36" },
      "needs glibc 2.38, and this system has 2.36; take Node 20",
    ],
    [
      { node: "24.1.0", platform: "linux", arch: "arm64", glibc: "2.31" },
      "needs glibc 2.38, and this system has 2.31; take Node 20",
    ],
    [{ node: "22.20.0", platform: "linux", arch: "x64", glibc: "2.41" }, "take Node 20, 22 or 24 on Linux"],
    [
      { node: "20.20.0", platform: "linux", arch: "x64", glibc: undefined },
      "needs glibc, which this system doesn't have",
    ],
    [{ node: "23.0.0", platform: "darwin", arch: "arm64", glibc: undefined }, "take Node 20, 22 or 24 on Linux"],
    [{ node: "20.20.0", platform: "freebsd", arch: "x64", glibc: undefined }, "take Node 20, 22 or 24 on Linux"],
  ])("says which Node or system to take where sockets can't work: %o", (system, advice) => {
    const line = whyNoSockets(system);
    expect(line).toContain(advice);
    expect(line).not.toContain("\n");
  });
});
