import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { Client, Json } from "../harness/client.ts";
import { bearerClient, pkce, Site } from "../harness/oauth2.ts";
import { startPlatform } from "../harness/platform.ts";
import { startChromium } from "./chromium.ts";

const platform = await startPlatform({ gateways: 0 });
const browser = await startChromium();
const ada = await platform.person("ada");
const { username } = await ada.get("/users/@me");
const PASSWORD = "correct horse battery";

/** Where the application's people come back to. */
const server = createServer((request, response) => {
  const framed = new URL(request.url ?? "", "http://site").searchParams.getAll("frame");
  response.setHeader("content-type", "text/html");
  const frames = framed.map((url) => `<iframe src="${url.replaceAll("&", "&amp;")}"></iframe>`);
  response.end(`back at the site${frames.join("")}`);
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
afterAll(() => server.close());
const { port } = server.address() as AddressInfo;
const CALLBACK = `http://127.0.0.1:${port}/callback`;
const developer = await platform.person("developer");
const site = await Site.register(platform, developer, [CALLBACK]);

/** A page of a browser that nobody is logged in with. */
async function fresh(context: BrowserContext): Promise<Page> {
  await context.clearCookies();
  return context.newPage();
}

const link = (query: Record<string, string>) =>
  `${platform.url()}/oauth2/authorize?${new URLSearchParams({ client_id: site.id, ...query })}`;
const codeLink = (scope: string, extra: Record<string, string> = {}) =>
  link({ response_type: "code", redirect_uri: CALLBACK, scope, state: "xyz", ...extra });

async function logIn(page: Page, password = PASSWORD): Promise<void> {
  await page.getByLabel("Email or username").fill(username);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

const rolesOf = (client: Client, guildId: string): Promise<Json[]> => client.get(`/guilds/${guildId}/roles`);

describe.skipIf(browser === null)("in Chromium, without script", () => {
  let page: Page;
  beforeEach(async () => {
    if (browser === null) throw new Error("there is no browser");
    page = await fresh(browser);
  });

  test("a person logs in, consents, and is back at the site with a code", async () => {
    const { verifier, challenge } = pkce();
    await page.goto(codeLink("identify email", challenge));
    await logIn(page, "wrong password");
    await expect.poll(() => page.getByRole("alert").textContent()).toMatch(/invalid/);
    await logIn(page);
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Testbot wants access to your account");
    expect(await page.getByRole("listitem").allTextContents()).toContain("See your email address");
    expect(await page.textContent("main")).toContain(`127.0.0.1:${port}`);
    await page.getByRole("button", { name: "Authorize" }).click();
    await page.waitForURL(`${CALLBACK}?**`);
    const { searchParams } = new URL(page.url());
    expect(searchParams.get("state")).toBe("xyz");
    const code = searchParams.get("code") ?? "";
    const { body } = await site.exchange(code, { redirect_uri: CALLBACK, code_verifier: verifier });
    expect(await bearerClient(platform, body.access_token).get("/users/@me")).toMatchObject({ id: ada.id });
  });

  test("who cancels is back at the site without one", async () => {
    await page.goto(codeLink("identify"));
    await logIn(page);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.waitForURL(`${CALLBACK}?**`);
    const { searchParams } = new URL(page.url());
    expect([searchParams.get("error"), searchParams.get("code")]).toEqual(["access_denied", null]);
  });

  test("a bot is added to one of the guilds that the person manages, with the permissions left checked", async () => {
    const guild = await platform.guild(ada, "Ada's <b>guild</b>");
    const other = await platform.guild(developer, "Only a member");
    await platform.join(developer, other, ada);
    // Kick members, ban members, manage messages.
    await page.goto(link({ scope: "bot applications.commands", permissions: String(2 | 4 | 8192) }));
    await logIn(page);
    const options = await page.getByLabel("Guild").getByRole("option").allTextContents();
    expect(options).toContain("Ada's <b>guild</b>");
    expect(options).not.toContain("Only a member");
    await page.getByLabel("Guild").selectOption({ label: "Ada's <b>guild</b>" });
    await page.getByLabel("Ban members").uncheck();
    await page.getByRole("button", { name: "Authorize" }).click();
    await page.waitForURL("**/oauth2/authorized");
    const role = (await rolesOf(ada, guild.id)).find(({ tags }) => tags?.bot_id === site.id);
    expect(role.permissions).toBe(String(2 | 8192));
  });

  test("the guild of the link is chosen, and may be the only one", async () => {
    const [one, other] = [await platform.guild(ada, "One"), await platform.guild(ada, "Other")];
    await page.goto(link({ scope: "bot", guild_id: one.id }));
    await logIn(page);
    expect(await page.getByLabel("Guild").inputValue()).toBe(one.id);
    expect(await page.getByLabel("Guild").getByRole("option").allTextContents()).toContain("Other");
    await page.goto(link({ scope: "bot", guild_id: other.id, disable_guild_select: "true" }));
    expect(await page.getByLabel("Guild").getByRole("option").allTextContents()).toEqual(["Other"]);
    await page.getByRole("button", { name: "Authorize" }).click();
    await page.waitForURL("**/oauth2/authorized");
    expect((await ada.get(`/guilds/${other.id}/integrations`))[0].application.id).toBe(site.id);
  });

  test("a webhook is made in the channel that the person chooses, in a guild chosen before", async () => {
    const guild = await platform.guild(ada, "With channels");
    const channel = await ada.post(`/guilds/${guild.id}/channels`, { name: "builds" });
    await page.goto(codeLink("webhook.incoming"));
    await logIn(page);
    await page.getByLabel("Guild").selectOption({ label: "With channels" });
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByLabel("Channel in With channels").selectOption({ label: "#builds" });
    await page.getByRole("button", { name: "Authorize" }).click();
    await page.waitForURL(`${CALLBACK}?**`);
    const code = new URL(page.url()).searchParams.get("code") ?? "";
    const { body } = await site.exchange(code, { redirect_uri: CALLBACK });
    expect(body.webhook).toMatchObject({ channel_id: channel.id, guild_id: guild.id });
  });

  test("who has consented is not asked again when the site wants it so, and is when it wants more", async () => {
    await page.goto(codeLink("identify guilds", { prompt: "none" }));
    await logIn(page);
    await page.getByRole("button", { name: "Authorize" }).click();
    await page.waitForURL(`${CALLBACK}?**`);
    await page.goto(codeLink("identify", { prompt: "none" }));
    expect(page.url()).toContain(CALLBACK);
    await page.goto(codeLink("identify connections", { prompt: "none" }));
    expect(page.url()).toContain("/oauth2/authorize?");
    await page.goto(codeLink("identify"));
    expect(await page.getByRole("button", { name: "Authorize" }).count()).toBe(1);
  });

  test("who is somebody else logs out", async () => {
    await page.goto(codeLink("identify"));
    await logIn(page);
    await page.getByRole("button", { name: "Not you?" }).click();
    expect(await page.getByLabel("Password").count()).toBe(1);
  });

  test("names of applications and users are text, whatever they are", async () => {
    const hostile = await Site.register(platform, developer, [CALLBACK]);
    const name = "<img src=x onerror=1>";
    const { id } = await developer.post("/applications", { name });
    await developer.patch(`/applications/${id}`, { redirect_uris: [CALLBACK] });
    await page.goto(link({ client_id: id, response_type: "code", scope: "identify", state: '"><script>' }));
    expect(await page.textContent("main")).toContain(name);
    expect(await page.locator("img").count()).toBe(0);
    expect(hostile.id).not.toBe(id);
  });

  test("another site's form is not followed, though the person is logged in", async () => {
    const guild = await platform.guild(ada, "Not for them");
    await page.goto(link({ scope: "bot", guild_id: guild.id }));
    await logIn(page);
    const proof = await page.locator("input[name=proof]").inputValue();
    const action = link({ scope: "bot", guild_id: guild.id });
    // As a page of another origin: even with a proof, which it can't know.
    await page.route("http://evil.example/", (route) =>
      route.fulfill({
        contentType: "text/html",
        body: `<form method="post" action="${action.replaceAll("&", "&amp;")}"><input name="proof" value="${proof}">
          <input name="decision" value="allow"><input name="guild_id" value="${guild.id}"><button>Win</button></form>`,
      }),
    );
    await page.goto("http://evil.example/");
    await page.getByRole("button", { name: "Win" }).click();
    await page.waitForURL("**/oauth2/authorize?**");
    expect(await page.getByRole("alert").textContent()).toMatch(/not sent by the page/);
    expect(await ada.get(`/guilds/${guild.id}/integrations`)).toEqual([]);
  });

  test("the page is shown in nobody's frame", async () => {
    const query = new URLSearchParams([
      ["frame", codeLink("identify")],
      ["frame", CALLBACK],
    ]);
    await page.goto(`${CALLBACK}?${query}`);
    const [, refused, shown] = page.frames();
    // What may be framed is, so the other one had its chance.
    await expect.poll(() => shown?.locator("body").textContent()).toBe("back at the site");
    await expect.poll(() => refused?.url()).toMatch(/^chrome-error:/);
    expect(await refused?.locator("input").count()).toBe(0);
  });
});
