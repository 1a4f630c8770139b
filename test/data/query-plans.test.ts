import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { PLANNER } from "../../core/db.ts";
import * as snapshots from "../../core/store/guild-snapshot.ts";
import * as search from "../../core/store/member-search.ts";
import { growGuild } from "../../loadtest/bench/huge-guild.ts";
import { joinAll, makeGuilds, makeMessages, makePeople } from "../../loadtest/bench/world.ts";
import * as access from "../../src/store/access.ts";
import * as applications from "../../src/store/applications.ts";
import * as audit from "../../src/store/audit-log.ts";
import * as bans from "../../src/store/bans.ts";
import * as channels from "../../src/store/channels.ts";
import * as rules from "../../src/store/command-permissions.ts";
import * as commands from "../../src/store/commands.ts";
import * as crossposts from "../../src/store/crossposts.ts";
import * as deliveries from "../../src/store/event-deliveries.ts";
import * as endpoints from "../../src/store/event-endpoints.ts";
import * as files from "../../src/store/files.ts";
import * as guilds from "../../src/store/guilds.ts";
import * as images from "../../src/store/images.ts";
import * as integrations from "../../src/store/integrations.ts";
import * as invites from "../../src/store/invites.ts";
import * as members from "../../src/store/members.ts";
import * as messages from "../../src/store/messages.ts";
import * as authorizations from "../../src/store/oauth2-authorizations.ts";
import * as pins from "../../src/store/pins.ts";
import * as polls from "../../src/store/polls.ts";
import * as reactions from "../../src/store/reactions.ts";
import * as roles from "../../src/store/roles.ts";
import * as keys from "../../src/store/signing-keys.ts";
import * as temporary from "../../src/store/temporary-members.ts";
import * as threadMembers from "../../src/store/thread-members.ts";
import * as threads from "../../src/store/threads.ts";
import * as users from "../../src/store/users.ts";
import * as webhooks from "../../src/store/webhooks.ts";
import { startStores } from "../harness/platform.ts";

// Postgres' own word (EXPLAIN ANALYZE) on every list that the stores read, in a guild of 100,000 members, 500 channels,
// 250 roles, 20,000 bans, a log of 100,000 entries, a channel of a million messages and one of 100,000 archived threads.

/** Rows that one step of a plan may touch: a page and what hangs on it, or all the channels and roles of a guild. */
const MOST_ROWS = 5000;

const { databaseUrl } = await startStores();
/** Statements as they were sent, with their parameters. */
let sent: { text: string; parameters: unknown[] }[] = [];
const sql = postgres(databaseUrl, {
  max: 4,
  connection: PLANNER,
  onnotice: () => {},
  debug: (_connection, text, parameters) => sent.push({ text, parameters }),
});
const plain = postgres(databaseUrl, { max: 1, connection: PLANNER, onnotice: () => {} });
afterAll(() => Promise.all([sql.end({ timeout: 1 }), plain.end({ timeout: 1 })]));

const [owner, other] = await makePeople(plain, 2);
if (owner === undefined || other === undefined) throw new Error("no people");
const [guild, small] = await makeGuilds(plain, 2, owner);
if (guild === undefined || small === undefined) throw new Error("no guilds");
await joinAll(plain, guild, [owner]);
await joinAll(plain, small, [owner, other]);
await makeMessages(plain, small, owner, 1000);
await growGuild(plain, guild, owner.id, { messages: 1_000_000, members: 100_000, channels: 500, roles: 250 });
const { id: guildId, channelId } = guild;
/** As huge-guild.ts numbers them. */
const nth = (n: number) => String(10n ** 17n + BigInt(n));
const [user, message, thread, forum] = [nth(50_000), nth(500_000), nth(1_000_050), nth(7)];
await growTheRest();

const place = { type: "guild", id: channelId } as const;
const page = { limit: 100 };
const manyUsers = Array.from({ length: 100 }, (_, i) => nth(i * 700 + 1));

