import { expect, test } from "vitest";
import { routes } from "../../src/routes/index.ts";
import type { Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform();

async function fetchDocument(root = "/api/v10"): Promise<Json> {
  const response = await fetch(`${platform.url()}${root}/openapi.json`);
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
  return (await response.json()) as Json;
}

test("the document names every route once, with its path parameters", async () => {
  const document = await fetchDocument();
  expect(document.openapi).toBe("3.1.1");
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    const operation = document.paths[path]?.[route.method.toLowerCase()];
    expect(operation, `${route.method} ${path}`).toBeDefined();
    const named = operation.parameters.filter((parameter: { in: string }) => parameter.in === "path");
    expect(named.map(({ name }: { name: string }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
    expect(operation.requestBody !== undefined).toBe(route.body !== undefined || route.form !== undefined);
  }
  const ids = Object.values<Record<string, { operationId: string }>>(document.paths).flatMap((path) =>
    Object.values(path).map(({ operationId }) => operationId),
  );
  expect(ids).toHaveLength(routes.length);
  expect(new Set(ids).size).toBe(ids.length);
});

test("every reference of the document leads somewhere, and it is the same under each root", async () => {
  const document = await fetchDocument();
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = ""]) => path);
  expect(references.length).toBeGreaterThan(100);
  for (const path of new Set(references)) {
    const target = path.split("/").reduce((at, step) => at?.[step], document);
    expect(target, path).toBeDefined();
  }
  expect(await fetchDocument("/api")).toEqual(document);
});

test("what a schema says of a body is what the route asks for", async () => {
  const { paths, components } = await fetchDocument();
  const message = paths["/channels/{channel_id}/messages"].post;
  expect(message.requestBody.content["application/json"].schema.properties.content).toMatchObject({
    anyOf: [{ type: "string", maxLength: 2000 }, { type: "null" }],
  });
  expect(message.responses["200"].content["application/json"].schema.$ref).toBe("#/components/schemas/MessageResponse");
  expect(components.schemas.MessageResponse.properties.content).toEqual({ type: "string" });
  expect(paths["/guilds/{guild_id}/bans"].get.description).toBe(
    "Needs BAN_MEMBERS. 30 requests in 5 s for each guild_id.",
  );
  expect(message["x-rate-limit"]).toMatchObject({ requests: 5, seconds: 5, per: ["channel_id"] });
});

test("what answers with text is said to", async () => {
  const owner = await platform.person();
  const { channelId } = await platform.guild(owner);
  const { id, token } = await owner.post(`/channels/${channelId}/webhooks`, { name: "hook" });
  const answer = await platform.anonymous().request("POST", `/webhooks/${id}/${token}/slack`, { text: "hello" });
  const { paths } = await fetchDocument();
  const { content } = paths["/webhooks/{webhook_id}/{webhook_token}/slack"].post.responses["200"];
  expect(answer.headers.get("content-type")?.split(";")).toContain(Object.keys(content)[0]);
});

test("the page for people lists every route and lets no script run", async () => {
  const response = await fetch(`${platform.url()}/docs`);
  expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
  const text = await response.text();
  for (const route of routes) expect(text).toContain(`<code>${route.path}</code>`);
  expect(text).not.toContain("<script");
});
