import { describe, expect, test } from "vitest";
import type { Client, Json } from "../harness/client.ts";
import { form, png } from "../harness/forms.ts";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const bot = await platform.bot(owner, guild.id, "8");
const MESSAGES = `/channels/${guild.channelId}/messages`;

const V2 = 1 << 15;
const button = (more: object = {}) => ({ type: 2, style: 1, label: "Go", custom_id: "go", ...more });
const row = (...components: object[]) => ({ type: 1, components });
const option = (value: string) => ({ label: value, value });
const select = (more: object = {}) => ({ type: 3, custom_id: "pick", options: [option("a"), option("b")], ...more });
const text = (content: string) => ({ type: 10, content });

const send = (body: object, who: Client = bot) => who.request("POST", MESSAGES, body);

/** The codes of what is wrong, by dotted path. */
function faults(errors: Json, at: string[] = []): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const [key, value] of Object.entries<Json>(errors ?? {})) {
    if (key === "_errors") found[at.join(".")] = value.map((one: Json) => one.code);
    else Object.assign(found, faults(value, [...at, key]));
  }
  return found;
}

async function refused(body: object, who: Client = bot) {
  const answer = await send(body, who);
  expect({ status: answer.status, code: answer.body.code }, JSON.stringify(answer.body)).toEqual({
    status: 400,
    code: 50035,
  });
  return faults(answer.body.errors);
}