/** How each list is asked for. A new one that is not here fails the test below. */
const cases: Record<string, () => Promise<unknown>> = {
  guildStanding: () => Promise.all([user, owner.id].map((userId) => access.guildStanding(sql, { guildId, userId }))),
  wholeStanding: () => access.wholeStanding(sql, guildId, user),
  guildToShow: () => access.guildToShow(sql, guildId, user),
  memberToShow: () =>
    Promise.all([user, owner.id].map((targetId) => access.memberToShow(sql, { guildId, userId: owner.id, targetId }))),
  channelStanding: () =>
    Promise.all([user, owner.id].map((userId) => access.channelStanding(sql, { channelId, userId }))),
  memberStanding: () => access.memberStanding(sql, guildId, user),
  listApplicationsOf: () => applications.listApplicationsOf(sql, owner.id),
  countApplicationsOf: () => applications.countApplicationsOf(sql, owner.id),
  listAuditLog: async () => {
    for (const narrow of [{}, { user_id: user }, { target_id: user }, { action_type: 24 }, { before: nth(50_000) }]) {
      await audit.listAuditLog(sql, guildId, { ...page, ...narrow });
    }
    await audit.listAuditLog(sql, guildId, { ...page, after: nth(50_000) });
  },
  listBans: async () => {
    await bans.listBans(sql, guildId, { limit: 1000, after: user });
    await bans.listBans(sql, guildId, { limit: 1000, before: user });
  },
  listChannels: () => channels.listChannels(sql, guildId),
  listChildren: () => channels.listChildren(sql, { id: channelId, type: 4 }),
  listCommandRules: () => rules.listCommandRules(sql, guildId, user),
  listCommands: () => commands.listCommands(sql, { applicationId: user, guildId }),
  searchCommandsInGuild: () => rules.searchCommandsInGuild(sql, guildId, { limit: 25, query: "p" }),
  listDeliveries: async () => {
    for (const states of [["dead"], ["dead", "delivered"], ["pending"]] as const) {
      await deliveries.listDeliveries(sql, user, { states, limit: 100 });
      await deliveries.listDeliveries(sql, user, { before: message, states, limit: 100 });
    }
  },
  listAttempts: () => deliveries.listAttempts(sql, message),
  listEndpointsOf: () => endpoints.listEndpointsOf(sql, guildId),
  listIntegrations: () => integrations.listIntegrations(sql, guildId),
  listAuthorizations: () => authorizations.listAuthorizations(sql, user),
  listSigningKeys: () => keys.listSigningKeys(sql),
  listFollowers: () => crossposts.listFollowers(sql, channelId, "0", 100),
  listCopies: () => crossposts.listCopies(sql, message, "0", 100),
  dueFiles: () => files.dueFiles(sql, new Date(), 100),
  dueImages: () => images.dueImages(sql, new Date(), 100),
  listGuildsOf: () => guilds.listGuildsOf(sql, user, { limit: 200 }),
  listGuildIdsOf: () => guilds.listGuildIdsOf(sql, user, 200),
  countGuildsOf: () => guilds.countGuildsOf(sql, user),
  listGuildInvites: () => invites.listGuildInvites(sql, guildId),
  listChannelInvites: () => invites.listChannelInvites(sql, channelId),
  countInvites: () => invites.countInvites(sql, guildId),
  membersAmong: () => members.membersAmong(sql, guildId, manyUsers),
  listMessages: async () => {
    for (const where of [{}, { before: message }, { after: message }, { around: message }]) {
      await messages.listMessages(sql, place, { ...page, ...where }, user);
    }
  },
  selectMessages: () => messages.selectMessages(sql, user, sql`where msg.id = ${message}`),
  countPins: () => sql.begin((tx) => pins.countPins(tx, place)),
  listPins: () => pins.listPins(sql, place, { limit: 50, before: new Date() }, user),
  listVoters: () => polls.listVoters(sql, message, 1, { limit: 100, after: user }),
  listDuePolls: () => polls.listDuePolls(sql, 100),
  listReactionEmojis: () => reactions.listReactionEmojis(sql, message),
  listReactionUsers: () => reactions.listReactionUsers(sql, message, "👍", { limit: 100, after: user }),
  listRoles: () => roles.listRoles(sql, guildId),
  managedRoleIds: () => roles.managedRoleIds(sql, guildId, user),
  mentionableRoles: () => roles.mentionableRoles(sql, guildId, [nth(3), nth(4)], false),
  listTemporaryMembers: () => temporary.listTemporaryMembers(sql, { server_id: "0", user_id: "0" }, 60, 100),
  listThreadMembers: () => threadMembers.listThreadMembers(sql, thread, { limit: 100, after: user }),
  notJoined: () => threadMembers.notJoined(sql, thread, manyUsers),
  countThreadMembers: () => threadMembers.countThreadMembers(sql, thread),
  joinedAmong: () => threadMembers.joinedAmong(sql, user, [thread]),
  countActiveThreads: () => threads.countActiveThreads(sql, guildId),
  countPinnedPosts: () => threads.countPinnedPosts(sql, forum, 2),
  listActiveThreads: () => threads.listActiveThreads(sql, guildId),
  listArchivedThreads: async () => {
    await threads.listArchivedThreads(sql, forum, { private: false, before: new Date(), limit: 100 });
    await threads.listArchivedThreads(sql, forum, { private: false, before: undefined, limit: 100 });
  },
  listJoinedArchivedThreads: () =>
    threads.listJoinedArchivedThreads(sql, forum, user, { before: undefined, limit: 100 }),
  listDueThreads: () => threads.listDueThreads(sql, 100),
  findUsers: () => users.findUsers(sql, manyUsers),
  listChannelWebhooks: () => webhooks.listChannelWebhooks(sql, channelId),
  listGuildWebhooks: () => webhooks.listGuildWebhooks(sql, guildId),
  memberGuildIds: () => snapshots.memberGuildIds(sql, user),
  memberGuildCount: () => snapshots.memberGuildCount(sql, user),
  guildSnapshots: () => snapshots.guildSnapshots(sql, [guildId], user),
  memberships: () => snapshots.memberships(sql, [guildId], user),
  threadsById: () => snapshots.threadsById(sql, guildId, [thread], [user]),
  firstMembers: () => snapshots.firstMembers(sql, guildId, 1000),
  membersByIds: () => search.membersByIds(sql, guildId, manyUsers),
  membersByPrefix: () => search.membersByPrefix(sql, guildId, "huge77", 100),
  membersAfter: () => search.membersAfter(sql, guildId, user, 1000),
  memberCount: () => search.memberCount(sql, guildId),
};

