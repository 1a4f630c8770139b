import { describe, expect, test } from "vitest";
import type { Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const anybody = platform.anonymous();

async function newWebhook() {
  // A channel takes 15.
  const { id: channelId } = await owner.post(`/guilds/${guild.id}/channels`, { name: "builds" });
  const { id, token } = await owner.post(`/channels/${channelId}/webhooks`, { name: "Build" });
  const path = `/webhooks/${id}/${token}`;
  const post = (body: object): Promise<Json> => anybody.post(`${path}?wait=1`, body);
  const last = async (): Promise<Json> => (await owner.get(`/channels/${channelId}/messages`))[0];
  return { id, channelId, path, post, last };
}

describe("a webhook's own message", () => {
  test("is read, edited and deleted by its token", async () => {
    const hook = await newWebhook();
    const message = await hook.post({ content: "building", username: "CI" });
    const path = `${hook.path}/messages/${message.id}`;
    expect(await anybody.get(path)).toEqual(message);
    const edited = await anybody.patch(path, { content: "passed", embeds: [{ title: "Log" }] });
    expect(edited).toMatchObject({
      content: "passed",
      author: { username: "CI" },
      edited_timestamp: expect.any(String),
    });
    expect(await anybody.get(path)).toEqual(edited);
    expect((await anybody.patch(path, { flags: 4 })).embeds).toEqual([]);
    await refused(Code.CannotSendAnEmptyMessage, anybody, "PATCH", path, { content: null, embeds: null });
    await anybody.delete(path);
    for (const method of ["GET", "DELETE"]) await refused(Code.UnknownMessage, anybody, method, path);
  });

  test("is told as an update and a deletion, and mentions only users unless it says more", async () => {
    const hook = await newWebhook();
    const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "r", mentionable: true });
    const socket = await platform.socket(owner);
    const message = await hook.post({ content: "building" });
    const path = `${hook.path}/messages/${message.id}`;
    await anybody.patch(path, { content: `<@${owner.id}> <@&${role.id}> @everyone` });
    const { d } = await socket.event("MESSAGE_UPDATE", ({ id }) => id === message.id);
    expect(d).toMatchObject({
      guild_id: guild.id,
      mentions: [{ id: owner.id }],
      mention_roles: [],
      mention_everyone: false,
    });
    expect(d).not.toHaveProperty("member");
    await anybody.delete(path);
    await socket.event("MESSAGE_DELETE", ({ id, guild_id }) => id === message.id && guild_id === guild.id);
  });

  test("is no other's: not another webhook's, a member's, or one of a channel that it has left", async () => {
    const [hook, other] = [await newWebhook(), await newWebhook()];
    const message = await hook.post({ content: "mine" });
    const { id } = await owner.post(`/channels/${hook.channelId}/messages`, { content: "a member's" });
    for (const path of [`${other.path}/messages/${message.id}`, `${hook.path}/messages/${id}`]) {
      for (const method of ["GET", "PATCH", "DELETE"]) {
        await refused(Code.UnknownMessage, anybody, method, path, method === "PATCH" ? { content: "x" } : undefined);
      }
    }
    const path = `${hook.path}/messages/${message.id}`;
    await refused(Code.UnknownChannel, anybody, "GET", `${path}?thread_id=${hook.channelId}`);
    const elsewhere = await owner.post(`/guilds/${guild.id}/channels`, { name: "elsewhere" });
    await owner.patch(`/webhooks/${hook.id}`, { channel_id: elsewhere.id });
    await refused(Code.UnknownMessage, anybody, "DELETE", path);
    expect((await owner.get(`/channels/${hook.channelId}/messages/${message.id}`)).content).toBe("mine");
  });
});

