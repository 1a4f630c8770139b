import { expect, test } from "vitest";
import { markdownOf } from "../../src/webhooks/slack-markup.ts";

test.each([
  ["plain text", "plain text"],
  ["*bold* _italic_ ~gone~", "**bold** _italic_ ~~gone~~"],
  ["*two words* and (*more*)", "**two words** and (**more**)"],
  ["2 * 3 * 4, a*b*c, ~ 5 ~", "2 * 3 * 4, a*b*c, ~ 5 ~"],
  ["*not over\nlines*", "*not over\nlines*"],
  ["see <https://example.com/a|the log>", "see [the log](https://example.com/a)"],
  ["see <https://example.com/a>", "see https://example.com/a"],
  ["<mailto:a@example.com|mail>", "[mail](mailto:a@example.com)"],
  ["<!here> <!channel> <!everyone|everyone>", "@here @everyone @everyone"],
  ["<#C024BE7LR|general> <@U024BE7LH|ada> <!subteam^SAZ94GDB8|@team>", "#general @ada @team"],
  ["<!date^1392734382^{date_num}|2014-02-18>", "2014-02-18"],
  ["a &lt;b&gt; &amp; &amp;lt;", "a <b> & &lt;"],
  ["`*code* <https://example.com>`", "`*code* <https://example.com>`"],
  ["```\n*code*\n``` *bold*", "```\n*code*\n``` **bold**"],
  ["<javascript:alert(1)|x>", "<javascript:alert(1)|x>"],
])("%j becomes %j", (slack, markdown) => {
  expect(markdownOf(slack)).toBe(markdown);
});

test("hostile markup takes no longer than its length", () => {
  for (const part of ["*a ", "~a ", "<http:a|", "`", "```", "<!here|", "(*", "&amp"]) {
    const long = part.repeat(Math.ceil(4096 / part.length));
    const started = performance.now();
    for (let i = 0; i < 20; i++) markdownOf(long);
    // A machine that is busy may be slow; what is quadratic without a bound takes minutes.
    expect(performance.now() - started).toBeLessThan(20_000);
  }
});
