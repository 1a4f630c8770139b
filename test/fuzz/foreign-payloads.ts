import fc from "fast-check";

/** What Slack's and GitHub's senders may send: payloads of their shapes, with something odd here and there. */

const word = fc.constantFrom(
  ...["build", "passed", "*bold*", "_it_", "~gone~", "`code`", "```", "&lt;", "&amp;", "\n", "\r\n", " ", "👍", "é"],
  ...[
    "<!here>",
    "<!channel|all>",
    "<@U1|ada>",
    "<#C1|general>",
    "<https://a.example|A>",
    "<https://a.example>",
    "<a",
    ">",
  ],
  ...[
    "@everyone",
    "@here",
    "[x](y)",
    "**",
    "# h",
    "\0",
    "\ud800",
    "\udfff",
    "\u202e",
    "<!subteam^S1|team>",
    "<!date^1^x|d>",
  ],
);
const text = fc.oneof(
  { weight: 6, arbitrary: fc.array(word, { maxLength: 30 }).map((words) => words.join(" ")) },
  {
    weight: 1,
    arbitrary: fc.tuple(word, fc.integer({ min: 1, max: 6000 })).map(([one, n]) => one.repeat(n).slice(0, n)),
  },
  fc.string({ unit: "binary", maxLength: 40 }),
);
const url = fc.oneof(
  { weight: 6, arbitrary: fc.webUrl() },
  fc.constantFrom(
    "https://a.example/x y",
    "http://[::1]/",
    "https://u:p@a.example/",
    "HTTPS://A.EXAMPLE",
    "https://a.example/é",
  ),
);
/** What stands where something else should. */
const odd = fc.oneof(
  fc.constantFrom<unknown[]>(
    null,
    undefined,
    "",
    " ",
    0,
    -1,
    1.5,
    1e308,
    true,
    false,
    {},
    [],
    [null],
    "null",
    "javascript:alert(1)",
  ),
  text,
  url,
);
const some = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 3 });
const record = <T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(fields, { requiredKeys: [] });

/** The value with odd ones in up to three places, at any depth. */
export function mangled(arbitrary: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const changes = fc.array(fc.tuple(fc.nat(), odd), { maxLength: 3 });
  return fc.tuple(arbitrary, changes).map(([value, all]) =>
    all.reduce<unknown>((now, [at, put]) => {
      const places = pathsOf(now);
      return replaced(now, places[at % places.length] ?? [], put);
    }, value),
  );
}

type Path = readonly string[];

function pathsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, each]) => pathsOf(each, [...at, key]))];
}

function replaced(value: unknown, [key, ...rest]: Path, put: unknown): unknown {
  if (key === undefined) return put;
  if (Array.isArray(value)) return value.map((each, i) => (String(i) === key ? replaced(each, rest, put) : each));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, k === key ? replaced(v, rest, put) : v]));
}

const plain = fc.oneof(text, record({ type: fc.constantFrom("mrkdwn", "plain_text"), text }));
const span = fc.letrec((tie) => ({
  one: record({
    type: fc.constantFrom(
      "text",
      "link",
      "emoji",
      "broadcast",
      "rich_text_section",
      "rich_text_list",
      "rich_text_quote",
      "rich_text_preformatted",
    ),
    text,
    url,
    name: text,
    range: fc.constantFrom("here", "channel"),
    style: fc.oneof(fc.constantFrom("ordered", "bullet"), record({ bold: fc.boolean(), code: fc.boolean() })),
    elements: fc.oneof({ maxDepth: 5 }, fc.constant([]), fc.array(tie("one"), { maxLength: 3 })),
  }),
})).one;
const block = record({
  type: fc.constantFrom(
    "section",
    "header",
    "markdown",
    "context",
    "actions",
    "image",
    "rich_text",
    "divider",
    "input",
  ),
  text: plain,
  fields: fc.array(plain, { maxLength: 4 }),
  elements: fc.array(fc.oneof(plain, span, record({ type: fc.constant("button"), text: plain, url })), {
    maxLength: 6,
  }),
  image_url: url,
  title: plain,
});
const blocks = fc.array(block, { maxLength: 8 });
const attachment = record({
  ...{ fallback: text, pretext: text, title: text, text, author_name: text, footer: text },
  ...{ title_link: url, author_link: url, author_icon: url, image_url: url, thumb_url: url, footer_icon: url },
  color: fc.constantFrom("good", "warning", "danger", "#f00", "00ff00", "", "#ABCDEF"),
  ts: fc.oneof(fc.integer(), fc.double(), fc.constantFrom("1795608000.5", 1.7e12, 8.64e15)),
  fields: fc.array(record({ title: text, value: text, short: fc.boolean() }), { maxLength: 30 }),
  actions: fc.array(record({ type: fc.constant("button"), text, url }), { maxLength: 5 }),
  blocks,
});