describe("Slack's form", () => {
  test("becomes a message with its name, markup, attachments and colours", async () => {
    const hook = await newWebhook();
    const answer = await anybody.request("POST", `${hook.path}/slack`, {
      text: "*Build* <https://example.com/1|#1> of @everyone",
      username: "CI",
      icon_emoji: ":robot:",
      mrkdwn: true,
      attachments: [
        {
          fallback: "not shown",
          pretext: "Before",
          title: "Log",
          title_link: "https://example.com/log",
          text: "All *passed*",
          color: "good",
          author_name: "Ada",
          footer: "Foot",
          ts: 1_700_000_000,
          fields: [{ title: "Took", value: "_3 s_", short: true }],
        },
        { fallback: "shown", color: "#f00" },
      ],
    });
    expect([answer.status, answer.body]).toEqual([200, "ok"]);
    expect(await hook.last()).toMatchObject({
      content: "**Build** [#1](https://example.com/1) of @everyone",
      mention_everyone: false,
      author: { username: "CI", bot: true },
      embeds: [
        {
          type: "rich",
          title: "Log",
          url: "https://example.com/log",
          description: "Before\nAll **passed**",
          color: 0x2eb67d,
          timestamp: "2023-11-14T22:13:20.000000+00:00",
          author: { name: "Ada" },
          footer: { text: "Foot" },
          fields: [{ name: "Took", value: "_3 s_", inline: true }],
        },
        { description: "shown", color: 0xff0000 },
      ],
    });
  });

  test("is cut where Discord's limits are, as its senders don't know them", async () => {
    const hook = await newWebhook();
    const long = "x".repeat(10_000);
    const fields = Array.from({ length: 40 }, () => ({ title: long, value: "" }));
    await anybody.post(`${hook.path}/slack`, {
      username: long,
      attachments: [
        { title: long, text: long, footer: long.slice(0, 100) },
        ...Array.from({ length: 20 }, () => ({ text: "y" })),
      ],
    });
    const { author, embeds } = await hook.last();
    expect(author.username).toHaveLength(80);
    expect(embeds).toHaveLength(10);
    expect([embeds[0].title.length, embeds[0].description.length]).toEqual([256, 4096]);
    await anybody.post(`${hook.path}/slack`, { text: "x", attachments: [{ fields }, { text: "left out" }] });
    expect((await hook.last()).embeds).toEqual([]);
  });

  test("comes as a form too, and says what is wrong with it", async () => {
    const hook = await newWebhook();
    const form = (body: string) =>
      anybody.request("POST", `${hook.path}/slack`, body, { "content-type": "application/x-www-form-urlencoded" });
    const payload = encodeURIComponent(JSON.stringify({ text: "from a form" }));
    expect((await form(`payload=${payload}`)).status).toBe(200);
    expect((await hook.last()).content).toBe("from a form");
    expect((await form("payload=%7B")).body.code).toBe(Code.RequestBodyContainsInvalidJSON);
    expect((await form("other=1")).body.code).toBe(Code.CannotSendAnEmptyMessage);
    await refused(Code.InvalidFormBodyOrContentType, anybody, "POST", `${hook.path}/slack`, { text: "x".repeat(2001) });
    await refused(Code.InvalidFormBodyOrContentType, anybody, "POST", `${hook.path}/slack`, {
      attachments: [{ title_link: "javascript:alert(1)" }],
    });
    await refused(Code.InvalidWebhookToken, anybody, "POST", `/webhooks/${hook.id}/x/slack`, { text: "x" });
  });
});