test.each(Object.entries(cases))("%s reads what it answers, not the table", async (_name, ask) => {
  sent = [];
  await ask();
  const queries = sent.filter(({ text }) => /^\s*(with|select)\b/i.test(text) && !text.includes("pg_catalog"));
  expect(queries.length).toBeGreaterThan(0);
  for (const { text, parameters } of queries) expect(await tooMuch(text, parameters)).toEqual([]);
});

test("a statement that reads the table is seen", async () => {
  expect(await tooMuch("select count(*) from messages where content = $1", ["x"])).not.toEqual([]);
});

test("no list of the stores is left out", async () => {
  const lists =
    /^(list|search|due|members|first|count|memberGuild|guildSnapshots|threadsById)|Standing$|ToShow$|Among$/;
  const names: string[] = [];
  for (const folder of ["../../src/store/", "../../core/store/"]) {
    const path = fileURLToPath(new URL(folder, import.meta.url));
    for (const file of readdirSync(path)) names.push(...Object.keys(await import(path + file)));
  }
  expect(names.filter((name) => lists.test(name) && cases[name] === undefined && !WRITES.includes(name))).toEqual([]);
});

/** They change what they count. */
const WRITES = ["countIntoEntry", "countIntoLimit", "countCreates", "countFailure"];

/** Steps of the plan that touch more rows than they may. */
async function tooMuch(text: string, parameters: unknown[]): Promise<string[]> {
  const [row] = await plain.unsafe(
    `explain (analyze, timing off, format json) ${text}`,
    parameters.map((one) => (one instanceof Date ? one.toISOString() : one)) as string[],
    { prepare: true },
  );
  const [{ Plan: plan }] = explained.parse(row?.["QUERY PLAN"]);
  const steps = (step: Step): Step[] => [step, ...(step.Plans ?? []).flatMap(steps)];
  return steps(plan)
    .filter((step) => rowsOf(step) > MOST_ROWS)
    .map((step) => `${step["Node Type"]} ${step["Relation Name"] ?? ""}: ${rowsOf(step)} rows, in ${text}`);
}

const rowsOf = (step: Step): number =>
  (step["Actual Rows"] + (step["Rows Removed by Filter"] ?? 0)) * step["Actual Loops"];

