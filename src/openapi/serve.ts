import type { Hono } from "hono";
import type { HttpEnv } from "../http-context.ts";
import type { Route } from "../route.ts";
import { openApiDocument } from "./document.ts";
import { routesPage } from "./page.ts";

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/** Serves the routes' description: `openapi.json` under each root for programs, `/docs` for people. */
export function serveDescription(
  http: Hono<HttpEnv>,
  routes: readonly Route[],
  options: { publicUrl: string; roots: readonly string[] },
): void {
  let made: Promise<string> | undefined;
  for (const root of options.roots) {
    http.get(`${root}/openapi.json`, async (c) => {
      made ??= openApiDocument(routes, options.publicUrl).then((document) => JSON.stringify(document));
      return c.body(await made, 200, { "Content-Type": "application/json" });
    });
  }
  const page = routesPage(routes, options.roots[0] ?? "");
  http.get("/docs", (c) =>
    c.html(page, 200, { "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff" }),
  );
}
