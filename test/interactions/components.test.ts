import { describe, expect, test } from "vitest";
import type { Json } from "../harness/client.ts";
import { form } from "../harness/forms.ts";
import { makeStage } from "../harness/interactions.ts";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform();
const stage = await makeStage(platform);
const { bot, member, owner, guildId, channelId, memberSocket } = stage;
const anyone = platform.anonymous();
const MESSAGES = `/channels/${channelId}/messages`;
const EPHEMERAL = 64;

const row = (...components: object[]) => ({ type: 1, components });
const button = (more: object = {}) => ({ type: 2, style: 1, label: "Go", custom_id: "go", ...more });
const option = (value: string) => ({ label: value, value });
const press = (custom_id = "go") => ({ component_type: 2, custom_id });
const hooks = (interaction: Json) => `/webhooks/${bot.id}/${interaction.token}`;

const command = await stage.command({ name: "form" });
const shown = await bot.post(MESSAGES, {
  content: "pick",
  components: [
    row(button(), button({ custom_id: "off", disabled: true }), {
      type: 2,
      style: 5,
      label: "Docs",
      url: "https://example.com/",
    }),
    row({ type: 3, custom_id: "string", min_values: 1, max_values: 2, options: ["a", "b", "c"].map(option) }),
    row({ type: 5, custom_id: "user", max_values: 2 }),
    row({ type: 6, custom_id: "role" }),
    row({ type: 8, custom_id: "channel", channel_types: [0] }),
  ],
});
const on = { message_id: shown.id };

describe("a component", () => {
  test("that was pressed: the bot gets the message, the answer is a reply to it", async () => {
    const told = await stage.use(3, press(), on);
    expect(told).toMatchObject({
      type: 3,
      data: { component_type: 2, custom_id: "go", id: 2 },
      message: { id: shown.id, content: "pick", components: shown.components },
    });
    const { body } = await stage.answer(told, { type: 4, data: { content: "pressed" } }, "?with_response=true");
    expect(body.resource.message).toMatchObject({
      type: 19,
      message_reference: { message_id: shown.id },
      referenced_message: { id: shown.id },
      interaction_metadata: { type: 3, interacted_message_id: shown.id, user: { id: member.id } },
    });
    expect(body.resource.message).not.toHaveProperty("interaction");
  });

  test("is answered by a change of its message, at once or later", async () => {
    const { id } = await bot.post(MESSAGES, { content: "0", components: [row(button())] });
    const first = await stage.use(3, press(), { message_id: id });
    const { body } = await stage.answer(first, { type: 7, data: { content: "1" } }, "?with_response=true");
    expect(body.resource).toMatchObject({ type: 7, message: { id, content: "1" } });
    expect(
      (await memberSocket.event("MESSAGE_UPDATE", (d) => d.id === id && d.content === "1")).d.components,
    ).toHaveLength(1);
    const second = await stage.use(3, press(), { message_id: id });
    expect((await stage.answer(second, { type: 6 })).status).toBe(204);
    await memberSocket.event("INTERACTION_SUCCESS", (d) => d.id === second.id);
    expect(await anyone.patch(`${hooks(second)}/messages/@original`, { content: "2", components: [] })).toMatchObject({
      id,
      content: "2",
      components: [],
    });
    expect((await stage.tries(3, press(), { message_id: id })).body.code).toBe(50035);
    expect(await anyone.post(hooks(second), { content: "after" })).toMatchObject({
      content: "after",
      message_reference: { message_id: id },
    });
  });

  test("every select tells what was picked, resolved", async () => {
    const role = await owner.post(`/guilds/${guildId}/roles`, { name: "picked" });
    const picks: [number, string, string[]][] = [
      [3, "string", ["c", "a"]],
      [5, "user", [bot.id, owner.id]],
      [6, "role", [role.id]],
      [8, "channel", [channelId]],
    ];
    for (const [component_type, custom_id, values] of picks) {
      const told = await stage.use(3, { component_type, custom_id, values }, on);
      expect(told.data).toMatchObject({ component_type, custom_id, values });
      const map = { 5: "users", 6: "roles", 8: "channels" }[component_type];
      if (map !== undefined) expect(Object.keys(told.data.resolved[map]).sort()).toEqual([...values].sort());
      else expect(told.data).not.toHaveProperty("resolved");
    }
  });

  test.each([
    ["not on the message", press("nope")],
    ["of another type", { component_type: 3, custom_id: "go", values: ["a"] }],
    ["that is disabled", press("off")],
    ["with too few values", { component_type: 3, custom_id: "string", values: [] }],
    ["with too many values", { component_type: 3, custom_id: "string", values: ["a", "b", "c"] }],
    ["with a value that it doesn't offer", { component_type: 3, custom_id: "string", values: ["d"] }],
    ["with a value twice", { component_type: 3, custom_id: "string", values: ["a", "a"] }],
    ["with nobody", { component_type: 5, custom_id: "user", values: ["1"] }],
    ["with a role of elsewhere", { component_type: 6, custom_id: "role", values: ["1"] }],
    ["with a channel that isn't there", { component_type: 8, custom_id: "channel", values: ["1"] }],
    ["with no id", { component_type: 5, custom_id: "user", values: ["x"] }],
  ])("%s: refused", async (_what, data) => {
    const answer = await stage.tries(3, data, on);
    expect({ status: answer.status, code: answer.body.code }, JSON.stringify(answer.body)).toEqual({
      status: 400,
      code: 50035,
    });
  });

  test("of an ephemeral message works for the one who has it, and for nobody else", async () => {
    const told = await stage.use(2, { id: command.id });
    const data = { content: "yours", flags: EPHEMERAL, components: [row(button({ custom_id: "mine" }))] };
    const { body } = await stage.answer(told, { type: 4, data }, "?with_response=true");
    const { id } = body.resource.message;
    expect((await stage.tries(3, press("mine"), { message_id: id }, owner)).body.code).toBe(10008);
    const pressed = await stage.use(3, press("mine"), { message_id: id });
    expect(pressed.message).toMatchObject({ id, flags: EPHEMERAL });
    await stage.answer(pressed, { type: 7, data: { content: "changed", components: [] } });
    const seen = await memberSocket.event("MESSAGE_UPDATE", (d) => d.id === id);
    expect(seen.d).toMatchObject({ content: "changed", components: [], flags: EPHEMERAL });
  });
});

