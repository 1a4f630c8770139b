import { AuditLogEvent } from "discord-api-types/v10";
import postgres from "postgres";
import { afterAll, describe, expect, test } from "vitest";
import { firstIdAt } from "../../core/snowflake.ts";
import { deleteOldAuditEntries } from "../../src/store/audit-log.ts";
import type { Client, Json } from "../harness/client.ts";
import { png } from "../harness/forms.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";
import { expectShape } from "./shape.ts";

const platform = await startPlatform();
const sql = postgres(platform.stores.databaseUrl, { max: 2, onnotice: () => {} });
afterAll(() => sql.end());
const owner = await platform.person("owner");
const guild = await platform.guild(owner, "Audited");
const logs = `/guilds/${guild.id}/audit-logs`;
const IMAGE = `data:image/png;base64,${png(2, 2).toString("base64")}`;

const log = async (query = "", client: Client = owner, path = logs): Promise<Json> => {
  const body = await client.get(`${path}${query}`);
  expectShape("GuildAuditLogResponse", body);
  return body;
};
/** The newest entry of an action. */
const last = async (action: AuditLogEvent): Promise<Json> =>
  (await log(`?action_type=${action}&limit=1`)).audit_log_entries[0];
/** Its changes by key, as [old, new]. */
const changed = (entry: Json): Json =>
  Object.fromEntries(entry.changes.map((c: Json) => [c.key, [c.old_value ?? null, c.new_value ?? null]]));

async function member(name = "member", permissions?: bigint): Promise<Client> {
  const client = await platform.person(name);
  await platform.join(owner, guild, client);
  if (permissions === undefined) return client;
  const role = await owner.post(`/guilds/${guild.id}/roles`, { name, permissions: String(permissions) });
  await owner.put(`/guilds/${guild.id}/members/${client.id}/roles/${role.id}`);
  return client;
}