describe("rows of buttons and selects", () => {
  test("ids are given in order, around those that the sender chose; what was left out is filled in", async () => {
    const components = [row(button(), button({ custom_id: "b", id: 2, disabled: true })), row(select())];
    const { body } = await send({ content: "x", components });
    expect(body.components).toEqual([
      {
        type: 1,
        id: 1,
        components: [
          { type: 2, id: 3, style: 1, label: "Go", custom_id: "go" },
          { type: 2, id: 2, style: 1, label: "Go", custom_id: "b", disabled: true },
        ],
      },
      {
        type: 1,
        id: 4,
        components: [
          { type: 3, id: 5, custom_id: "pick", min_values: 1, max_values: 1, options: [option("a"), option("b")] },
        ],
      },
    ]);
    expect((await bot.get(`${MESSAGES}/${body.id}`)).components).toEqual(body.components);
  });

  test("components alone are a message; an edit takes them away, but not all there is to show", async () => {
    const { body } = await send({ components: [row(button())] });
    expect(body.content).toBe("");
    expect((await bot.request("PATCH", `${MESSAGES}/${body.id}`, { components: [] })).body.code).toBe(50006);
    const edited = await bot.patch(`${MESSAGES}/${body.id}`, { content: "done", components: [] });
    expect(edited).toMatchObject({ content: "done", components: [] });
  });

  test.each([
    ["six rows", Array.from({ length: 6 }, (_, i) => row(button({ custom_id: `${i}` }))), "components"],
    [
      "six buttons",
      [row(...Array.from({ length: 6 }, (_, i) => button({ custom_id: `${i}` })))],
      "components.0.components",
    ],
    ["a row of none", [row()], "components.0.components"],
    ["a select beside a button", [row(button(), select())], "components.0.components.1"],
    ["a custom id twice", [row(button(), button())], "components.0.components.1.custom_id"],
    [
      "a custom id twice in two rows",
      [row(button()), row(select({ custom_id: "go" }))],
      "components.1.components.0.custom_id",
    ],
    ["an id twice", [row(button({ id: 7 }), button({ id: 7, custom_id: "b" }))], "components.0.components.1.id"],
    ["an empty custom id", [row(button({ custom_id: "" }))], "components.0.components.0.custom_id"],
    ["a custom id of 101", [row(button({ custom_id: "x".repeat(101) }))], "components.0.components.0.custom_id"],
    ["no custom id", [row({ type: 2, style: 1, label: "Go" })], "components.0.components.0.custom_id"],
    ["a label of 81", [row(button({ label: "x".repeat(81) }))], "components.0.components.0.label"],
    ["neither label nor emoji", [row({ type: 2, style: 1, custom_id: "go" })], "components.0.components.0.label"],
    ["no such style", [row(button({ style: 9 }))], "components.0.components.0.style"],
    ["no emoji", [row(button({ emoji: { name: "abc" } }))], "components.0.components.0.emoji"],
    ["a link without URL", [row({ type: 2, style: 5, label: "Go" })], "components.0.components.0.url"],
    [
      "a link with a script",
      [row({ type: 2, style: 5, label: "Go", url: "javascript:alert(1)" })],
      "components.0.components.0.url",
    ],
    [
      "a link with a custom id",
      [row({ ...button({ style: 5 }), url: "https://example.com/" })],
      "components.0.components.0.custom_id",
    ],
    [
      "a premium button with a label",
      [row({ type: 2, style: 6, sku_id: "1", label: "Go" })],
      "components.0.components.0.label",
    ],
    ["a premium button without SKU", [row({ type: 2, style: 6 })], "components.0.components.0.sku_id"],
    [
      "26 options",
      [row(select({ options: Array.from({ length: 26 }, (_, i) => option(`${i}`)) }))],
      "components.0.components.0.options",
    ],
    ["no options", [row(select({ options: [] }))], "components.0.components.0.options"],
    [
      "an option twice",
      [row(select({ options: [option("a"), option("a")] }))],
      "components.0.components.0.options.1.value",
    ],
    ["more to pick than there is", [row(select({ max_values: 3 }))], "components.0.components.0.options"],
    [
      "at least two, at most one",
      [row(select({ min_values: 2, max_values: 1 }))],
      "components.0.components.0.max_values",
    ],
    ["a placeholder of 151", [row(select({ placeholder: "x".repeat(151) }))], "components.0.components.0.placeholder"],
    [
      "a role as default user",
      [row({ type: 5, custom_id: "u", default_values: [{ id: "1", type: "role" }] })],
      "components.0.components.0.default_values.0.type",
    ],
    [
      "too many defaults",
      [
        row({
          type: 5,
          custom_id: "u",
          default_values: [
            { id: "1", type: "user" },
            { id: "2", type: "user" },
          ],
        }),
      ],
      "components.0.components.0.default_values",
    ],
    ["a text input", [row({ type: 4, custom_id: "t", style: 1, label: "x" })], "components.0.components.0.type"],
    ["a button outside of a row", [button()], "components.0.type"],
    ["an unknown type", [{ type: 99 }], "components.0.type"],
    ["a text without the flag", [text("hello")], "components.0.type"],
  ])("%s: refused, with the path", async (_what, components, path) => {
    expect(Object.keys(await refused({ content: "x", components }))).toContain(path);
  });

  test("every select and every style of button is taken as Discord documents it", async () => {
    const components = [
      row(
        button({ style: 2, custom_id: "2", emoji: { name: "🔥" } }),
        button({ style: 3, custom_id: "3", emoji: { id: "41771983429993937", name: "blob", animated: true } }),
        button({ style: 4, custom_id: "4" }),
        { type: 2, style: 5, label: "Docs", url: "https://example.com/docs" },
        { type: 2, style: 6, sku_id: "1234" },
      ),
      row({ type: 5, custom_id: "user", default_values: [{ id: owner.id, type: "user" }] }),
      row({ type: 6, custom_id: "role", min_values: 0, max_values: 25 }),
      row({
        type: 7,
        custom_id: "any",
        max_values: 2,
        default_values: [
          { id: owner.id, type: "user" },
          { id: guild.id, type: "role" },
        ],
      }),
      row({ type: 8, custom_id: "channel", channel_types: [0, 5], placeholder: "Where?" }),
    ];
    const { status, body } = await send({ content: "x", components });
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body.components[0].components[3]).toEqual({
      type: 2,
      id: 5,
      style: 5,
      label: "Docs",
      url: "https://example.com/docs",
    });
    expect(body.components[4].components[0]).toMatchObject({ channel_types: [0, 5], placeholder: "Where?" });
  });
});