const field = (component: object, more: object = {}) => ({ type: 18, label: "Label", component, ...more });
const MODAL = {
  custom_id: "survey",
  title: "Survey",
  components: [
    field({ type: 4, custom_id: "name", style: 1, min_length: 2, max_length: 5 }),
    field({ type: 3, custom_id: "color", options: ["red", "blue"].map(option), required: false }),
    field({ type: 19, custom_id: "files", required: false, max_values: 2, file_types: [".txt"] }),
    field({ type: 21, custom_id: "radio", options: ["yes", "no"].map(option) }),
    field({ type: 22, custom_id: "boxes", options: ["a", "b"].map(option), required: false, min_values: 0 }),
  ],
};
const filled = (...fields: object[]) => fields.map((component) => ({ type: 18, component }));
const NAME = { type: 4, custom_id: "name", value: "Ada" };
const RADIO = { type: 21, custom_id: "radio", value: "yes" };

/** Shows the modal to the member. */
async function open(modal: object = MODAL) {
  const told = await stage.use(2, { id: command.id });
  const answer = await stage.answer(told, { type: 9, data: modal });
  expect(answer.status, JSON.stringify(answer.body)).toBe(204);
  return told;
}
const submit = (id: string, components: object[], custom_id = "survey") => ({ id, custom_id, components });

