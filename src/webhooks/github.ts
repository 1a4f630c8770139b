import { z } from "zod";
import { beginningOf } from "../../core/text.ts";
import { httpUrl } from "../fields.ts";
import type { Embed, WebhookMessage } from "../messages/body.ts";
import { parseForm } from "../validation.ts";
import { fitEmbed } from "./embeds.ts";

/**
 * What GitHub posts to a webhook, as far as it is shown; the rest of its large payloads is passed over.
 * https://docs.github.com/en/webhooks/webhook-events-and-payloads
 */
const text = z.string().max(152_133);
const user = z.object({ login: text, html_url: httpUrl, avatar_url: httpUrl });
const repository = z.object({ full_name: text, html_url: httpUrl });
const issue = z.object({ number: z.number(), title: text, html_url: httpUrl, body: text.nullish() });
const comment = z.object({ html_url: httpUrl, body: text.nullish() });
const commit = z.object({ id: text, url: httpUrl, message: text, author: z.object({ name: text }) });
const suite = z.object({ conclusion: text.nullish(), head_branch: text.nullish(), head_sha: text });
const action = text;
/** A commit's id as people read it. */
const short = (id: string): string => beginningOf(id, 7);

/** Looked into only for events that are shown. */
export const githubPayload = z.looseObject({});
const common = z.object({ sender: user, repository: repository.nullish() });

type Shown = Pick<Embed, "title" | "url" | "description" | "color"> | undefined;

const GREEN = 0x2da44e;
const RED = 0xcf222e;
const ORANGE = 0xe16f24;
const BLUE = 0x0969da;
const PURPLE = 0x8250df;
const GREY = 0x6e7781;
const OUTCOMES: Readonly<Record<string, number>> = {
  success: GREEN,
  failure: RED,
  approved: GREEN,
  changes_requested: RED,
};
const ACTIONS: Readonly<Record<string, number>> = { opened: GREEN, reopened: GREEN, created: GREEN, closed: RED };

/** What is done to a repository as a whole; changed settings are not worth a message. */
const REPOSITORY: Readonly<Record<string, number>> = {
  created: GREEN,
  deleted: RED,
  archived: GREY,
  unarchived: GREEN,
  renamed: BLUE,
  transferred: BLUE,
  privatized: GREY,
};

const on =
  <T>(schema: z.ZodType<T>, shown: (payload: T) => Shown) =>
  (payload: unknown): Shown =>
    shown(parseForm(schema, payload));

/**
 * By the header X-GitHub-Event, those that Discord supports; others are taken and not shown.
 * https://discord.com/developers/docs/resources/webhook#execute-githubcompatible-webhook
 */