describe("messages that components lay out", () => {
  const container = (...components: object[]) => ({ type: 17, components });

  test("text, sections, galleries, files, separators and rows, in containers and outside", async () => {
    const components = [
      text("# Title"),
      { type: 9, components: [text("a")], accessory: button() },
      { type: 14 },
      {
        ...container(
          { type: 9, components: [text("b")], accessory: { type: 11, media: { url: "https://example.com/a.png" } } },
          { type: 12, items: [{ media: { url: "attachment://a.png" }, description: "A", spoiler: true }] },
          { type: 13, file: { url: "attachment://log.txt" } },
          { type: 14, divider: false, spacing: 2 },
          row(button({ custom_id: "in" })),
        ),
        accent_color: 0xff0000,
      },
    ];
    const payload = { flags: V2, components };
    const { status, body } = await send(form(payload, ["a.png", png(4, 2)], ["log.txt", "hello"], ["more.txt", "x"]));
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body).toMatchObject({ content: "", embeds: [], flags: V2 });
    const [, , separator, box] = body.components;
    expect(separator).toEqual({ type: 14, id: 5, spacing: 1, divider: true });
    expect(box).toMatchObject({ type: 17, accent_color: 0xff0000, spoiler: false });
    const [section, gallery, file] = box.components;
    expect(section.accessory).toMatchObject({
      description: null,
      spoiler: false,
      media: { url: "https://example.com/a.png" },
    });
    expect(gallery.items[0]).toMatchObject({
      description: "A",
      spoiler: true,
      media: { width: 4, height: 2, content_type: "image/png" },
    });
    expect(file).toMatchObject({ name: "log.txt", size: 5 });
    const fetched = await fetch(file.file.url);
    expect(await fetched.text()).toBe("hello");
    // What components show is no attachment besides.
    expect(body.attachments.map((one: Json) => one.filename)).toEqual(["more.txt"]);
    const read = await bot.get(`${MESSAGES}/${body.id}`);
    expect(read.components).toEqual(body.components);
  });

  test("their texts mention", async () => {
    const { body } = await send({ flags: V2, components: [container(text(`<@${owner.id}> look`))] });
    expect(body.mentions.map((one: Json) => one.id)).toEqual([owner.id]);
    const quiet = { flags: V2, components: [text(`<@${owner.id}>`)], allowed_mentions: { parse: [] } };
    expect((await send(quiet)).body.mentions).toEqual([]);
  });

  test.each([
    ["content", { content: "x", components: [text("a")] }, "content"],
    ["embeds", { embeds: [{ title: "x" }], components: [text("a")] }, "embeds"],
    [
      "41 components",
      { components: Array.from({ length: 21 }, (_, i) => row(button({ custom_id: `${i}` }))) },
      "components",
    ],
    ["4001 characters", { components: [text("x".repeat(4000)), text("y")] }, "components"],
    ["an empty text", { components: [text("")] }, "components.0.content"],
    [
      "a section of four",
      { components: [{ type: 9, components: ["a", "b", "c", "d"].map(text), accessory: button() }] },
      "components.0.components",
    ],
    ["a section without accessory", { components: [{ type: 9, components: [text("a")] }] }, "components.0.accessory"],
    [
      "a select as accessory",
      { components: [{ type: 9, components: [text("a")], accessory: select() }] },
      "components.0.accessory.type",
    ],
    ["a container in a container", { components: [container(container(text("a")))] }, "components.0.components.0.type"],
    [
      "a thumbnail by itself",
      { components: [{ type: 11, media: { url: "https://example.com/" } }] },
      "components.0.type",
    ],
    ["a label", { components: [{ type: 18, label: "x", component: select() }] }, "components.0.type"],
    [
      "eleven pictures",
      {
        components: [
          { type: 12, items: Array.from({ length: 11 }, () => ({ media: { url: "https://example.com/" } })) },
        ],
      },
      "components.0.items",
    ],
    [
      "a file that isn't there",
      { components: [{ type: 13, file: { url: "attachment://no.txt" } }] },
      "components.0.file.url",
    ],
    [
      "a file elsewhere",
      { components: [{ type: 13, file: { url: "https://example.com/a.txt" } }] },
      "components.0.file.url",
    ],
    [
      "a picture by script",
      { components: [{ type: 12, items: [{ media: { url: "javascript:1" } }] }] },
      "components.0.items.0.media.url",
    ],
    [
      "a custom id twice at any depth",
      { components: [row(button()), container(row(button()))] },
      "components.1.components.0.components.0.custom_id",
    ],
    [
      "an accent color that is none",
      { components: [{ ...container(text("a")), accent_color: 0x1000000 }] },
      "components.0.accent_color",
    ],
  ])("%s: refused, with the path", async (_what, body, path) => {
    expect(Object.keys(await refused({ flags: V2, ...body }))).toContain(path);
  });

  test("without any component there is nothing to show", async () => {
    expect((await send({ flags: V2, components: [] })).body.code).toBe(50006);
  });

  test("an edit makes a message one, never the other way round", async () => {
    const { body } = await send({ content: "plain" });
    const path = `${MESSAGES}/${body.id}`;
    const mixed = await bot.request("PATCH", path, { flags: V2, components: [text("a")] });
    expect(faults(mixed.body.errors)).toEqual({ content: ["MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"] });
    const laidOut = await bot.patch(path, { flags: V2, content: null, components: [text("a")] });
    expect(laidOut).toMatchObject({ flags: V2, content: "", components: [{ type: 10, id: 1, content: "a" }] });
    expect((await bot.request("PATCH", path, { flags: 0, content: "b" })).status).toBe(400);
    expect(await bot.patch(path, { components: [text("c")] })).toMatchObject({
      flags: V2,
      components: [{ content: "c" }],
    });
  });
});

