import { expect, test } from "vitest";
import type { Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";

// What other programs send, with the fields that they document. Short: texts and fields that nobody reads are left out.
const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const anybody = platform.anonymous();

interface Sent {
  form?: "slack" | "github";
  headers?: Record<string, string>;
  body: object;
}

/** @returns the status, and what arrived in the channel */
async function send({ form, headers, body }: Sent): Promise<{ status: number; message: Json }> {
  const { id: channelId } = await owner.post(`/guilds/${guild.id}/channels`, { name: "alerts" });
  const { id, token } = await owner.post(`/channels/${channelId}/webhooks`, { name: "Alerts" });
  const path = `/webhooks/${id}/${token}${form === undefined ? "" : `/${form}`}`;
  const { status } = await anybody.request("POST", path, body, headers);
  return { status, message: (await owner.get(`/channels/${channelId}/messages`))[0] };
}

test("Uptime Kuma's Discord notification", async () => {
  const { status, message } = await send({
    body: {
      username: "Uptime Kuma",
      embeds: [
        {
          title: "❌ Your service Shop went down. ❌",
          color: 16711680,
          timestamp: "2026-11-25 12:00:00.000",
          fields: [
            { name: "Service Name", value: "Shop" },
            { name: "Service URL", value: "https://shop.example.com/" },
            { name: "Went Offline", value: "<t:1795608000:F>" },
            { name: "Error", value: "timeout of 48000ms exceeded" },
          ],
        },
      ],
    },
  });
  expect(status).toBe(204);
  expect(message).toMatchObject({
    author: { username: "Uptime Kuma" },
    embeds: [
      {
        color: 16711680,
        timestamp: "2026-11-25T12:00:00.000000+00:00",
        fields: [{ name: "Service Name", value: "Shop", inline: false }, {}, {}, { name: "Error" }],
      },
    ],
  });
});

test("Grafana's Discord contact point", async () => {
  const { status, message } = await send({
    body: {
      username: "Grafana",
      content: "**Firing**\n\nValue: A=93\nLabels:\n - alertname = High load\n",
      embeds: [
        {
          title: "[FIRING:1] High load (shop)",
          type: "rich",
          url: "https://grafana.example.com/alerting/list",
          color: 14037554,
          footer: { text: "Grafana v12.3.0", icon_url: "https://grafana.com/static/assets/img/fav32.png" },
        },
      ],
    },
  });
  expect(status).toBe(204);
  expect(message).toMatchObject({
    content: expect.stringContaining("alertname = High load"),
    embeds: [{ title: "[FIRING:1] High load (shop)", color: 14037554, footer: { text: "Grafana v12.3.0" } }],
  });
});

test("Grafana's Slack contact point", async () => {
  const { status, message } = await send({
    form: "slack",
    body: {
      channel: "#alerts",
      username: "Grafana",
      icon_emoji: ":rotating_light:",
      attachments: [
        {
          color: "#D63232",
          title: "[FIRING:1] High load",
          title_link: "https://grafana.example.com/alerting/list",
          fallback: "[FIRING:1] High load",
          text: "**Firing**\n\nValue: A=93",
          footer: "Grafana v12.3.0",
          footer_icon: "https://grafana.com/static/assets/img/fav32.png",
          fields: [],
          ts: 1795608000,
        },
      ],
      blocks: [{ type: "section", text: { type: "mrkdwn", text: "<!here>" } }],
    },
  });
  expect(status).toBe(200);
  expect(message).toMatchObject({
    content: "@here",
    mention_everyone: false,
    embeds: [
      {
        title: "[FIRING:1] High load",
        color: 0xd63232,
        footer: { text: "Grafana v12.3.0" },
        timestamp: "2026-11-25T12:00:00.000000+00:00",
      },
    ],
  });
});

test("Alertmanager's Slack receiver", async () => {
  const { status, message } = await send({
    form: "slack",
    body: {
      channel: "#alerts",
      username: "Alertmanager",
      icon_emoji: "",
      icon_url: "",
      link_names: false,
      attachments: [
        {
          title: "[FIRING:2] HighLoad (shop &amp; cart)",
          title_link: "https://alertmanager.example.com/#/alerts",
          pretext: "",
          text: "*Alert:* load is at 93 % on `web1`\n<https://runbooks.example.com/load|Runbook>",
          fallback: "[FIRING:2] HighLoad | https://alertmanager.example.com/#/alerts",
          callback_id: "",
          footer: "",
          color: "danger",
          mrkdwn_in: ["fallback", "pretext", "text"],
          fields: [{ title: "severity", value: "critical", short: true }],
          actions: [
            { type: "button", text: "Silence", url: "https://alertmanager.example.com/#/silences/new", name: "" },
            { type: "button", text: "Acknowledge", name: "ack", value: "1" },
          ],
        },
      ],
    },
  });
  expect(status).toBe(200);
  expect(message).toMatchObject({
    author: { username: "Alertmanager" },
    embeds: [
      {
        title: "[FIRING:2] HighLoad (shop & cart)",
        url: "https://alertmanager.example.com/#/alerts",
        description:
          "**Alert:** load is at 93 % on `web1`\n[Runbook](https://runbooks.example.com/load)\n[Silence](https://alertmanager.example.com/#/silences/new)",
        color: 0xe01e5a,
        fields: [{ name: "severity", value: "critical", inline: true }],
      },
    ],
  });
});

test("Sentry's alert for Slack, in blocks", async () => {
  const { status, message } = await send({
    form: "slack",
    body: {
      text: "[shop] TypeError: cart is undefined",
      attachments: [
        {
          color: "#E03E2F",
          fallback: "[shop] TypeError",
          blocks: [
            {
              type: "section",
              text: { type: "mrkdwn", text: ":red_circle: <https://sentry.example.com/1|*TypeError*>" },
            },
            {
              type: "rich_text",
              elements: [{ type: "rich_text_preformatted", elements: [{ type: "text", text: "cart is undefined" }] }],
            },
            {
              type: "section",
              fields: [
                { type: "mrkdwn", text: "*environment*: production" },
                { type: "mrkdwn", text: "*level*: error" },
              ],
            },
            {
              type: "context",
              elements: [
                { type: "mrkdwn", text: "Project: <https://sentry.example.com/shop|shop>" },
                { type: "image", image_url: "https://example.com/i.png", alt_text: "i" },
              ],
            },
            {
              type: "actions",
              elements: [
                { type: "button", action_id: "resolve", text: { type: "plain_text", text: "Resolve" }, value: "1" },
                { type: "button", text: { type: "plain_text", text: "Open" }, url: "https://sentry.example.com/1" },
              ],
            },
          ],
        },
      ],
    },
  });
  expect(status).toBe(200);
  expect(message.content).toBe("[shop] TypeError: cart is undefined");
  expect(message.embeds).toMatchObject([
    {
      color: 0xe03e2f,
      description: [
        ":red_circle: [*TypeError*](https://sentry.example.com/1)",
        "```\ncart is undefined\n```",
        "**environment**: production",
        "**level**: error",
        "Project: [shop](https://sentry.example.com/shop)",
        "[Open](https://sentry.example.com/1)",
      ].join("\n"),
    },
  ]);
});

test("GitLab's Slack notifications", async () => {
  const { status, message } = await send({
    form: "slack",
    body: {
      channel: "builds",
      username: "GitLab",
      icon_url: "https://gitlab.example.com/logo.png",
      text: "Ada (ada) pushed to branch <https://gitlab.example.com/shop/-/tree/main|main> of <https://gitlab.example.com/shop|Shop> (<https://gitlab.example.com/c|Compare changes>)",
      attachments: [
        {
          color: "#345",
          text: "<https://gitlab.example.com/c/1|0beec7b5>: Mend the cart - Ada",
          fallback: "x",
          mrkdwn_in: ["text"],
        },
        {
          fallback: "Pipeline failed",
          color: "danger",
          author_name: "Ada (ada)",
          author_link: "https://gitlab.example.com/ada",
          title: "Pipeline #7 has failed in 01:30",
          title_link: "https://gitlab.example.com/p/7",
          fields: [
            { title: "Branch", value: "<https://gitlab.example.com/shop/-/tree/main|main>", short: true },
            { title: "Failed stage", value: "<https://gitlab.example.com/s|test>", short: true },
          ],
          footer: "Shop",
          footer_icon: "https://gitlab.example.com/shop.png",
          ts: 1795608000,
        },
      ],
    },
  });
  expect(status).toBe(200);
  expect(message).toMatchObject({
    author: { username: "GitLab" },
    content:
      "Ada (ada) pushed to branch [main](https://gitlab.example.com/shop/-/tree/main) of [Shop](https://gitlab.example.com/shop) ([Compare changes](https://gitlab.example.com/c))",
    embeds: [
      { color: 0x334455, description: "[0beec7b5](https://gitlab.example.com/c/1): Mend the cart - Ada" },
      {
        title: "Pipeline #7 has failed in 01:30",
        author: { name: "Ada (ada)", url: "https://gitlab.example.com/ada" },
        fields: [
          { name: "Branch", value: "[main](https://gitlab.example.com/shop/-/tree/main)", inline: true },
          { name: "Failed stage" },
        ],
      },
    ],
  });
});

test("Slack's blocks of every kind: what they say is not lost, what they ask is left out, what is broken is passed over", async () => {
  const { status, message } = await send({
    form: "slack",
    body: {
      text: "only for notifications",
      blocks: [
        { type: "header", text: { type: "plain_text", text: "Deployed" } },
        { type: "divider" },
        {
          type: "section",
          text: { type: "mrkdwn", text: "*web* to ~two~ three" },
          accessory: { type: "button", text: { type: "plain_text", text: "x" } },
        },
        {
          type: "image",
          image_url: "https://example.com/graph.png",
          alt_text: "graph",
          title: { type: "plain_text", text: "Load" },
        },
        { type: "image", image_url: "javascript:alert(1)", alt_text: "bad" },
        {
          type: "rich_text",
          elements: [
            {
              type: "rich_text_section",
              elements: [
                { type: "text", text: "by ", style: { bold: true } },
                { type: "link", url: "https://example.com/ada", text: "Ada" },
                { type: "emoji", name: "tada" },
              ],
            },
            {
              type: "rich_text_list",
              style: "bullet",
              elements: [
                { type: "rich_text_section", elements: [{ type: "text", text: "one" }] },
                { type: "rich_text_section", elements: [{ type: "text", text: "two", style: { code: true } }] },
              ],
            },
            { type: "rich_text_quote", elements: [{ type: "text", text: "said" }] },
          ],
        },
        { type: "markdown", text: "**as it is**" },
        { type: "input", label: { type: "plain_text", text: "asked" } },
        null,
        7,
      ],
    },
  });
  expect(status).toBe(200);
  expect(message.content).toBe(
    "**Deployed**\n**web** to ~~two~~ three\n**by** [Ada](https://example.com/ada):tada:\n- one\n- `two`\n> said\n**as it is**",
  );
  expect(message.embeds).toMatchObject([{ title: "Load", image: { url: "https://example.com/graph.png" } }]);
});

test("blocks that are too long for a message are an embed", async () => {
  const text = { type: "mrkdwn", text: "word ".repeat(500) };
  const { message } = await send({ form: "slack", body: { blocks: [{ type: "section", text }] } });
  expect(message.content).toBe("");
  expect(message.embeds[0].description).toHaveLength(2500);
});

const url = (path: string) => `https://github.com/${path}`;
const user = (login: string) => ({
  login,
  id: 583231,
  node_id: "MDQ6VXNlcjU4MzIzMQ==",
  avatar_url: `https://avatars.githubusercontent.com/u/583231?v=4`,
  url: `https://api.github.com/users/${login}`,
  html_url: url(login),
  type: "User",
  site_admin: false,
});
const repository = {
  id: 1296269,
  name: "Hello-World",
  full_name: "octocat/Hello-World",
  private: false,
  owner: user("octocat"),
  html_url: url("octocat/Hello-World"),
  default_branch: "main",
};
const github = (event: string, body: object): Sent => ({
  form: "github",
  headers: {
    "x-github-event": event,
    "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    "user-agent": "GitHub-Hookshot/044aadd",
  },
  body: { repository, sender: user("octocat"), ...body },
});

test.each([
  ["repository", { action: "archived" }, { title: "[octocat/Hello-World] Repository archived" }],
  [
    "push",
    {
      ref: "refs/heads/main",
      before: "0".repeat(40),
      after: "1".repeat(40),
      created: false,
      deleted: false,
      forced: true,
      base_ref: null,
      compare: url("octocat/Hello-World/compare/0...1"),
      pusher: { name: "octocat", email: "octocat@example.com" },
      head_commit: null,
      commits: [],
    },
    { title: "[octocat/Hello-World] Force push on main" },
  ],
  [
    "release",
    {
      action: "published",
      release: {
        id: 1,
        html_url: url("r"),
        tag_name: "v2",
        name: null,
        body: null,
        draft: false,
        prerelease: false,
        author: user("octocat"),
      },
    },
    { title: "[octocat/Hello-World] New release published: v2" },
  ],
])("GitHub's %s", async (event, body, embed) => {
  const { status, message } = await send(github(event, body));
  expect(status).toBe(204);
  expect(message.embeds).toMatchObject([{ ...embed, author: { name: "octocat", url: url("octocat") } }]);
});

test.each([
  ["ping", { zen: "Design for failure.", hook_id: 1, hook: {} }],
  ["star", { action: "created", starred_at: "2026-11-25T12:00:00Z" }],
  ["repository", { action: "edited", changes: {} }],
  ["workflow_run", { action: "completed", workflow_run: {} }],
  ["security_advisory", { action: "published", sender: undefined, repository: undefined }],
])("GitHub's %s is taken and not shown", async (event, body) => {
  expect(await send(github(event, body))).toEqual({ status: 204, message: undefined });
});
