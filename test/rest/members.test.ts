import { describe, expect, test } from "vitest";
import type { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";
import { expectShape } from "./shape.ts";

const platform = await startPlatform();
const ADMINISTRATOR = 1n << 3n;
const KICK_MEMBERS = 1n << 1n;
const VIEW_CHANNEL = 1n << 10n;
const CHANGE_NICKNAME = 1n << 26n;
const MANAGE_NICKNAMES = 1n << 27n;
const MANAGE_ROLES = 1n << 28n;
const MODERATE_MEMBERS = 1n << 40n;
const DAY_MS = 24 * 3600_000;

const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const other = await platform.guild(owner, "Another guild");
const members = `/guilds/${guild.id}/members`;
const roles = `/guilds/${guild.id}/roles`;

/** Members by rank: each has a role above those made before it. */
async function member(permissions: bigint, name = "member"): Promise<{ client: Client; roleId: string }> {
  const client = await platform.person(name);
  await platform.join(owner, guild, client);
  const role = await owner.post(roles, { name, permissions: permissions.toString() });
  const { length } = await owner.get(roles);
  await owner.patch(roles, [{ id: role.id, position: length }]);
  await owner.put(`${members}/${client.id}/roles/${role.id}`);
  return { client, roleId: role.id };
}

const low = await member(0n, "low");
const powers = KICK_MEMBERS | MANAGE_NICKNAMES | MANAGE_ROLES | MODERATE_MEMBERS;
const moderator = await member(powers, "moderator");
const high = await member(0n, "high");
const of = ({ client }: { client: Client }) => `${members}/${client.id}`;
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();

describe("members", () => {
  test("are listed by id, a page at a time", async () => {
    const all = await owner.get(`${members}?limit=1000`);
    for (const each of all) expectShape("GuildMemberResponse", each);
    const ids: string[] = all.map((each: { user: { id: string } }) => each.user.id);
    expect(ids).toEqual([...ids].sort((a, b) => Number(BigInt(a) - BigInt(b))));
    expect(ids).toContain(low.client.id);
    expect(await owner.get(members)).toHaveLength(1);
    const paged: string[] = [];
    for (;;) {
      const page = await owner.get(`${members}?limit=2&after=${paged.at(-1) ?? "0"}`);
      if (page.length === 0) break;
      paged.push(...page.map((each: { user: { id: string } }) => each.user.id));
    }
    expect(paged).toEqual(ids);
    await refused(Code.InvalidFormBodyOrContentType, owner, "GET", `${members}?limit=1001`);
    await refused(Code.InvalidFormBodyOrContentType, owner, "GET", `${members}?limit=0`);
  });

  test("are read one by one, and oneself", async () => {
    const found = await owner.get(of(low));
    expectShape("GuildMemberResponse", found);
    expect(found).toMatchObject({ user: { id: low.client.id }, roles: [low.roleId], nick: null });
    const self = await low.client.get(`/users/@me/guilds/${guild.id}/member`);
    expectShape("PrivateGuildMemberResponse", self);
    expect(self).toEqual(found);
    await refused(Code.UnknownMember, owner, "GET", `${members}/1`);
  });

  test("are a secret to strangers", async () => {
    const stranger = await platform.person();
    for (const path of [members, of(low), `/users/@me/guilds/${guild.id}/member`]) {
      await refused(Code.MissingAccess, stranger, "GET", path);
      expect((await platform.anonymous().request("GET", path)).status).toBe(401);
    }
  });
});

describe("a nickname", () => {
  test("is one's own to change, and sockets hear of it", async () => {
    const socket = await platform.socket(owner);
    const named = await low.client.patch(`${members}/@me`, { nick: "  Lowly " });
    expectShape("PrivateGuildMemberResponse", named);
    expect(named.nick).toBe("Lowly");
    const update = await socket.event("GUILD_MEMBER_UPDATE", (d) => d.nick === "Lowly");
    expect(update.d).toEqual({ ...named, guild_id: guild.id });
    expect((await low.client.patch(of(low), { nick: "Lower" })).nick).toBe("Lower");
    expect(await low.client.patch(`${members}/@me/nick`, { nick: "Lowest" })).toEqual({ nick: "Lowest" });
    expect((await low.client.patch(`${members}/@me`, { nick: "" })).nick).toBeNull();
    socket.close();
  });

  test("needs CHANGE_NICKNAME", async () => {
    const everyone = await owner.get(`${roles}/${guild.id}`);
    const permissions = (BigInt(everyone.permissions) & ~CHANGE_NICKNAME).toString();
    await owner.patch(`${roles}/${guild.id}`, { permissions });
    for (const path of [`${members}/@me`, `${members}/@me/nick`, of(low)]) {
      await refused(Code.MissingPermissions, low.client, "PATCH", path, { nick: "x" });
    }
    await owner.patch(`${roles}/${guild.id}`, { permissions: everyone.permissions });
    expect((await owner.get(of(low))).nick).toBeNull();
  });

  test("of others needs MANAGE_NICKNAMES and a higher rank", async () => {
    await refused(Code.MissingPermissions, low.client, "PATCH", of(moderator), { nick: "x" });
    await refused(Code.MissingPermissions, high.client, "PATCH", of(low), { nick: "x" });
    await refused(Code.MissingPermissions, moderator.client, "PATCH", of(high), { nick: "x" });
    await refused(Code.MissingPermissions, moderator.client, "PATCH", `${members}/${owner.id}`, { nick: "x" });
    expect((await moderator.client.patch(of(low), { nick: "Renamed" })).nick).toBe("Renamed");
    expect((await owner.patch(of(high), { nick: "Highly" })).nick).toBe("Highly");
    await refused(Code.InvalidFormBodyOrContentType, owner, "PATCH", of(low), { nick: "n".repeat(33) });
  });
});

describe("roles of a member", () => {
  test("are given and taken one by one, and sockets hear only of what changed", async () => {
    const role = await owner.post(roles, { permissions: "0" });
    const socket = await platform.socket(owner);
    const path = `${of(low)}/roles/${role.id}`;
    for (let i = 0; i < 2; i++) expect((await moderator.client.request("PUT", path)).status).toBe(204);
    expect((await owner.get(of(low))).roles).toContain(role.id);
    for (let i = 0; i < 2; i++) expect((await moderator.client.request("DELETE", path)).status).toBe(204);
    expect((await owner.get(of(low))).roles).not.toContain(role.id);
    await socket.event("GUILD_MEMBER_UPDATE", (d) => !d.roles.includes(role.id));
    await socket.settled();
    const heard = socket.dispatches.filter(({ t }) => t === "GUILD_MEMBER_UPDATE").map(({ d }) => d.roles.length);
    expect(heard).toEqual([2, 1]);
    socket.close();
  });

  test("are set as a whole, where @everyone may be named", async () => {
    const [a, b] = [await owner.post(roles, { permissions: "0" }), await owner.post(roles, { permissions: "0" })];
    const set = async (list: string[]) => (await moderator.client.patch(of(low), { roles: list })).roles;
    expect(new Set(await set([guild.id, low.roleId, a.id]))).toEqual(new Set([low.roleId, a.id]));
    expect(new Set(await set([b.id, low.roleId]))).toEqual(new Set([low.roleId, b.id]));
    expect(await set([low.roleId])).toEqual([low.roleId]);
  });

  test("show and hide channels to sockets that are open", async () => {
    const role = await owner.post(roles, { permissions: "0" });
    const channel = await owner.post(`/guilds/${guild.id}/channels`, {
      name: "for-the-role",
      permission_overwrites: [
        { id: guild.id, type: 0, deny: VIEW_CHANNEL.toString() },
        { id: role.id, type: 0, allow: VIEW_CHANNEL.toString() },
      ],
    });
    const socket = await platform.socket(low.client);
    await owner.put(`${of(low)}/roles/${role.id}`);
    await socket.event("CHANNEL_CREATE", (d) => d.id === channel.id);
    await owner.delete(`${of(low)}/roles/${role.id}`);
    await socket.event("CHANNEL_DELETE", (d) => d.id === channel.id);
    socket.close();
  });

  test("that aren't below one's own can be neither given nor taken, by whichever route", async () => {
    const { client } = moderator;
    for (const id of [moderator.roleId, high.roleId]) {
      await refused(Code.MissingPermissions, client, "PUT", `${of(low)}/roles/${id}`);
      await refused(Code.MissingPermissions, client, "PUT", `${of(moderator)}/roles/${id}`);
      await refused(Code.MissingPermissions, client, "PATCH", of(low), { roles: [low.roleId, id] });
    }
    await refused(Code.MissingPermissions, client, "DELETE", `${of(high)}/roles/${high.roleId}`);
    await refused(Code.MissingPermissions, client, "PATCH", of(high), { roles: [] });
    await refused(Code.MissingPermissions, client, "PATCH", of(moderator), { roles: [] });
    expect((await owner.get(of(low))).roles).toEqual([low.roleId]);
    expect((await owner.get(of(high))).roles).toEqual([high.roleId]);
  });

  test("may be low ones for a member who ranks higher", async () => {
    const role = await owner.post(roles, { permissions: "0" });
    await moderator.client.put(`${of(high)}/roles/${role.id}`);
    await moderator.client.delete(`${of(high)}/roles/${role.id}`);
  });

  test("need MANAGE_ROLES", async () => {
    await refused(Code.MissingPermissions, high.client, "PUT", `${of(low)}/roles/${low.roleId}`);
    await refused(Code.MissingPermissions, high.client, "DELETE", `${of(low)}/roles/${low.roleId}`);
    await refused(Code.MissingPermissions, high.client, "PATCH", of(low), { roles: [] });
    expect((await owner.get(of(low))).roles).toEqual([low.roleId]);
  });

  test("are of the guild, not @everyone, and no bot's own", async () => {
    const foreign = await owner.post(`/guilds/${other.id}/roles`, {});
    await platform.bot(owner, guild.id, "2048");
    const managed = (await owner.get(roles)).find((role: { managed: boolean }) => role.managed);
    await refused(Code.UnknownRole, owner, "PUT", `${of(low)}/roles/${foreign.id}`);
    await refused(Code.UnknownRole, owner, "PATCH", of(low), { roles: [low.roleId, foreign.id] });
    await refused(Code.InvalidRole, owner, "PUT", `${of(low)}/roles/${guild.id}`);
    await refused(Code.InvalidRole, owner, "PUT", `${of(low)}/roles/${managed.id}`);
    await refused(Code.InvalidRole, owner, "PATCH", of(low), { roles: [managed.id] });
    const stranger = await platform.person();
    await refused(Code.UnknownMember, owner, "PUT", `${members}/${stranger.id}/roles/${low.roleId}`);
    expect((await owner.get(of(low))).roles).toEqual([low.roleId]);
  });

  test("given after somebody left and came back are heard of", async () => {
    const { client, roleId } = await member(0n, "returning");
    for (let i = 0; i < 3; i++) await owner.patch(`${members}/${client.id}`, { nick: `name ${i}` });
    await client.delete(`/users/@me/guilds/${guild.id}`);
    await platform.join(owner, guild, client);
    const socket = await platform.socket(owner);
    await owner.put(`${members}/${client.id}/roles/${roleId}`);
    await socket.event("GUILD_MEMBER_UPDATE", (d) => d.user.id === client.id && d.roles.includes(roleId));
    socket.close();
  });
});

describe("a timeout", () => {
  test("silences until it ends or is lifted, and sockets hear of it", async () => {
    const socket = await platform.socket(owner);
    const until = inDays(1);
    const silenced = await moderator.client.patch(of(low), { communication_disabled_until: until });
    expectShape("GuildMemberResponse", silenced);
    expect(Date.parse(silenced.communication_disabled_until)).toBe(Date.parse(until));
    await socket.event("GUILD_MEMBER_UPDATE", (d) => d.communication_disabled_until !== null);
    const path = `/channels/${guild.channelId}/messages`;
    await refused(Code.MissingPermissions, low.client, "POST", path, { content: "hm" });
    await low.client.get(path);
    await moderator.client.patch(of(low), { communication_disabled_until: null });
    await low.client.post(path, { content: "hello again" });
    await moderator.client.patch(of(low), { communication_disabled_until: inDays(-1) });
    await low.client.post(path, { content: "a past one is none" });
    socket.close();
  });

  test("needs MODERATE_MEMBERS and a higher rank", async () => {
    const body = { communication_disabled_until: inDays(1) };
    await refused(Code.MissingPermissions, high.client, "PATCH", of(low), body);
    await refused(Code.MissingPermissions, moderator.client, "PATCH", of(high), body);
    await refused(Code.MissingPermissions, moderator.client, "PATCH", of(moderator), body);
    await refused(Code.MissingPermissions, moderator.client, "PATCH", `${members}/${owner.id}`, body);
    for (const each of [high, moderator]) {
      expect((await owner.get(of(each))).communication_disabled_until).toBeNull();
    }
  });

  test("is not for administrators, whoever asks", async () => {
    const administrator = await member(ADMINISTRATOR, "administrator");
    const body = { communication_disabled_until: inDays(1) };
    await refused(Code.MissingPermissions, owner, "PATCH", of(administrator), body);
  });

  test("lasts 28 days at most", async () => {
    const path = of(low);
    await refused(Code.InvalidFormBodyOrContentType, owner, "PATCH", path, {
      communication_disabled_until: inDays(29),
    });
    await refused(Code.InvalidFormBodyOrContentType, owner, "PATCH", path, { communication_disabled_until: "soon" });
    await owner.patch(path, { communication_disabled_until: inDays(27) });
    await owner.patch(path, { communication_disabled_until: null });
  });
});

test("muting and deafening need their permissions, and somebody who is in voice", async () => {
  for (const body of [{ mute: true }, { deaf: true }, { channel_id: guild.channelId }]) {
    await refused(Code.MissingPermissions, moderator.client, "PATCH", of(low), body);
    await refused(Code.TargetUserIsNotConnectedToVoice, owner, "PATCH", of(low), body);
  }
});

describe("a kick", () => {
  test("ends the membership, for the member's own sockets too", async () => {
    const guest = await platform.person("guest");
    await platform.join(owner, guild, guest);
    const [watching, kicked] = [await platform.socket(owner), await platform.socket(guest)];
    expect((await moderator.client.request("DELETE", `${members}/${guest.id}`)).status).toBe(204);
    await kicked.event("GUILD_DELETE", (d) => d.id === guild.id);
    const removal = await watching.event("GUILD_MEMBER_REMOVE", (d) => d.user.id === guest.id);
    expect(removal.d.guild_id).toBe(guild.id);
    await refused(Code.MissingAccess, guest, "GET", `/guilds/${guild.id}`);
    await refused(Code.UnknownMember, moderator.client, "DELETE", `${members}/${guest.id}`);
    watching.close();
    kicked.close();
  });

  test("needs KICK_MEMBERS and a higher rank: not of equals, oneself or the owner", async () => {
    const equal = await platform.person("equal");
    await platform.join(owner, guild, equal);
    await owner.put(`${members}/${equal.id}/roles/${moderator.roleId}`);
    for (const id of [equal.id, moderator.client.id, high.client.id, owner.id]) {
      await refused(Code.MissingPermissions, moderator.client, "DELETE", `${members}/${id}`);
    }
    await refused(Code.MissingPermissions, high.client, "DELETE", of(low));
    await refused(Code.MissingPermissions, owner, "DELETE", `${members}/${owner.id}`);
    const { length } = await owner.get(`${members}?limit=1000`);
    expect((await owner.get(`/guilds/${guild.id}?with_counts=true`)).approximate_member_count).toBe(length);
  });

  test("of a member of another guild is not of this one", async () => {
    const guest = await platform.person("guest");
    await platform.join(owner, other, guest);
    await refused(Code.UnknownMember, owner, "DELETE", `${members}/${guest.id}`);
    await refused(Code.UnknownMember, owner, "PATCH", `${members}/${guest.id}`, { nick: "x" });
    await guest.get(`/guilds/${other.id}`);
  });
});

test("roles given at once by many requests all arrive, and are all taken", async () => {
  const { client, roleId } = await member(0n, "busy");
  const path = `${members}/${client.id}`;
  const given: { id: string }[] = await Promise.all(
    Array.from({ length: 10 }, () => owner.post(roles, { permissions: "0" })),
  );
  await Promise.all(
    given.flatMap(({ id }) => [
      owner.put(`${path}/roles/${id}`),
      owner.put(`${path}/roles/${id}`),
      owner.patch(path, { nick: id }),
    ]),
  );
  expect(new Set((await owner.get(path)).roles)).toEqual(new Set([roleId, ...given.map(({ id }) => id)]));
  await Promise.all(given.map(({ id }) => owner.delete(`${path}/roles/${id}`)));
  expect((await owner.get(path)).roles).toEqual([roleId]);
});