describe("who has no application", () => {
  test("a person sends texts, and nothing that can be clicked but links", async () => {
    const link = row({ type: 2, style: 5, label: "Docs", url: "https://example.com/" });
    expect((await send({ flags: V2, components: [text("a"), link] }, owner)).status).toBe(200);
    expect(Object.keys(await refused({ content: "x", components: [row(button())] }, owner))).toEqual([
      "components.0.components.0",
    ]);
  });

  test("a person's webhook: components are passed over, and with_components lets through what can't be clicked", async () => {
    const hook = await owner.post(`/channels/${guild.channelId}/webhooks`, { name: "Builds" });
    const path = `/webhooks/${hook.id}/${hook.token}`;
    const anyone = platform.anonymous();
    const plain = await anyone.post(`${path}?wait=true`, { content: "x", components: [row(button())] });
    expect(plain.components).toEqual([]);
    const asked = await anyone.request("POST", `${path}?wait=true&with_components=true`, {
      content: "x",
      components: [row(button())],
    });
    expect([asked.status, Object.keys(faults(asked.body.errors))]).toEqual([400, ["components.0.components.0"]]);
    const laidOut = { flags: V2, components: [text("passed")] };
    const posted = await anyone.post(`${path}?wait=true&with_components=true`, laidOut);
    expect(posted.components).toEqual([{ type: 10, id: 1, content: "passed" }]);
    const edited = await anyone.patch(`${path}/messages/${posted.id}?with_components=true`, {
      components: [text("failed")],
    });
    expect(edited.components[0].content).toBe("failed");
  });

  test("an application's webhook sends all", async () => {
    const hook = await bot.post(`/channels/${guild.channelId}/webhooks`, { name: "Builds" });
    const body = { content: "x", components: [row(button())] };
    const posted = await platform.anonymous().post(`/webhooks/${hook.id}/${hook.token}?wait=true`, body);
    expect(posted.components[0].components[0].custom_id).toBe("go");
  });
});
