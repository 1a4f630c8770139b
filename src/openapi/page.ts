import { html } from "hono/html";
import type { Route } from "../route.ts";
import { limitsOf } from "./limits-text.ts";

/**
 * The routes as a page to read. No script and nothing from elsewhere, so that it works on a machine without internet
 * and under the strictest content policy.
 */
export function routesPage(routes: readonly Route[], root: string) {
  const resources = [...new Set(routes.map(resourceOf))];
  return html`<!doctype html>
    <html lang="en">
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width" />
      <title>Guildhall API</title>
      <style>
        body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; color: #1f2328; }
        nav a { margin-right: 0.75rem; }
        code { font-size: 0.9rem; overflow-wrap: anywhere; }
        details { border-bottom: 1px solid #d8dee4; padding: 0.35rem 0; }
        summary { cursor: pointer; }
        summary b { display: inline-block; width: 4.5rem; }
        dl { margin: 0.5rem 0 0.5rem 1.5rem; }
        dt { font-weight: 600; }
        @media (prefers-color-scheme: dark) {
          body { background: #0d1117; color: #e6edf3; }
          a { color: #4493f8; }
          details { border-color: #30363d; }
        }
      </style>
      <h1>Guildhall API</h1>
      <p>
        The wire protocol is Discord's, version 10, below <code>${root}</code>. For programs:
        <a href="${root}/openapi.json">openapi.json</a>.
      </p>
      <nav>${resources.map((name) => html`<a href="#${name}">${name}</a> `)}</nav>
      ${resources.map(
        (name) => html`<h2 id="${name}">${name}</h2>
          ${routes.filter((route) => resourceOf(route) === name).map(entry)}`,
      )}
    </html>`;
}

const resourceOf = (route: Route) => route.path.split("/")[1] ?? "";

function entry(route: Route) {
  const facts: [string, string][] = [["Who", route.access.kind]];
  if (route.access.needs.length > 0) facts.push(["Permissions", route.access.needs.join(", ")]);
  facts.push(["Rate limit", limitsOf(route)]);
  if (route.scopes.length > 0) facts.push(["Scopes", route.scopes === "any" ? "any" : route.scopes.join(", ")]);
  if (route.operation !== undefined) facts.push(["Discord's name", route.operation]);
  return html`<details>
    <summary><b>${route.method}</b><code>${route.path}</code> ${route.summary ?? ""}</summary>
    <dl>${facts.map(([name, value]) => html`<dt>${name}</dt><dd><code>${value}</code></dd>`)}</dl>
  </details>`;
}