interface Step {
  "Node Type": string;
  "Relation Name"?: string | undefined;
  "Actual Rows": number;
  "Actual Loops": number;
  "Rows Removed by Filter"?: number | undefined;
  Plans?: Step[] | undefined;
}
const step: z.ZodType<Step> = z.object({
  "Node Type": z.string(),
  "Relation Name": z.string().optional(),
  "Actual Rows": z.number(),
  "Actual Loops": z.number(),
  "Rows Removed by Filter": z.number().optional(),
  get Plans() {
    return z.array(step).optional();
  },
});
const explained = z.tuple([z.object({ Plan: step })]);

/** What hangs on the guild beside members and messages. */
async function growTheRest(): Promise<void> {
  await plain.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`
      insert into server_bans (server_id, user_id)
      select ${guildId}::bigint, ${nth(0)}::bigint + n * 5 from generate_series(1, 20000) n`;
    await tx`
      insert into audit_log (id, server_id, action_type, user_id, target_id)
      select ${nth(0)}::bigint + n, ${guildId}::bigint, 20 + n % 10, ${nth(0)}::bigint + n % 50, ${nth(0)}::bigint + n
      from generate_series(1, 100000) n`;
    await tx`insert into message_reactions values (${message}, '👍', null, '👍', false, 1, 20000)`;
    await tx`
      insert into message_reaction_users (message_id, emoji, user_id)
      select ${message}::bigint, '👍', ${nth(0)}::bigint + n * 5 from generate_series(1, 20000) n`;
    const asked = { question: { text: "?" }, answers: [], allow_multiselect: false, layout_type: 1 };
    await tx`update messages set poll = ${JSON.stringify(asked)}::text::jsonb where id = ${message}`;
    // Every hundredth is over.
    await tx`
      insert into polls (message_id, expires_at)
      select ${nth(480_000)}::bigint + n, now() + make_interval(secs => case when n % 100 = 0 then -60 else 3600 end)
      from generate_series(1, 20000) n`;
    await tx`insert into poll_answers (message_id, answer_id, count) values (${message}, 1, 20000)`;
    await tx`
      insert into poll_votes (message_id, answer_id, user_id)
      select ${message}::bigint, 1, ${nth(0)}::bigint + n * 5 from generate_series(1, 20000) n`;
    await tx`
      insert into channels (id, server_id, name, type, parent_id)
      select ${nth(1_000_000)}::bigint + n, ${guildId}::bigint, 'thread ' || n, 11, ${forum}::bigint
      from generate_series(1, 100000) n`;
    await tx`
      insert into threads (channel_id, server_id, parent_id, private, owner_id, archived, archive_timestamp,
        auto_archive_duration, archive_due)
      select ${nth(1_000_000)}::bigint + n, ${guildId}::bigint, ${forum}::bigint, false, ${owner?.id ?? "0"}::bigint,
        n > 100, now() - n * interval '1 minute', 1440, now() + interval '1 day'
      from generate_series(1, 100000) n`;
    await tx`
      insert into thread_members (thread_id, user_id)
      select ${thread}::bigint, ${nth(0)}::bigint + n * 100 from generate_series(1, 1000) n`;
    // Of a busy endpoint, and of another beside it.
    await tx`
      insert into webhook_queue (endpoint_id, event_id, event_type, server_id, state)
      select case when n % 4 = 0 then ${user}::bigint else 1 end, n, 'MESSAGE_CREATE', ${guildId}::bigint,
        case when n % 100 = 0 then 'retry' else 'first' end
      from generate_series(1, 40000) n`;
    await tx`
      insert into webhook_deliveries (id, endpoint_id, event_id, event_type, server_id, state, attempts, created_at)
      select ${message}::bigint - n, case when n % 4 = 0 then ${user}::bigint else 1 end, n, 'MESSAGE_CREATE',
        ${guildId}::bigint, case when n % 3 = 0 then 'dead' else 'delivered' end, 1, now()
      from generate_series(1, 40000) n`;
    await tx`
      insert into webhook_attempts (delivery_id, endpoint_id, attempt, started_at, latency_ms, request_headers)
      select ${message}::bigint - n / 4, ${user}::bigint, n % 4, now(), 5, '{}' from generate_series(1, 40000) n`;
    await tx`update messages set pinned_at = now() - (id % 1000) * interval '1 s'
      where channel_id = ${channelId} and id % 5000 = 0`;
  });
  await plain`analyze`;
}
