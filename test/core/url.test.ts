import { expect, test } from "vitest";
import { isUrl } from "../../core/url.ts";

test("a URL is one also when many were looked at before, whatever letters its host has", () => {
  for (const good of ["https://é.example", "https://münchen.example/ß", "https://例え.example", "http://[::1]:2/"]) {
    let refused = 0;
    for (let i = 0; i < 20_000; i++) if (!isUrl(good)) refused++;
    expect(refused, good).toBe(0);
  }
  for (const bad of ["", "a.example", "http://", "https://a b/", "http://[::1", "https://a:99999/"]) {
    expect(isUrl(bad), bad).toBe(false);
  }
});
