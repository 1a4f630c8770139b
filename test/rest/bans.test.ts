import { describe, expect, test } from "vitest";
import type { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";
import { expectShape } from "./shape.ts";

const platform = await startPlatform();
const BAN_MEMBERS = 1n << 2n;

const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const bans = `/guilds/${guild.id}/bans`;

async function member(permissions: bigint, name = "member"): Promise<Client> {
  const client = await platform.person(name);
  await platform.join(owner, guild, client);
  const role = await owner.post(`/guilds/${guild.id}/roles`, { name, permissions: permissions.toString() });
  await owner.put(`/guilds/${guild.id}/members/${client.id}/roles/${role.id}`);
  return client;
}

describe("a ban", () => {
  test("removes the member, is listed with its reason, and keeps them out until it is lifted", async () => {
    const guest = await member(0n, "guest");
    const [watching, banned] = [await platform.socket(owner), await platform.socket(guest)];
    const reason = encodeURIComponent("Spam – in every channel");
    const answer = await owner.request("PUT", `${bans}/${guest.id}`, {}, { "X-Audit-Log-Reason": reason });
    expect(answer.status).toBe(204);
    await banned.event("GUILD_DELETE", (d) => d.id === guild.id);
    const added = await watching.event("GUILD_BAN_ADD");
    expect(added.d).toMatchObject({ guild_id: guild.id, user: { id: guest.id } });
    await watching.event("GUILD_MEMBER_REMOVE", (d) => d.user.id === guest.id);

    const ban = await owner.get(`${bans}/${guest.id}`);
    expectShape("GuildBanResponse", ban);
    expect(ban).toMatchObject({ user: { id: guest.id }, reason: "Spam – in every channel" });
    expect(await owner.get(bans)).toEqual([ban]);
    const invite = await owner.post(`/channels/${guild.channelId}/invites`, {});
    await refused(Code.UserBannedFromThisGuild, guest, "POST", `/invites/${invite.code}`, {});

    expect((await owner.request("DELETE", `${bans}/${guest.id}`)).status).toBe(204);
    expect((await watching.event("GUILD_BAN_REMOVE")).d).toEqual(added.d);
    await guest.post(`/invites/${invite.code}`, {});
    await refused(Code.UnknownBan, owner, "DELETE", `${bans}/${guest.id}`);
    await refused(Code.UnknownBan, owner, "GET", `${bans}/${guest.id}`);
    watching.close();
    banned.close();
  });

  test("can be of somebody who never was there, and a second one changes and tells nothing", async () => {
    const stranger = await platform.person("stranger");
    const socket = await platform.socket(owner);
    await owner.put(`${bans}/${stranger.id}`);
    await owner.put(`${bans}/${stranger.id}`, {});
    await socket.event("GUILD_BAN_ADD", (d) => d.user.id === stranger.id);
    await socket.settled();
    expect(socket.dispatches.filter(({ t }) => t === "GUILD_BAN_ADD")).toHaveLength(1);
    expect(socket.dispatches.filter(({ t }) => t === "GUILD_MEMBER_REMOVE")).toHaveLength(0);
    await refused(Code.UnknownUser, owner, "PUT", `${bans}/1`, {});
    socket.close();
  });

  test("keeps a bot out as well", async () => {
    const bot = await platform.bot(owner, guild.id);
    await owner.put(`${bans}/${bot.id}`);
    await refused(Code.MissingAccess, bot, "GET", `/guilds/${guild.id}`);
    const path = `/oauth2/authorize?client_id=${bot.id}&scope=bot`;
    await refused(Code.UserBannedFromThisGuild, owner, "POST", path, { guild_id: guild.id, authorize: true });
  });

  test("deletes what they wrote in this guild in the time asked for, and nothing else", async () => {
    const guest = await member(0n, "chatty");
    const second = await owner.post(`/guilds/${guild.id}/channels`, { name: "second" });
    const elsewhere = await platform.guild(owner, "Elsewhere");
    await platform.join(owner, elsewhere, guest);
    const [welcome] = await owner.get(`/channels/${guild.channelId}/messages?limit=1`);
    expect(welcome).toMatchObject({ type: 7, author: { id: guest.id } });
    const written: string[] = [welcome.id];
    for (const channel of [guild.channelId, second.id]) {
      for (let i = 0; i < 3; i++) {
        written.push((await guest.post(`/channels/${channel}/messages`, { content: `spam ${i}` })).id);
      }
    }
    const kept = await owner.post(`/channels/${guild.channelId}/messages`, { content: "not mine to lose" });
    const far = await guest.post(`/channels/${elsewhere.channelId}/messages`, { content: "another guild" });
    const socket = await platform.socket(owner);
    await owner.put(`${bans}/${guest.id}`, { delete_message_seconds: 3600 });
    const gone: string[] = [];
    for (const channel of [guild.channelId, second.id]) {
      const { d } = await socket.event("MESSAGE_DELETE_BULK", (data) => data.channel_id === channel);
      expect(d.guild_id).toBe(guild.id);
      gone.push(...d.ids);
    }
    expect(gone).toEqual(written);
    expect(await owner.get(`/channels/${second.id}/messages`)).toEqual([]);
    await owner.get(`/channels/${guild.channelId}/messages/${kept.id}`);
    await owner.get(`/channels/${elsewhere.channelId}/messages/${far.id}`);
    socket.close();
  });

  test("without a time deletes no message", async () => {
    const guest = await member(0n, "quiet");
    const { id } = await guest.post(`/channels/${guild.channelId}/messages`, { content: "stays" });
    await owner.put(`${bans}/${guest.id}`, { delete_message_days: 0 });
    await owner.get(`/channels/${guild.channelId}/messages/${id}`);
  });

  test("needs BAN_MEMBERS and a higher rank: not of equals, oneself or the owner", async () => {
    const above = await member(0n, "above");
    const moderator = await member(BAN_MEMBERS, "moderator");
    const equal = await platform.person("equal");
    await platform.join(owner, guild, equal);
    const { roles } = await owner.get(`/guilds/${guild.id}/members/${moderator.id}`);
    await owner.put(`/guilds/${guild.id}/members/${equal.id}/roles/${roles[0]}`);
    for (const id of [above.id, equal.id, moderator.id, owner.id]) {
      await refused(Code.MissingPermissions, moderator, "PUT", `${bans}/${id}`, {});
    }
    const none = await member(0n, "none");
    const target = await platform.person("target");
    await refused(Code.MissingPermissions, none, "PUT", `${bans}/${target.id}`, {});
    await refused(Code.MissingPermissions, none, "DELETE", `${bans}/${target.id}`);
    await refused(Code.MissingPermissions, none, "GET", bans);
    await refused(Code.MissingPermissions, none, "GET", `${bans}/${target.id}`);
    const stranger = await platform.person();
    await refused(Code.MissingAccess, stranger, "PUT", `${bans}/${target.id}`, {});
    await moderator.put(`${bans}/${target.id}`, {});
    await moderator.delete(`${bans}/${target.id}`);
  });

  test("that comes as they join leaves them banned and out", async () => {
    const invite = await owner.post(`/channels/${guild.channelId}/invites`, {});
    const racers = await Promise.all(Array.from({ length: 10 }, () => platform.person("racer")));
    await Promise.all(
      racers.flatMap((racer) => [
        racer.request("POST", `/invites/${invite.code}`, {}),
        owner.put(`${bans}/${racer.id}`),
      ]),
    );
    for (const racer of racers)
      await refused(Code.UnknownMember, owner, "GET", `/guilds/${guild.id}/members/${racer.id}`);
  });

  test("has bounds for its times and its reason", async () => {
    const path = `${bans}/${(await platform.person()).id}`;
    for (const body of [
      { delete_message_seconds: 604_801 },
      { delete_message_days: 8 },
      { delete_message_seconds: -1 },
    ]) {
      await refused(Code.InvalidFormBodyOrContentType, owner, "PUT", path, body);
    }
    const long = await owner.request("PUT", path, {}, { "X-Audit-Log-Reason": "r".repeat(513) });
    expect(long.body.code).toBe(Code.InvalidFormBodyOrContentType);
    const odd = await owner.request("PUT", path, {}, { "X-Audit-Log-Reason": "100% sure%00" });
    expect(odd.status).toBe(204);
    expect((await owner.get(path)).reason).toBe("100% sure%00");
  });
});

test("bans are paged by user id, ascending from either end", async () => {
  const crowded = await platform.guild(owner, "Crowded");
  const path = `/guilds/${crowded.id}/bans`;
  const people = await Promise.all(Array.from({ length: 5 }, () => platform.person()));
  for (const { id } of people) await owner.put(`${path}/${id}`);
  const ids = people.map(({ id }) => id).sort((a, b) => Number(BigInt(a) - BigInt(b)));
  const list = async (query: string): Promise<string[]> =>
    (await owner.get(`${path}?${query}`)).map((ban: { user: { id: string } }) => ban.user.id);
  expect(await list("")).toEqual(ids);
  expect(await list("limit=2")).toEqual(ids.slice(0, 2));
  expect(await list(`limit=2&after=${ids[1]}`)).toEqual(ids.slice(2, 4));
  expect(await list(`limit=2&before=${ids[4]}`)).toEqual(ids.slice(2, 4));
  expect(await list(`limit=2&before=${ids[2]}&after=${ids[3]}`)).toEqual(ids.slice(0, 2));
  await refused(Code.InvalidFormBodyOrContentType, owner, "GET", `${path}?limit=1001`);
});

describe("a bulk ban", () => {
  const path = `/guilds/${guild.id}/bulk-ban`;

  test("bans whom it can, names the others, deletes what the banned wrote, and logs each", async () => {
    const moderator = await member(BAN_MEMBERS | (1n << 5n), "bulk_moderator");
    const [first, second, third] = [await member(0n, "one"), await member(0n, "two"), await platform.person("three")];
    await owner.put(`${bans}/${third.id}`, {});
    const said = await first.post(`/channels/${guild.channelId}/messages`, { content: "spam" });
    const socket = await platform.socket(owner);
    const user_ids = [first.id, owner.id, "1", second.id, third.id, first.id, moderator.id];
    const reason = { "x-audit-log-reason": "raid" };
    const answer = await moderator.request("POST", path, { user_ids, delete_message_seconds: 3600 }, reason);
    expect(answer.status).toBe(200);
    expectShape("BulkBanUsersResponse", answer.body);
    expect(answer.body).toEqual({
      banned_users: [first.id, second.id],
      failed_users: [owner.id, "1", third.id, moderator.id],
    });
    for (const { id } of [first, second]) {
      await socket.event("GUILD_BAN_ADD", (d) => d.user.id === id);
      await socket.event("GUILD_MEMBER_REMOVE", (d) => d.user.id === id);
      expect(await owner.get(`${bans}/${id}`)).toMatchObject({ reason: "raid" });
      const log = await owner.get(`/guilds/${guild.id}/audit-logs?action_type=22&target_id=${id}`);
      expect(log.audit_log_entries).toMatchObject([{ user_id: moderator.id, reason: "raid" }]);
    }
    await socket.event("MESSAGE_DELETE_BULK", (d) => d.ids.includes(said.id));
    await refused(Code.UnknownMessage, owner, "GET", `/channels/${guild.channelId}/messages/${said.id}`);
    socket.close();
  });

  test("of nobody who could be banned is an error, and changes nothing", async () => {
    await refused(Code.FailedToBanUsers, owner, "POST", path, { user_ids: [owner.id, "1"] });
    await refused(Code.InvalidFormBodyOrContentType, owner, "POST", path, { user_ids: [] });
    const many = Array.from({ length: 201 }, (_, i) => String(i + 1));
    await refused(Code.InvalidFormBodyOrContentType, owner, "POST", path, { user_ids: many });
  });

  test("of two hundred is one request", async () => {
    const people = await Promise.all(Array.from({ length: 20 }, () => platform.person("crowd")));
    const user_ids = [...people.map(({ id }) => id), ...Array.from({ length: 180 }, (_, i) => String(i + 1))];
    const { banned_users, failed_users } = await owner.post(path, { user_ids });
    expect([banned_users.length, failed_users.length]).toEqual([20, 180]);
  });
});