describe("an entry tells what was changed:", () => {
  test("the guild", async () => {
    await owner.patch(`/guilds/${guild.id}`, { name: "Renamed", icon: IMAGE, description: "about", afk_timeout: 60 });
    const entry = await last(AuditLogEvent.GuildUpdate);
    expect(entry).toMatchObject({ user_id: owner.id, target_id: guild.id });
    expect(entry).not.toHaveProperty("options");
    expect(entry).not.toHaveProperty("reason");
    const icon = (await owner.get(`/guilds/${guild.id}`)).icon;
    expect(changed(entry)).toEqual({
      name: ["Audited", "Renamed"],
      icon_hash: [null, icon],
      description: [null, "about"],
      afk_timeout: [300, 60],
    });
    // What was null before has no old value, what is null now no new one.
    expect(entry.changes.find((c: Json) => c.key === "description")).toEqual({
      key: "description",
      new_value: "about",
    });
    await owner.patch(`/guilds/${guild.id}`, { description: null });
    expect((await last(AuditLogEvent.GuildUpdate)).changes).toEqual([{ key: "description", old_value: "about" }]);
    // A change that changes nothing makes no entry.
    const before = await last(AuditLogEvent.GuildUpdate);
    await owner.patch(`/guilds/${guild.id}`, { name: "Renamed" });
    expect(await last(AuditLogEvent.GuildUpdate)).toEqual(before);
  });

  test("channels", async () => {
    const made = await owner.post(`/guilds/${guild.id}/channels`, { name: "made", topic: "topic" });
    const create = await last(AuditLogEvent.ChannelCreate);
    expect(create).toMatchObject({ user_id: owner.id, target_id: made.id });
    expect(changed(create)).toMatchObject({
      name: [null, "made"],
      type: [null, 0],
      topic: [null, "topic"],
      permission_overwrites: [null, []],
      nsfw: [null, false],
    });
    await owner.patch(`/channels/${made.id}`, { name: "moved", topic: null, nsfw: true });
    expect(changed(await last(AuditLogEvent.ChannelUpdate))).toEqual({
      name: ["made", "moved"],
      topic: ["topic", null],
      nsfw: [false, true],
    });
    await owner.patch(`/guilds/${guild.id}/channels`, [{ id: made.id, position: 7 }]);
    expect(changed(await last(AuditLogEvent.ChannelUpdate))).toEqual({ position: [made.position, 7] });
    await owner.delete(`/channels/${made.id}`);
    const gone = await last(AuditLogEvent.ChannelDelete);
    expect(gone.target_id).toBe(made.id);
    expect(changed(gone)).toMatchObject({ name: ["moved", null], type: [0, null] });
  });

  test("overwrites, each by itself, of roles and of members", async () => {
    const channel = await owner.post(`/guilds/${guild.id}/channels`, { name: "overwritten" });
    const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "muted" });
    const guest = await member("guest");
    await owner.put(`/channels/${channel.id}/permissions/${role.id}`, { type: 0, allow: "1024", deny: "2048" });
    const create = await last(AuditLogEvent.ChannelOverwriteCreate);
    expect(create).toMatchObject({ target_id: channel.id, options: { id: role.id, type: "0", role_name: "muted" } });
    expect(changed(create)).toEqual({
      id: [null, role.id],
      type: [null, 0],
      allow: [null, "1024"],
      deny: [null, "2048"],
    });
    await owner.patch(`/channels/${channel.id}`, {
      permission_overwrites: [
        { id: role.id, type: 0, allow: "0", deny: "2048" },
        { id: guest.id, type: 1, allow: "0", deny: "1024" },
      ],
    });
    const ofMember = await last(AuditLogEvent.ChannelOverwriteCreate);
    expect(ofMember.options).toEqual({ id: guest.id, type: "1" });
    expect(changed(await last(AuditLogEvent.ChannelOverwriteUpdate))).toEqual({ allow: ["1024", "0"] });
    expect((await last(AuditLogEvent.ChannelUpdate))?.target_id).not.toBe(channel.id);
    await owner.delete(`/channels/${channel.id}/permissions/${role.id}`);
    const gone = await last(AuditLogEvent.ChannelOverwriteDelete);
    expect(gone).toMatchObject({ target_id: channel.id, options: { id: role.id, role_name: "muted" } });
    expect(changed(gone)).toMatchObject({ allow: ["0", null], deny: ["2048", null] });
  });

  test("roles, their permissions as text, and who has them", async () => {
    const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "made", permissions: "1024", color: 5 });
    const create = await last(AuditLogEvent.RoleCreate);
    expect(create.target_id).toBe(role.id);
    expect(changed(create)).toMatchObject({ name: [null, "made"], permissions: [null, "1024"], color: [null, 5] });
    await owner.patch(`/guilds/${guild.id}/roles/${role.id}`, { permissions: "3072", hoist: true });
    expect(changed(await last(AuditLogEvent.RoleUpdate))).toEqual({
      permissions: ["1024", "3072"],
      hoist: [false, true],
    });
    const [first, second] = [role, await owner.post(`/guilds/${guild.id}/roles`, { name: "second" })];
    const guest = await member("holder");
    await owner.put(`/guilds/${guild.id}/members/${guest.id}/roles/${first.id}`);
    await owner.patch(`/guilds/${guild.id}/members/${guest.id}`, { roles: [second.id] });
    const entry = await last(AuditLogEvent.MemberRoleUpdate);
    expect(entry).toMatchObject({ user_id: owner.id, target_id: guest.id });
    expect(entry.changes).toEqual([
      { key: "$add", new_value: [{ id: second.id, name: "second" }] },
      { key: "$remove", new_value: [{ id: first.id, name: "made" }] },
    ]);
    await owner.patch(`/guilds/${guild.id}/roles`, [{ id: first.id, position: 2 }]);
    expect(await last(AuditLogEvent.RoleUpdate)).toMatchObject({ target_id: first.id });
    await owner.delete(`/guilds/${guild.id}/roles/${second.id}`);
    expect(changed(await last(AuditLogEvent.RoleDelete))).toMatchObject({ name: ["second", null] });
  });

  test("members: names, timeouts, kicks, bans, bots that are added", async () => {
    const guest = await member("moderated");
    await guest.patch(`/guilds/${guild.id}/members/@me`, { nick: "own" });
    const own = await last(AuditLogEvent.MemberUpdate);
    expect([own.user_id, own.target_id, changed(own)]).toEqual([guest.id, guest.id, { nick: [null, "own"] }]);
    const until = new Date(Date.now() + 60_000).toISOString();
    await owner.patch(`/guilds/${guild.id}/members/${guest.id}`, { nick: null, communication_disabled_until: until });
    expect(changed(await last(AuditLogEvent.MemberUpdate))).toEqual({
      nick: ["own", null],
      communication_disabled_until: [null, until.replace("Z", "000+00:00")],
    });
    await owner.delete(`/guilds/${guild.id}/members/${guest.id}`);
    const kick = await last(AuditLogEvent.MemberKick);
    expect(kick).toEqual({ id: kick.id, action_type: 20, user_id: owner.id, target_id: guest.id });
    await owner.put(`/guilds/${guild.id}/bans/${guest.id}`, {});
    await owner.put(`/guilds/${guild.id}/bans/${guest.id}`, {});
    expect((await log(`?action_type=22&target_id=${guest.id}`)).audit_log_entries).toHaveLength(1);
    await owner.delete(`/guilds/${guild.id}/bans/${guest.id}`);
    expect(await last(AuditLogEvent.MemberBanRemove)).toMatchObject({ target_id: guest.id });
    const bot = await platform.bot(owner, guild.id);
    expect(await last(AuditLogEvent.BotAdd)).toMatchObject({ user_id: owner.id, target_id: bot.id });
    // Who leaves by itself is in nobody's log.
    const leaver = await member("leaver");
    await leaver.delete(`/users/@me/guilds/${guild.id}`);
    expect((await log(`?target_id=${leaver.id}`)).audit_log_entries).toEqual([]);
  });

  test("invites and webhooks", async () => {
    const invite = await owner.post(`/channels/${guild.channelId}/invites`, { max_age: 60, unique: true });
    const create = await last(AuditLogEvent.InviteCreate);
    expect(create.target_id).toBeNull();
    expect(changed(create)).toEqual({
      code: [null, invite.code],
      channel_id: [null, guild.channelId],
      inviter_id: [null, owner.id],
      max_age: [null, 60],
      max_uses: [null, 0],
      uses: [null, 0],
      temporary: [null, false],
    });
    await owner.delete(`/invites/${invite.code}`);
    expect(changed(await last(AuditLogEvent.InviteDelete))).toMatchObject({ code: [invite.code, null] });

    const hook = await owner.post(`/channels/${guild.channelId}/webhooks`, { name: "hook" });
    expect(changed(await last(AuditLogEvent.WebhookCreate))).toMatchObject({ name: [null, "hook"], type: [null, 1] });
    const patched = await owner.patch(`/webhooks/${hook.id}`, { avatar: IMAGE });
    expect(changed(await last(AuditLogEvent.WebhookUpdate))).toEqual({ avatar_hash: [null, patched.avatar] });
    const listed = await log(`?action_type=${AuditLogEvent.WebhookUpdate}`);
    expect(listed.webhooks).toMatchObject([{ id: hook.id, name: "hook", user: { id: owner.id } }]);
    expect(JSON.stringify(listed)).not.toContain(hook.token);
    // Who has only the token is nobody.
    await platform.anonymous().patch(`/webhooks/${hook.id}/${hook.token}`, { name: "renamed" });
    expect(await last(AuditLogEvent.WebhookUpdate)).toMatchObject({ user_id: null, target_id: hook.id });
    await platform.anonymous().delete(`/webhooks/${hook.id}/${hook.token}`);
    expect(await last(AuditLogEvent.WebhookDelete)).toMatchObject({ user_id: null, target_id: hook.id });
  });

  test("threads, which are listed with their entries", async () => {
    const thread = await owner.post(`/channels/${guild.channelId}/threads`, { name: "thread", type: 11 });
    const create = await log(`?action_type=${AuditLogEvent.ThreadCreate}`);
    expect(create.threads).toMatchObject([{ id: thread.id, name: "thread" }]);
    expect(changed(create.audit_log_entries[0])).toMatchObject({
      name: [null, "thread"],
      type: [null, 11],
      archived: [null, false],
      locked: [null, false],
    });
    await owner.patch(`/channels/${thread.id}`, { name: "renamed", locked: true });
    expect(changed(await last(AuditLogEvent.ThreadUpdate))).toEqual({
      name: ["thread", "renamed"],
      locked: [false, true],
    });
    await owner.delete(`/channels/${thread.id}`);
    const gone = await log(`?action_type=${AuditLogEvent.ThreadDelete}`);
    expect(gone.threads).toEqual([]);
    expect(gone.audit_log_entries[0].target_id).toBe(thread.id);
  });

  test("messages: pins, those of others that are deleted, and many at once", async () => {
    const guest = await member("writer");
    const say = async (client: Client) =>
      (await client.post(`/channels/${guild.channelId}/messages`, { content: "x" })).id;
    const mine = await say(guest);
    await owner.put(`/channels/${guild.channelId}/messages/pins/${mine}`);
    const pinned = { channel_id: guild.channelId, message_id: mine };
    expect(await last(AuditLogEvent.MessagePin)).toMatchObject({ target_id: guest.id, options: pinned });
    await owner.delete(`/channels/${guild.channelId}/pins/${mine}`);
    expect(await last(AuditLogEvent.MessageUnpin)).toMatchObject({ target_id: guest.id, options: pinned });

    await guest.delete(`/channels/${guild.channelId}/messages/${mine}`);
    expect((await log(`?action_type=72`)).audit_log_entries).toEqual([]);
    const bulk = [await say(guest), await say(owner), await say(guest)];
    await owner.post(`/channels/${guild.channelId}/messages/bulk-delete`, { messages: bulk });
    const entry = await last(AuditLogEvent.MessageBulkDelete);
    expect(entry).toMatchObject({ user_id: owner.id, target_id: guild.channelId, options: { count: "3" } });
  });
});