describe("a modal", () => {
  test("is shown to the person, filled in, and answered", async () => {
    const told = await open();
    const { d: modal } = await memberSocket.event("INTERACTION_MODAL_CREATE", (d) => d.id === told.id);
    expect(modal).toMatchObject({
      nonce: told.nonce,
      custom_id: "survey",
      title: "Survey",
      channel_id: channelId,
      application: { id: bot.id },
    });
    expect(modal.components.map((one: Json) => [one.id, one.component.id])).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
      [9, 10],
    ]);
    const files = { type: 19, custom_id: "files", values: ["0"] };
    const boxes = { type: 22, custom_id: "boxes", values: ["a", "b"] };
    const data = submit(told.id, filled(NAME, { type: 3, custom_id: "color", values: ["red"] }, files, RADIO, boxes));
    const body = { type: 5, application_id: bot.id, guild_id: guildId, channel_id: channelId, nonce: "modal", data };
    expect((await member.request("POST", "/interactions", form(body, ["a.txt", "text"]))).status).toBe(204);
    const { d: mine } = await memberSocket.event("INTERACTION_CREATE", (d) => d.nonce === "modal");
    const { d: submitted } = await stage.botSocket.event("INTERACTION_CREATE", (d) => d.id === mine.id);
    expect(submitted.data).toMatchObject({
      custom_id: "survey",
      components: [
        { type: 18, id: 1, component: { type: 4, id: 2, custom_id: "name", value: "Ada" } },
        { type: 18, id: 3, component: { type: 3, id: 4, custom_id: "color", values: ["red"] } },
        { type: 18, id: 5, component: { type: 19, id: 6, custom_id: "files" } },
        { type: 18, id: 7, component: { type: 21, id: 8, custom_id: "radio", value: "yes" } },
        { type: 18, id: 9, component: { type: 22, id: 10, custom_id: "boxes", values: ["a", "b"] } },
      ],
    });
    const [fileId] = submitted.data.components[2].component.values;
    expect(submitted.data.resolved.attachments[fileId]).toMatchObject({ filename: "a.txt" });
    expect((await stage.answer(submitted, { type: 9, data: MODAL })).body.code).toBe(50035);
    const answered = await stage.answer(submitted, { type: 4, data: { content: "thanks" } }, "?with_response=true");
    expect(answered.body.resource.message.interaction_metadata).toMatchObject({
      type: 5,
      triggering_interaction_metadata: { id: told.id, type: 2 },
    });
    // Once.
    expect((await stage.tries(5, submit(told.id, filled(NAME, RADIO)))).body.code).toBe(10062);
  });

  test("of the older form has text inputs in rows; one that a component opened can change its message", async () => {
    const { id } = await bot.post(MESSAGES, { content: "0", components: [row(button())] });
    const pressed = await stage.use(3, press(), { message_id: id });
    const input = { type: 4, custom_id: "name", style: 2, label: "Name" };
    expect(
      (await stage.answer(pressed, { type: 9, data: { custom_id: "old", title: "t", components: [row(input)] } }))
        .status,
    ).toBe(204);
    const submitted = await stage.use(
      5,
      submit(pressed.id, [row({ type: 4, custom_id: "name", value: "Ada" })], "old"),
    );
    expect(submitted.message).toMatchObject({ id });
    expect(submitted.data.components).toEqual([
      { type: 1, id: 1, components: [{ type: 4, id: 2, custom_id: "name", value: "Ada" }] },
    ]);
    const { body } = await stage.answer(submitted, { type: 7, data: { content: "Ada" } }, "?with_response=true");
    expect(body.resource).toMatchObject({ type: 7, message: { id, content: "Ada" } });
  });

  test.each([
    ["a text that is too short", [{ ...NAME, value: "A" }, RADIO]],
    ["a text that is too long", [{ ...NAME, value: "Augusta" }, RADIO]],
    ["a field that is required left out", [NAME]],
    ["an option that isn't there", [NAME, { ...RADIO, value: "maybe" }]],
    ["a field of another type", [{ ...NAME, type: 3 }, RADIO]],
    ["a field that isn't there", [NAME, RADIO, { type: 4, custom_id: "nope", value: "x" }]],
    ["a file that didn't come", [NAME, RADIO, { type: 19, custom_id: "files", values: ["0"] }]],
    ["too many values", [NAME, RADIO, { type: 3, custom_id: "color", values: ["red", "blue"] }]],
  ])("%s: refused, and it can be sent again", async (_what, fields) => {
    const told = await open();
    const answer = await stage.tries(5, submit(told.id, filled(...fields)));
    expect({ status: answer.status, code: answer.body.code }, JSON.stringify(answer.body)).toEqual({
      status: 400,
      code: 50035,
    });
    expect((await stage.tries(5, submit(told.id, filled(NAME, RADIO)))).status).toBe(204);
  });

  test("that was never shown, not to this person, or not in this channel: there is none", async () => {
    const told = await open();
    const data = submit(told.id, filled(NAME, RADIO));
    expect((await stage.tries(5, data, {}, owner)).body.code).toBe(10062);
    expect((await stage.tries(5, submit("1", filled(NAME, RADIO)))).body.code).toBe(10062);
    expect((await stage.tries(5, { ...data, custom_id: "other" })).body.code).toBe(10062);
    const elsewhere = await owner.post(`/guilds/${guildId}/channels`, { name: "elsewhere" });
    expect((await stage.tries(5, data, { channel_id: elsewhere.id })).body.code).toBe(10062);
    const plain = await stage.use(2, { id: command.id });
    expect((await stage.tries(5, submit(plain.id, filled(NAME, RADIO)))).body.code).toBe(10062);
    const twice = await Promise.all([1, 2, 3].map(() => stage.tries(5, data)));
    expect(twice.filter(({ status }) => status === 204)).toHaveLength(1);
  });

  test.each([
    [
      "six fields",
      { ...MODAL, components: Array.from({ length: 6 }, (_, i) => field({ type: 4, custom_id: `${i}`, style: 1 })) },
      "data.components",
    ],
    ["no fields", { ...MODAL, components: [] }, "data.components"],
    ["a title of 46", { ...MODAL, title: "x".repeat(46) }, "data.title"],
    ["no custom id", { ...MODAL, custom_id: "" }, "data.custom_id"],
    [
      "one name for two fields",
      {
        ...MODAL,
        components: [field({ type: 4, custom_id: "a", style: 1 }), field({ type: 4, custom_id: "a", style: 1 })],
      },
      "components.1.component.custom_id",
    ],
    [
      "a label of 46",
      { ...MODAL, components: [field({ type: 4, custom_id: "a", style: 1 }, { label: "x".repeat(46) })] },
      "data.components.0.label",
    ],
    [
      "a disabled select",
      { ...MODAL, components: [field({ type: 3, custom_id: "a", options: [option("a")], disabled: true })] },
      "data.components.0.component.disabled",
    ],
    [
      "none of what is required",
      { ...MODAL, components: [field({ type: 3, custom_id: "a", options: [option("a")], min_values: 0 })] },
      "data.components.0.component.min_values",
    ],
    ["a button", { ...MODAL, components: [field(button())] }, "data.components.0.component.type"],
    ["a row of buttons", { ...MODAL, components: [row(button())] }, "data.components.0.components.0.type"],
    ["a container", { ...MODAL, components: [{ type: 17, components: [] }] }, "data.components.0.type"],
    [
      "a radio group of one",
      { ...MODAL, components: [field({ type: 21, custom_id: "a", options: [option("a")] })] },
      "data.components.0.component.options",
    ],
    [
      "an input that must be longer than it may",
      { ...MODAL, components: [field({ type: 4, custom_id: "a", style: 1, min_length: 5, max_length: 2 })] },
      "data.components.0.component.max_length",
    ],
  ])("of %s can't be shown", async (_what, modal, path) => {
    const told = await stage.use(2, { id: command.id });
    const { status, body } = await stage.answer(told, { type: 9, data: modal });
    expect([status, body.code]).toEqual([400, 50035]);
    const found = path.split(".").reduce((node: Json, step) => node?.[step], body.errors);
    expect(found?._errors, JSON.stringify(body.errors)).toBeDefined();
  });
});