export const slackPayload = record({
  text: text.map((it) => it.slice(0, 2000)),
  username: text,
  icon_url: url,
  attachments: fc.array(attachment, { maxLength: 12 }),
  blocks,
});

const user = fc.record({
  login: text,
  id: fc.nat(),
  html_url: url,
  avatar_url: url,
  type: fc.constantFrom("User", "Bot"),
});
const repository = fc.record({ id: fc.nat(), name: text, full_name: text, html_url: url });
const issue = fc.record({ number: fc.nat(), title: text, html_url: url, body: some(text), user, merged: fc.boolean() });
const comment = fc.record({
  html_url: url,
  body: some(text),
  commit_id: text,
  state: fc.constantFrom("approved", "CHANGES_REQUESTED", "commented"),
});
const commit = fc.record({ id: text, url, message: text, author: fc.record({ name: text }) });
const suite = fc.record({
  conclusion: some(fc.constantFrom("success", "failure", "neutral")),
  head_branch: some(text),
  head_sha: text,
  app: fc.record({ name: text }),
});

/** All that any of the events has. */
export const githubPayload = fc.record({
  sender: user,
  repository,
  action: fc.constantFrom(
    "opened",
    "created",
    "closed",
    "submitted",
    "published",
    "answered",
    "archived",
    "completed",
    "added",
  ),
  ref: text,
  ref_type: fc.constantFrom("branch", "tag"),
  compare: url,
  forced: fc.boolean(),
  commits: fc.array(commit, { maxLength: 25 }),
  ...{ forkee: repository, member: user, issue, comment, pull_request: issue, discussion: issue, review: comment },
  release: fc.record({ html_url: url, tag_name: text, body: some(text) }),
  check_run: fc.record({ name: text, html_url: url, conclusion: some(text), check_suite: suite }),
  check_suite: suite,
});

export const githubEvent = fc.constantFrom(
  ...["push", "create", "delete", "fork", "watch", "public", "repository", "member", "issues", "issue_comment", "star"],
  ...["pull_request", "pull_request_review", "pull_request_review_comment", "commit_comment", "release", "ping"],
  ...["check_run", "check_suite", "discussion", "discussion_comment", "workflow_run", "__proto__", "toString"],
);

/** The parts of a form with files, and what its JSON says of them; not always the same. */
export const messageForm = fc.record({
  fields: record({
    content: text,
    username: text,
    tts: fc.constantFrom("true", "0", "x"),
    flags: fc.constantFrom("4", "-4", "4100"),
  }),
  json: some(
    mangled(
      record({
        content: text,
        embeds: fc.array(
          record({
            title: text,
            description: text,
            timestamp: fc.string(),
            url,
            footer: record({ text, icon_url: url }),
          }),
          { maxLength: 3 },
        ),
        attachments: fc.array(
          record({
            id: fc.oneof(fc.nat(3), fc.nat(3).map(String)),
            filename: text,
            description: text,
            is_spoiler: fc.boolean(),
          }),
          { maxLength: 4 },
        ),
        flags: fc.constantFrom(0, 4, 4096, 8192, 32768),
        allowed_mentions: record({ parse: fc.subarray(["users", "roles", "everyone"]), users: fc.constant([]) }),
      }),
    ),
  ),
  files: fc.array(fc.tuple(fc.constantFrom("files[0]", "files[1]", "files[9]", "file", "x"), text, fc.string()), {
    maxLength: 3,
  }),
});