describe("deleting one message after the other", () => {
  const remove = async (author: Client, by: Client, channelId: string, reason?: string) => {
    const { id } = await author.post(`/channels/${channelId}/messages`, { content: "x" });
    const headers: Record<string, string> = reason === undefined ? {} : { "x-audit-log-reason": reason };
    const answer = await by.request("DELETE", `/channels/${channelId}/messages/${id}`, undefined, headers);
    expect(answer.status).toBe(204);
  };
  const counts = async (userId: string): Promise<string[]> =>
    (await log(`?action_type=72&user_id=${userId}`)).audit_log_entries.map((entry: Json) => entry.options.count);

  test("is counted in one entry for the same person, author, channel and reason", async () => {
    const [first, second] = [await member("first"), await member("second")];
    const moderator = await member("moderator", 1n << 13n);
    const other = await owner.post(`/guilds/${guild.id}/channels`, { name: "other" });
    for (let i = 0; i < 3; i++) await remove(first, moderator, guild.channelId);
    expect(await counts(moderator.id)).toEqual(["3"]);
    await remove(second, moderator, guild.channelId);
    await remove(first, moderator, other.id);
    await remove(first, moderator, guild.channelId, "spam");
    await remove(first, moderator, guild.channelId);
    expect(await counts(moderator.id)).toEqual(["1", "1", "1", "4"]);
    // An old entry is left as it is.
    await sql`update audit_log set id = ${firstIdAt(Date.now() - 6 * 60_000)} where user_id = ${moderator.id}
      and options ->> 'count' = '4'`;
    await remove(first, moderator, guild.channelId);
    expect((await counts(moderator.id)).sort()).toEqual(["1", "1", "1", "1", "4"]);
  });

  test("by many requests at once loses no count", async () => {
    const [author, moderator] = [await member("author"), await member("busy", 1n << 13n)];
    await Promise.all(Array.from({ length: 12 }, () => remove(author, moderator, guild.channelId)));
    expect(await counts(moderator.id)).toEqual(["12"]);
  });
});