const EVENTS: Readonly<Record<string, (payload: unknown) => Shown>> = {
  push: on(
    z.object({ ref: text, compare: httpUrl, forced: z.boolean().nullish(), commits: z.array(commit).max(1521) }),
    ({ ref, compare, forced, commits }) => {
      // Made and deleted branches come as events of their own.
      if (commits.length === 0 && forced !== true) return undefined;
      const branch = ref.replace(/^refs\/(heads|tags)\//, "");
      const lines = commits.map(({ id, url, message, author }) => {
        return `[\`${short(id)}\`](${url}) ${message.split("\n", 1)[0]} - ${author.name}`;
      });
      const what = forced === true ? "Force push" : `${commits.length} new commit${commits.length === 1 ? "" : "s"}`;
      return { title: `${what} on ${branch}`, url: compare, description: lines.join("\n"), color: BLUE };
    },
  ),
  create: on(
    z.object({ ref: text, ref_type: text, repository }),
    ({ ref, ref_type: kind, repository: { html_url } }) => {
      return { title: `New ${kind} created: ${ref}`, url: html_url, color: GREEN };
    },
  ),
  delete: on(
    z.object({ ref: text, ref_type: text, repository }),
    ({ ref, ref_type: kind, repository: { html_url } }) => {
      return { title: `Deleted ${kind}: ${ref}`, url: html_url, color: RED };
    },
  ),
  fork: on(z.object({ forkee: repository }), ({ forkee }) => {
    return { title: `Fork created: ${forkee.full_name}`, url: forkee.html_url, color: BLUE };
  }),
  watch: on(z.object({ repository }), ({ repository: { html_url: url } }) => {
    return { title: "New star added", url, color: ORANGE };
  }),
  public: on(z.object({ repository }), ({ repository: { html_url: url } }) => {
    return { title: "Now open source", url, color: GREEN };
  }),
  repository: on(z.object({ action, repository }), ({ action, repository: { html_url: url } }) => {
    const color = REPOSITORY[action];
    return color === undefined ? undefined : { title: `Repository ${action}`, url, color };
  }),
  member: on(z.object({ action, member: user }), ({ action, member }) => {
    return { title: `Collaborator ${action}: ${member.login}`, url: member.html_url, color: BLUE };
  }),
  issues: on(z.object({ action, issue }), ({ action, issue }) => about("Issue", action, issue)),
  pull_request: on(
    z.object({ action, pull_request: issue.extend({ merged: z.boolean().nullish() }) }),
    ({ action, pull_request: pull }) => {
      const merged = action === "closed" && pull.merged === true;
      return merged ? { ...about("Pull request", "merged", pull), color: PURPLE } : about("Pull request", action, pull);
    },
  ),
  discussion: on(z.object({ action, discussion: issue }), ({ action, discussion }) => {
    return about("Discussion", action, discussion);
  }),
  issue_comment: on(
    z.object({ action, issue: issue.extend({ pull_request: z.unknown().optional() }), comment }),
    ({ action, issue, comment }) => {
      return said(action, `New comment on ${issue.pull_request ? "pull request" : "issue"}`, issue, comment);
    },
  ),
  discussion_comment: on(z.object({ action, discussion: issue, comment }), ({ action, discussion, comment }) => {
    return said(action, "New comment on discussion", discussion, comment);
  }),
  pull_request_review_comment: on(
    z.object({ action, pull_request: issue, comment }),
    ({ action, pull_request: pull, comment }) => said(action, "New review comment on pull request", pull, comment),
  ),
  pull_request_review: on(
    z.object({ action, pull_request: issue, review: comment.extend({ state: text }) }),
    ({ action, pull_request: pull, review }) => {
      if (action !== "submitted") return undefined;
      const shown = said("created", `Pull request review (${review.state.replaceAll("_", " ")}) on`, pull, review);
      return { ...shown, color: OUTCOMES[review.state] ?? GREY };
    },
  ),
  commit_comment: on(z.object({ comment: comment.extend({ commit_id: text }) }), ({ comment }) => {
    const title = `New comment on commit ${short(comment.commit_id)}`;
    return { title, url: comment.html_url, description: comment.body, color: ORANGE };
  }),
  release: on(
    z.object({ action, release: z.object({ html_url: httpUrl, tag_name: text, body: text.nullish() }) }),
    ({ action, release }) => {
      if (action !== "published") return undefined;
      const title = `New release published: ${release.tag_name}`;
      return { title, url: release.html_url, description: release.body, color: GREEN };
    },
  ),
  check_run: on(
    z.object({
      check_run: z.object({
        name: text,
        html_url: httpUrl.nullish(),
        conclusion: text.nullish(),
        head_sha: text.optional(),
        // Null when the suite is gone.
        check_suite: suite.nullish(),
      }),
    }),
    ({ check_run: run }) => checked(run.name, run.conclusion, run.check_suite ?? run, run.html_url),
  ),
  check_suite: on(
    z.object({ check_suite: suite.extend({ app: z.object({ name: text }) }), repository }),
    ({ check_suite: done, repository: { html_url } }) => checked(done.app.name, done.conclusion, done, html_url),
  ),
};

/** What happens to issues and the like often is labels and assignments: those are not worth a message. */
function about(kind: string, action: string, subject: z.infer<typeof issue>): Shown {
  const fresh = action === "opened" || action === "created";
  if (!fresh && !["closed", "reopened", "merged", "answered"].includes(action)) return undefined;
  const { number, title, html_url: url, body } = subject;
  const color = ACTIONS[action] ?? GREY;
  return { title: `${kind} ${action}: #${number} ${title}`, url, color, ...(fresh ? { description: body } : {}) };
}

function said(
  action: string,
  what: string,
  { number, title }: z.infer<typeof issue>,
  { html_url: url, body }: z.infer<typeof comment>,
): Shown {
  if (action !== "created") return undefined;
  return { title: `${what} #${number}: ${title}`, url, description: body, color: ORANGE };
}

function checked(
  name: string,
  conclusion: string | null | undefined,
  { head_branch: branch, head_sha: sha }: Partial<Pick<z.infer<typeof suite>, "head_branch" | "head_sha">>,
  url: string | null | undefined,
): Shown {
  if (!conclusion) return undefined;
  const title = `${name} ${conclusion} on ${branch ?? short(sha ?? "?")}`;
  return { title, url, color: OUTCOMES[conclusion] ?? GREY };
}

/**
 * An event of GitHub's as a message.
 * @returns undefined for one that is not shown
 * @throws 50035 for an event that lacks what it should have
 */
export function fromGithub(
  event: string | undefined,
  payload: z.infer<typeof githubPayload>,
): WebhookMessage | undefined {
  const shown = event !== undefined && Object.hasOwn(EVENTS, event) ? EVENTS[event]?.(payload) : undefined;
  if (shown === undefined) return undefined;
  const { sender, repository } = parseForm(common, payload);
  const title = repository ? `[${repository.full_name}] ${shown.title}` : shown.title;
  const author = { name: sender.login, url: sender.html_url, icon_url: sender.avatar_url };
  return { username: "GitHub", embeds: [fitEmbed({ ...shown, title, author })], allowed_mentions: { parse: [] } };
}
