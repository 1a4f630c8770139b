import { describe, expect, test } from "vitest";
import { parseEmoji } from "../../src/reactions/emoji.ts";

const unicode = (name: string) => ({ type: "unicode", name });

describe("an emoji of Unicode", () => {
  test.each([
    ["one character", "🔥"],
    ["with a skin tone", "👍🏽"],
    ["joined", "👩‍🚀"],
    ["joined, with skin tones", "🧑🏻‍❤️‍💋‍🧑🏿"],
    ["a family", "👨‍👩‍👧‍👦"],
    ["a country's flag", "🇩🇪"],
    ["a region's flag", "🏴󠁧󠁢󠁳󠁣󠁴󠁿"],
    ["a joined flag", "🏳️‍🌈"],
    ["a keycap", "#️⃣"],
    ["a digit's keycap", "1️⃣"],
    ["one that is text by default", "❤️"],
    ["text by default, with a skin tone", "☝🏿"],
    ["a letter that flags are made of", "🇦"],
    ["a copyright sign", "©️"],
  ])("is taken: %s", (_, emoji) => {
    expect(parseEmoji(emoji)).toEqual(unicode(emoji));
  });

  test.each([
    ["❤", "❤️"],
    ["🔥️", "🔥"],
    ["1⃣", "1️⃣"],
    ["🏳‍🌈", "🏳️‍🌈"],
    ["👁‍🗨", "👁️‍🗨️"],
    ["☝️🏿", "☝🏿"],
    ["⛹🏻‍♀", "⛹🏻‍♀️"],
  ])("is one emoji with and without its variation selectors: %j", (spelling, emoji) => {
    expect(parseEmoji(spelling)).toEqual(unicode(emoji));
  });

  test.each([
    "",
    "a",
    "1",
    "#",
    "️",
    "‍",
    "🔥🔥",
    "🔥 ",
    "🇩🇪🇫🇷",
    "🇽🇽",
    "👍🏽🏽",
    "thumbsup",
    ":fire:",
    "\u0000",
    "\ud83d",
    "🔥".repeat(1000),
  ])("is refused where it is none: %j", (text) => {
    expect(parseEmoji(text)).toBeUndefined();
  });
});

test("a custom emoji is its name and its id, however a library writes them", () => {
  expect(parseEmoji("party:123")).toEqual({ type: "custom", name: "party", id: "123" });
  expect(parseEmoji("a:party_2:123")).toEqual({ type: "custom", name: "party_2", id: "123" });
  for (const text of ["123", "party", "party:", "party:x", "p:1", ":1", "<:party:123>", "party:9223372036854775808"]) {
    expect(parseEmoji(text), text).toBeUndefined();
  }
});