describe("a reason", () => {
  const rename = (reason: string, name: string) =>
    owner.request("PATCH", `/guilds/${guild.id}`, { name }, { "x-audit-log-reason": reason });

  test("is URL-encoded, and kept as it was meant", async () => {
    const reason = "Grüße – 100 % 🎉";
    expect((await rename(encodeURIComponent(reason), "reason one")).status).toBe(200);
    expect(await last(AuditLogEvent.GuildUpdate)).toMatchObject({ reason });
    expect((await rename("100% sure", "reason two")).status).toBe(200);
    expect((await last(AuditLogEvent.GuildUpdate)).reason).toBe("100% sure");
    expect((await rename(encodeURIComponent("é".repeat(512)), "reason three")).status).toBe(200);
  });

  test("of more than 512 characters is refused, and nothing is changed", async () => {
    const answer = await rename("x".repeat(513), "too long");
    expect(answer).toMatchObject({ status: 400, body: { code: 50035 } });
    expect((await owner.get(`/guilds/${guild.id}`)).name).not.toBe("too long");
  });
});

describe("the log", () => {
  test("is for those with VIEW_AUDIT_LOG, of their guild alone", async () => {
    const guest = await member("curious", (1n << 5n) | (1n << 2n));
    await refused(Code.MissingPermissions, guest, "GET", logs);
    const viewer = await member("viewer", 1n << 7n);
    expect((await log("?limit=5", viewer)).audit_log_entries).toHaveLength(5);
    const other = await platform.guild(owner, "Other");
    await owner.patch(`/guilds/${other.id}`, { name: "Another" });
    const { audit_log_entries: entries, users } = await log("", owner, `/guilds/${other.id}/audit-logs`);
    expect(entries.map((entry: Json) => entry.action_type)).toEqual([1]);
    expect(users.map((user: Json) => user.id)).toEqual([owner.id]);
    const ids = (await sql`select id from audit_log where server_id = ${other.id}`).map((row) => row.id);
    expect(ids).toEqual([entries[0].id]);
  });

  test("is filtered and paged, both ways", async () => {
    const everything = (await log("?limit=100")).audit_log_entries;
    const ids: string[] = everything.map((entry: Json) => entry.id);
    expect(ids).toEqual([...ids].sort((a, b) => (BigInt(a) < BigInt(b) ? 1 : -1)));
    expect((await log()).audit_log_entries).toHaveLength(50);
    const middle = ids[20] ?? "";
    const before = (await log(`?before=${middle}&limit=7`)).audit_log_entries.map((entry: Json) => entry.id);
    expect(before).toEqual(ids.slice(21, 28));
    const after = (await log(`?after=${middle}&limit=7`)).audit_log_entries.map((entry: Json) => entry.id);
    expect(after).toEqual(ids.slice(13, 20).reverse());
    const oldest = (await log("?after=0&limit=3")).audit_log_entries.map((entry: Json) => entry.id);
    const all = await sql<{ id: string }[]>`select id from audit_log where server_id = ${guild.id} order by id limit 3`;
    expect(oldest).toEqual(all.map((row) => row.id));
    for (const entry of (await log(`?user_id=${owner.id}&action_type=30`)).audit_log_entries) {
      expect(entry).toMatchObject({ user_id: owner.id, action_type: 30 });
    }
    await refused(Code.InvalidFormBodyOrContentType, owner, "GET", `${logs}?limit=101`);
    await refused(Code.InvalidFormBodyOrContentType, owner, "GET", `${logs}?action_type=x`);
  });

  test("is read by index, whichever the filter", async () => {
    const busy = await platform.guild(owner, "Busy");
    await sql`insert into audit_log (id, server_id, action_type, user_id, target_id)
      select n, case when n % 20 < 2 then ${guild.id}::bigint else ${busy.id}::bigint end, n % 37, case when n % 50 = 0 then ${owner.id}::bigint end, n % 1000
      from generate_series(1, 40000) n`;
    await sql`analyze audit_log`;
    const plans = [
      ["audit_log_server", sql`id > 0`],
      ["audit_log_user", sql`user_id = ${owner.id}`],
      ["audit_log_target", sql`target_id = 77`],
      ["audit_log_action", sql`action_type = 12`],
    ] as const;
    for (const [index, filter] of plans) {
      const rows = await sql`explain select * from audit_log where server_id = ${guild.id} and ${filter}
        and id < ${firstIdAt(Date.now())} order by id desc limit 50`;
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      expect(plan, plan).toContain(`using ${index}`);
      expect(plan, plan).not.toMatch(/Seq Scan|Sort/);
    }
    const old = await sql`explain delete from audit_log where id in (
      select id from audit_log where id < 500 order by id limit 1000)`;
    expect(old.map((row) => row["QUERY PLAN"]).join("\n")).toContain("audit_log_pkey");
  });

  test("is kept for its time, and removed in batches after it", async () => {
    expect(await deleteOldAuditEntries(sql, firstIdAt(Date.now() - 60_000), 25_000)).toBe(25_000);
    expect(await deleteOldAuditEntries(sql, firstIdAt(Date.now() - 3600_000), 25_000)).toBe(15_000);
    expect(await deleteOldAuditEntries(sql, firstIdAt(Date.now() - 3600_000))).toBe(0);
    expect((await log("?limit=1")).audit_log_entries).toHaveLength(1);
  });
});

test("who changed something, and why, stays when they are gone", async () => {
  const moderator = await member("gone", 1n << 4n);
  await moderator.post(`/guilds/${guild.id}/channels`, { name: "theirs" });
  const { id } = await last(AuditLogEvent.ChannelCreate);
  await moderator.delete(`/users/@me/guilds/${guild.id}`);
  const { audit_log_entries: entries, users } = await log(`?user_id=${moderator.id}`);
  expect(entries.map((entry: Json) => entry.id)).toEqual([id]);
  expect(users).toMatchObject([{ id: moderator.id }]);
});