describe("GitHub's form", () => {
  const url = (path: string) => `https://example.com/${path}`;
  const sender = { login: "octocat", html_url: url("octocat"), avatar_url: url("octocat.png"), id: 1 };
  const repository = { id: 2, name: "cat", full_name: "octo/cat", html_url: url("octo/cat"), private: false };
  const issue = { number: 7, title: "It breaks", html_url: url("7"), body: "When I look at it", user: sender };
  const comment = { html_url: url("c"), body: "Me too", user: sender, commit_id: "abcdef0123" };
  const suite = { conclusion: "failure", head_branch: "main", head_sha: "abcdef0123", app: { name: "Tests" } };
  const commit = (n: number) => ({
    id: `${n}`.repeat(40),
    url: url(`${n}`),
    message: `Change ${n}\n\nBecause`,
    author: { name: "Ada", username: "ada" },
  });

  async function shown(event: string, payload: object): Promise<Json> {
    const hook = await newWebhook();
    const body = { sender, repository, ...payload };
    const answer = await anybody.request("POST", `${hook.path}/github`, body, { "x-github-event": event });
    expect([answer.status, answer.body]).toEqual([204, null]);
    const message = await hook.last();
    if (message === undefined) return undefined;
    expect(message).toMatchObject({ content: "", author: { username: "GitHub" } });
    const [{ author, ...embed }] = message.embeds;
    expect(author).toMatchObject({ name: "octocat", url: sender.html_url });
    return embed;
  }

  test.each([
    ["push", { ref: "refs/heads/main", compare: url("x"), commits: [commit(1), commit(2)] }, "2 new commits on main"],
    ["create", { ref: "topic", ref_type: "branch" }, "New branch created: topic"],
    ["delete", { ref: "v1", ref_type: "tag" }, "Deleted tag: v1"],
    ["fork", { forkee: { ...repository, full_name: "ada/cat" } }, "Fork created: ada/cat"],
    ["watch", { action: "started" }, "New star added"],
    ["public", {}, "Now open source"],
    ["member", { action: "added", member: { ...sender, login: "ada" } }, "Collaborator added: ada"],
    ["issues", { action: "opened", issue }, "Issue opened: #7 It breaks"],
    ["issue_comment", { action: "created", issue, comment }, "New comment on issue #7: It breaks"],
    [
      "issue_comment",
      { action: "created", issue: { ...issue, pull_request: {} }, comment },
      "New comment on pull request #7: It breaks",
    ],
    [
      "pull_request",
      { action: "closed", pull_request: { ...issue, merged: true } },
      "Pull request merged: #7 It breaks",
    ],
    [
      "pull_request",
      { action: "closed", pull_request: { ...issue, merged: false } },
      "Pull request closed: #7 It breaks",
    ],
    [
      "pull_request_review",
      { action: "submitted", pull_request: issue, review: { ...comment, state: "changes_requested" } },
      "Pull request review (changes requested) on #7: It breaks",
    ],
    [
      "pull_request_review_comment",
      { action: "created", pull_request: issue, comment },
      "New review comment on pull request #7: It breaks",
    ],
    ["commit_comment", { action: "created", comment }, "New comment on commit abcdef0"],
    [
      "release",
      { action: "published", release: { html_url: url("r"), tag_name: "v2", body: "New" } },
      "New release published: v2",
    ],
    [
      "check_run",
      {
        action: "completed",
        check_run: { name: "lint", html_url: url("l"), conclusion: "success", check_suite: suite },
      },
      "lint success on main",
    ],
    [
      "check_run",
      {
        action: "completed",
        check_run: { name: "lint", html_url: null, conclusion: "failure", head_sha: "abcdef0123" },
      },
      "lint failure on abcdef0",
    ],
    ["check_suite", { action: "completed", check_suite: suite }, "Tests failure on main"],
    ["discussion", { action: "created", discussion: issue }, "Discussion created: #7 It breaks"],
    [
      "discussion_comment",
      { action: "created", discussion: issue, comment },
      "New comment on discussion #7: It breaks",
    ],
  ])("shows %s", async (event, payload, title) => {
    expect(await shown(event, payload)).toMatchObject({ title: `[octo/cat] ${title}` });
  });

  test("lists the commits of a push, each by its first line", async () => {
    const push = { ref: "refs/heads/main", compare: url("x"), commits: [commit(1), commit(2)] };
    const { description } = await shown("push", push);
    expect(description).toBe(
      "[`1111111`](https://example.com/1) Change 1 - Ada\n[`2222222`](https://example.com/2) Change 2 - Ada",
    );
  });

  test.each([
    ["ping", { zen: "Keep it logically awesome." }],
    ["issues", { action: "labeled", issue }],
    ["issue_comment", { action: "edited", issue, comment }],
    [
      "check_run",
      { action: "created", check_run: { name: "lint", html_url: url("l"), conclusion: null, check_suite: suite } },
    ],
    ["push", { ref: "refs/heads/gone", compare: url("x"), commits: [] }],
    ["workflow_run", { sender: {}, repository: [] }],
    ["constructor", {}],
    ["", {}],
  ])("takes %j and shows nothing", async (event, payload) => {
    expect(await shown(event, payload)).toBeUndefined();
  });

  test("is refused when it lacks what its event has", async () => {
    const hook = await newWebhook();
    const answer = await anybody.request("POST", `${hook.path}/github`, { sender }, { "x-github-event": "issues" });
    expect(answer.body).toMatchObject({
      code: 50035,
      errors: { issue: { _errors: [{ code: "BASE_TYPE_REQUIRED" }] } },
    });
    const event = { "x-github-event": "watch" };
    const unsigned = await anybody.request("POST", `${hook.path}/github`, { repository }, event);
    expect(unsigned.body.code).toBe(Code.InvalidFormBodyOrContentType);
  });
});
