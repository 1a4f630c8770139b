import { describe, expect, test } from "vitest";
import { contentOf, newCommand } from "../../src/commands/body.ts";
import { faultsOf } from "../../src/commands/rules.ts";
import { ApiError } from "../../src/errors.ts";
import { parseForm } from "../../src/validation.ts";

/** What a body of a new command is refused for, as `path: code`; empty when it is taken. */
function faults(body: object): string[] {
  try {
    const parsed = parseForm(newCommand, { name: "ping", description: "Says pong", ...body });
    return faultsOf(parsed.type ?? 1, contentOf(parsed, [0, 1])).map(({ path, code }) => `${path.join(".")}: ${code}`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return flat(error.details ?? {}, []);
  }
}

function flat(node: object, path: string[]): string[] {
  return Object.entries(node).flatMap(([key, value]) =>
    key === "_errors"
      ? value.map(({ code }: { code: string }) => `${path.join(".")}: ${code}`)
      : flat(value, [...path, key]),
  );
}

const option = { type: 3, name: "text", description: "What to say" };
const sub = { type: 1, name: "sub", description: "A subcommand" };
const group = { type: 2, name: "group", description: "A group" };
const options = (...list: object[]) => faults({ options: list });
const named = (name: string) => ({ ...option, name });

describe("names", () => {
  test.each(["a", "ping-pong_2", "l'aide", "ペン", "हिन्दी", "สวัสดี", "ñandú", "x".repeat(32), "𠮷".repeat(32), "ß"])(
    "%s is one for slash commands and options",
    (name) => {
      expect(faults({ name })).toEqual([]);
      expect(options(named(name))).toEqual([]);
    },
  );

  test.each(["Ping", "ПРИВЕТ", "a b", "a.b", "/ping", "👍", "a\u0000", "a\n", "é̀\u200b", "İ", "Ǆ"])(
    "%j is none",
    (name) => {
      expect(faults({ name })[0]).toMatch(/^name: (STRING_TYPE_REGEX|APPLICATION_COMMAND_INVALID_NAME)$/);
      expect(options(named(name))[0]).toMatch(/^options.0.name: /);
      expect(faults({ name_localizations: { de: name } })[0]).toMatch(/^name_localizations.de: /);
    },
  );

  test.each(["", "x".repeat(33), "𠮷".repeat(33)])("%j is too short or too long", (name) => {
    expect(faults({ name })).toEqual(["name: BASE_TYPE_BAD_LENGTH"]);
  });

  test("of menu commands may have spaces, capitals and signs", () => {
    for (const name of ["High Five", "👍 It!", "a.b"]) expect(faults({ type: 2, name, description: "" })).toEqual([]);
    for (const name of [" ", "a\u0007"]) {
      expect(faults({ type: 3, name, description: "" })).toEqual(["name: APPLICATION_COMMAND_INVALID_NAME"]);
    }
  });

  test("locales must be Discord's", () => {
    expect(faults({ name_localizations: { xx: "a" } })).toEqual(["name_localizations.xx: ENUM_TYPE_COERCE"]);
  });
});

test("menu commands have no description and no options, slash commands have a description", () => {
  expect(faults({ type: 2 })).toEqual(["description: APPLICATION_COMMAND_INVALID_DESCRIPTION"]);
  expect(faults({ type: 3, description: null, options: [option] })).toEqual([
    "options: APPLICATION_COMMAND_INVALID_OPTIONS",
  ]);
  for (const description of ["", " ", null, undefined]) {
    expect(faults({ description })).toEqual(["description: BASE_TYPE_REQUIRED"]);
  }
  expect(faults({ description: "x".repeat(101) })).toEqual(["description: BASE_TYPE_BAD_LENGTH"]);
  expect(faults({ handler: 1 })).toEqual(["handler: BASE_TYPE_INVALID"]);
});

describe("options", () => {
  test("nest one level deep in a group, and not with others beside", () => {
    expect(options(sub, { ...group, options: [sub] })).toEqual([]);
    expect(options({ ...sub, options: [option] })).toEqual([]);
    expect(options(sub, option)).toEqual(["options.1: APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"]);
    expect(options(option, group)).toEqual(["options.0: APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"]);
    expect(options({ ...group, options: [group] })).toEqual(["options.0.options.0.type: BASE_TYPE_CHOICES"]);
    expect(options({ ...group, options: [option] })).toEqual(["options.0.options.0.type: BASE_TYPE_CHOICES"]);
    expect(options({ ...sub, options: [sub] })).toEqual(["options.0.options.0.type: BASE_TYPE_CHOICES"]);
    expect(options({ ...sub, options: [group] })).toEqual(["options.0.options.0.type: BASE_TYPE_CHOICES"]);
  });

  test("are of a type that there is", () => {
    expect(options({ ...option, type: 12 })).toEqual(["options.0.type: BASE_TYPE_CHOICES"]);
    expect(options({ name: "a", description: "b" })).toEqual(["options.0.type: BASE_TYPE_REQUIRED"]);
    for (let type = 3; type <= 11; type++) expect(options({ ...option, type })).toEqual([]);
  });

  test("that are required come first, at every level", () => {
    const must = { ...named("must"), required: true };
    expect(options(must, option)).toEqual([]);
    const fault = "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID";
    expect(options(option, must)).toEqual([`options.1: ${fault}`]);
    expect(options({ ...sub, options: [option, must] })).toEqual([`options.0.options.1: ${fault}`]);
  });

  test("have names of their own, in every locale too", () => {
    const fault = "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS";
    expect(options(option, { ...option, type: 4 })).toEqual([`options.1.name: ${fault}`]);
    const german = (name: string, de: string) => ({ ...named(name), name_localizations: { de } });
    expect(options(german("a", "x"), german("b", "x"))).toEqual([`options.1.name_localizations.de: ${fault}`]);
    expect(options(named("a"), german("b", "a"))).toEqual([`options.1.name_localizations.de: ${fault}`]);
    expect(options(german("a", "b"), german("b", "a"))).toEqual([]);
  });

  test("25 at most, with 25 choices at most", () => {
    const many = (n: number) => Array.from({ length: n }, (_, i) => named(`o${i}`));
    expect(options(...many(25))).toEqual([]);
    expect(options(...many(26))).toEqual(["options: BASE_TYPE_BAD_LENGTH"]);
    const choices = Array.from({ length: 26 }, (_, i) => ({ name: `c${i}`, value: `v${i}` }));
    expect(options({ ...option, choices: choices.slice(1) })).toEqual([]);
    expect(options({ ...option, choices })).toEqual(["options.0.choices: BASE_TYPE_BAD_LENGTH"]);
  });

  test("values, lengths and choices fit the type and each other", () => {
    const choice = (value: unknown) => [{ name: "choice", value }];
    const bad: [object, RegExp][] = [
      [{ choices: choice(1) }, /choices.0.value/],
      [{ choices: choice("x".repeat(101)) }, /choices.0.value/],
      [{ type: 4, choices: choice(1.5) }, /choices.0.value/],
      [{ type: 4, choices: choice("x") }, /choices.0.value/],
      [{ type: 4, choices: choice("9007199254740992") }, /choices.0.value/],
      [{ type: 10, choices: choice(2 ** 54) }, /choices.0.value/],
      [{ type: 4, min_value: 2, max_value: 1 }, /max_value/],
      [{ type: 4, min_value: 0.5 }, /min_value/],
      [{ min_length: -1 }, /min_length/],
      [{ max_length: 0 }, /max_length/],
      [{ max_length: 6001 }, /max_length/],
      [{ min_length: 3, max_length: 2 }, /max_length/],
      [{ autocomplete: true, choices: choice("x") }, /autocomplete/],
      [{ type: 7, channel_types: [99] }, /channel_types.0/],
      [{ type: 11, file_types: ["pdf"] }, /file_types.0/],
      [{ type: 11, file_types: Array(11).fill(".pdf") }, /file_types/],
    ];
    for (const [fields, path] of bad) {
      expect(options({ ...option, ...fields }), JSON.stringify(fields)).toEqual([expect.stringMatching(path)]);
    }
    expect(options({ ...option, type: 10, min_value: -0.5, max_value: 1.5, choices: choice(0.25) })).toEqual([]);
    expect(options({ ...option, autocomplete: true, choices: [] })).toEqual([]);
    expect(options({ ...option, type: 11, file_types: ["image", ".PDF"] })).toEqual([]);
  });
});

test("8000 characters of names, descriptions and values, the longest localization counting", () => {
  const body = (choices: object[], last: object) => ({
    name: "n",
    description: "d",
    options: [
      { ...named("o"), choices },
      { ...named("p"), ...last },
    ],
  });
  // 2 of the command, 2 options of 1 and 11, 25 choices of 100 and 100, and one more option for the rest.
  const choices = Array.from({ length: 25 }, (_, i) => ({ name: String(i).padEnd(100, "x"), value: "v".repeat(100) }));
  const more = { ...named("more"), description: "m", choices: choices.slice(0, 14) };
  const rest = 8000 - 2 - 12 - 25 * 200 - 5 - 14 * 200 - 1;
  const sized = (last: object) => {
    const made = body(choices, last);
    return faults({ ...made, options: [...made.options, more] });
  };
  const texts = (n: number) => ({ choices: [{ name: "c".repeat(n - 100 - 11), value: "v".repeat(100) }] });
  expect(sized(texts(rest))).toEqual([]);
  expect(sized(texts(rest + 1))).toEqual([": APPLICATION_COMMAND_TOO_LARGE"]);
  const long = { description_localizations: { de: "d".repeat(12), fr: "f" } };
  expect(sized({ ...texts(rest), ...long })).toEqual([": APPLICATION_COMMAND_TOO_LARGE"]);
  expect(sized({ ...texts(rest - 1), ...long })).toEqual([]);
});
