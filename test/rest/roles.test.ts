import { once } from "node:events";
import { request } from "node:http";
import { beforeAll, describe, expect, test } from "vitest";
import type { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";
import { expectShape } from "./shape.ts";

const platform = await startPlatform();
const MANAGE_ROLES = 1n << 28n;
const KICK_MEMBERS = 1n << 1n;
const BAN_MEMBERS = 1n << 2n;

const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const other = await platform.guild(owner, "Another guild");
const roles = `/guilds/${guild.id}/roles`;

async function member(permissions: bigint, name = "member"): Promise<{ client: Client; roleId: string }> {
  const client = await platform.person(name);
  await platform.join(owner, guild, client);
  const role = await owner.post(roles, { name: `${name}'s`, permissions: permissions.toString() });
  await owner.put(`/guilds/${guild.id}/members/${client.id}/roles/${role.id}`);
  return { client, roleId: role.id };
}

const order = async (): Promise<string[]> => {
  const list: { id: string; position: number }[] = await owner.get(roles);
  return list
    .sort((a, b) => a.position - b.position || Number(BigInt(b.id) - BigInt(a.id)))
    .map(({ id }) => id)
    .filter((id) => id !== guild.id);
};

describe("a role", () => {
  test("is made, read, changed and deleted, and sockets hear of each", async () => {
    const socket = await platform.socket(owner);
    const made = await owner.post(roles, { name: "Helpers", permissions: "2", color: 255, hoist: true });
    expectShape("GuildRoleResponse", made);
    expect(made).toMatchObject({ name: "Helpers", permissions: "2", color: 255, hoist: true, position: 1 });
    expect((await socket.event("GUILD_ROLE_CREATE")).d).toEqual({ guild_id: guild.id, role: made });

    expect(await owner.get(`${roles}/${made.id}`)).toEqual(made);
    const listed = await owner.get(roles);
    for (const role of listed) expectShape("GuildRoleResponse", role);
    expect(listed).toContainEqual(made);

    const changed = await owner.patch(`${roles}/${made.id}`, { name: "Aides", colors: { primary_color: 7 } });
    expect(changed).toEqual({
      ...made,
      name: "Aides",
      color: 7,
      colors: { ...made.colors, primary_color: 7 },
    });
    expect((await socket.event("GUILD_ROLE_UPDATE")).d).toEqual({ guild_id: guild.id, role: changed });

    expect((await owner.request("DELETE", `${roles}/${made.id}`)).status).toBe(204);
    const deletion = { guild_id: guild.id, role_id: made.id };
    expect((await socket.event("GUILD_ROLE_DELETE")).d).toEqual(deletion);
    await refused(Code.UnknownRole, owner, "GET", `${roles}/${made.id}`);
    socket.close();
  });

  test("is named new role and may what everyone may, unless the request says otherwise", async () => {
    const made = await owner.post(roles, {});
    const everyone = await owner.get(`${roles}/${guild.id}`);
    expect(made).toMatchObject({ name: "new role", permissions: everyone.permissions, color: 0, mentionable: false });
  });

  test("takes permissions as number or text, and drops bits that no permission has", async () => {
    expect((await owner.post(roles, { permissions: 6 })).permissions).toBe("6");
    expect((await owner.post(roles, { permissions: (2n | (1n << 62n)).toString() })).permissions).toBe("2");
  });

  test("takes its overwrites with it, and sockets hear of each channel", async () => {
    const role = await owner.post(roles, { permissions: "0" });
    const channel = await owner.post(`/guilds/${guild.id}/channels`, {
      name: "overwritten",
      permission_overwrites: [{ id: role.id, type: 0, allow: "1024", deny: "0" }],
    });
    const socket = await platform.socket(owner);
    await owner.delete(`${roles}/${role.id}`);
    const update = await socket.event("CHANNEL_UPDATE", (d) => d.id === channel.id);
    expect(update.d.permission_overwrites).toEqual([]);
    expect((await owner.get(`/channels/${channel.id}`)).permission_overwrites).toEqual([]);
    socket.close();
  });

  test("has no more than 249 beside it", async () => {
    const full = await platform.guild(owner, "Full of roles");
    const made = await Promise.all(
      Array.from({ length: 260 }, () => owner.request("POST", `/guilds/${full.id}/roles`, {})),
    );
    expect(made.filter(({ status }) => status === 200)).toHaveLength(249);
    expect(made.find(({ status }) => status !== 200)?.body).toMatchObject({
      code: Code.MaximumNumberOfGuildRolesReached,
    });
  });
});

describe("@everyone", () => {
  test("can be given other permissions, but no other name", async () => {
    const before = await owner.get(`${roles}/${guild.id}`);
    const changed = await owner.patch(`${roles}/${guild.id}`, { name: "nobody", permissions: "1024" });
    expect(changed).toEqual({ ...before, permissions: "1024" });
    await owner.patch(`${roles}/${guild.id}`, { permissions: before.permissions });
  });

  test("can be neither deleted nor moved", async () => {
    await refused(Code.InvalidRole, owner, "DELETE", `${roles}/${guild.id}`);
    await refused(Code.InvalidRole, owner, "PATCH", roles, [{ id: guild.id, position: 3 }]);
  });
});

describe("positions", () => {
  test("put a role above the one whose place it takes when it moves up, below when it moves down", async () => {
    const { id } = await platform.guild(owner, "Sorted");
    const path = `/guilds/${id}/roles`;
    const names = ["a", "b", "c"];
    const ids = new Map<string, string>();
    for (const name of names) ids.set(name, (await owner.post(path, { name })).id);
    const sort = async (body: object[]) => {
      const list: { name: string; position: number }[] = await owner.patch(path, body);
      for (const role of list) expectShape("GuildRoleResponse", role);
      expect(list.map(({ position }) => position)).toEqual([0, 1, 2, 3]);
      return list.slice(1).map(({ name }) => name);
    };
    // The newest is the lowest.
    expect(await sort([])).toEqual(["c", "b", "a"]);
    expect(await sort([{ id: ids.get("c"), position: 2 }])).toEqual(["b", "c", "a"]);
    expect(await sort([{ id: ids.get("a"), position: 1 }])).toEqual(["a", "b", "c"]);
    // As discord.js sends it: everything, from @everyone on.
    expect(
      await sort([id, ids.get("c"), ids.get("a"), ids.get("b")].map((role, position) => ({ id: role, position }))),
    ).toEqual(["c", "a", "b"]);
  });

  test("tell sockets of every role that moved, and of no other", async () => {
    const { id } = await platform.guild(owner, "Told");
    const path = `/guilds/${id}/roles`;
    const [low, middle] = [await owner.post(path), await owner.post(path), await owner.post(path)];
    await owner.patch(path, []);
    const socket = await platform.socket(owner);
    await owner.patch(path, [{ id: low.id, position: 2 }]);
    await owner.patch(path, [{ id: low.id, position: 2 }]);
    await socket.event("GUILD_ROLE_UPDATE", (d) => d.role.id === low.id);
    await socket.event("GUILD_ROLE_UPDATE", (d) => d.role.id === middle.id);
    await socket.settled();
    expect(socket.dispatches.filter(({ t }) => t === "GUILD_ROLE_UPDATE")).toHaveLength(2);
    socket.close();
  });
});

describe("nobody rises by roles: a member with MANAGE_ROLES", () => {
  let manager: { client: Client; roleId: string };
  let above: string;
  let below: string;

  beforeAll(async () => {
    manager = await member(MANAGE_ROLES | KICK_MEMBERS, "manager");
    above = (await owner.post(roles, { name: "above", permissions: "0" })).id;
    below = (await owner.post(roles, { name: "below", permissions: "0" })).id;
    const rest = (await order()).filter((id) => ![above, below, manager.roleId].includes(id));
    await owner.patch(
      roles,
      [...rest, below, manager.roleId, above].map((id, i) => ({ id, position: i + 1 })),
    );
  });

  test("makes and edits lower roles with the permissions it has", async () => {
    const made = await manager.client.post(roles, { permissions: KICK_MEMBERS.toString() });
    await manager.client.patch(`${roles}/${made.id}`, { permissions: MANAGE_ROLES.toString(), name: "deputy" });
    await manager.client.delete(`${roles}/${made.id}`);
  });

  test("can't make or edit a role with permissions it lacks", async () => {
    const { client } = manager;
    await refused(Code.MissingPermissions, client, "POST", roles, { permissions: BAN_MEMBERS.toString() });
    await refused(Code.MissingPermissions, client, "POST", roles, { permissions: "8" });
    await refused(Code.MissingPermissions, client, "PATCH", `${roles}/${below}`, { permissions: "8" });
    await refused(Code.MissingPermissions, client, "PATCH", `${roles}/${guild.id}`, { permissions: "8" });
    expect((await owner.get(`${roles}/${below}`)).permissions).toBe("0");
  });

  test("may leave a lower role the permissions that it lacks itself", async () => {
    await owner.patch(`${roles}/${below}`, { permissions: BAN_MEMBERS.toString() });
    const both = (BAN_MEMBERS | KICK_MEMBERS).toString();
    expect((await manager.client.patch(`${roles}/${below}`, { permissions: both })).permissions).toBe(both);
    await owner.patch(`${roles}/${below}`, { permissions: "0" });
  });

  test("can't edit or delete its own highest role or one above", async () => {
    for (const id of [manager.roleId, above]) {
      await refused(Code.MissingPermissions, manager.client, "PATCH", `${roles}/${id}`, { name: "mine" });
      await refused(Code.MissingPermissions, manager.client, "DELETE", `${roles}/${id}`);
    }
  });

  test("can't sort itself or others past its own rank", async () => {
    const before = await order();
    const top = before.length;
    for (const body of [
      [{ id: manager.roleId, position: top + 1 }],
      [{ id: below, position: top + 1 }],
      [{ id: above, position: 1 }],
      [
        { id: above, position: top - 2 },
        { id: manager.roleId, position: top },
      ],
    ]) {
      await refused(Code.MissingPermissions, manager.client, "PATCH", roles, body);
    }
    expect(await order()).toEqual(before);
  });

  test("sorts below itself, in a request that names the roles above as well", async () => {
    const before = await order();
    const [first = "", second = "", ...rest] = before;
    const after = [second, first, ...rest];
    await manager.client.patch(
      roles,
      after.map((id, i) => ({ id, position: i + 1 })),
    );
    expect(await order()).toEqual(after);
  });

  test("loses that with the role, even for a request that began before", async () => {
    const { client, roleId } = await member(MANAGE_ROLES, "demoted");
    // The body is held back until the role is gone: what it asks for must be judged by then.
    const headers = { authorization: client.token ?? "", "content-type": "application/json" };
    const pending = request(`${platform.url()}/api/v10${roles}`, { method: "POST", headers });
    const answered = once(pending, "response");
    pending.flushHeaders();
    for (let i = 0; i < 20; i++) await owner.get(roles);
    await owner.delete(`/guilds/${guild.id}/members/${client.id}/roles/${roleId}`);
    pending.end(JSON.stringify({ name: "too late" }));
    const [answer] = await answered;
    expect(answer.statusCode).toBe(403);
    expect((await owner.get(roles)).some((role: { name: string }) => role.name === "too late")).toBe(false);
  });
});

test("members without MANAGE_ROLES read roles and change none", async () => {
  const { client } = await member(0n);
  const { id } = await owner.post(roles, {});
  await client.get(roles);
  for (const [method, path, body] of [
    ["POST", roles, {}],
    ["PATCH", roles, [{ id, position: 5 }]],
    ["PATCH", `${roles}/${id}`, { name: "x" }],
    ["DELETE", `${roles}/${id}`, undefined],
  ] as const) {
    await refused(Code.MissingPermissions, client, method, path, body);
  }
  const stranger = await platform.person();
  await refused(Code.MissingAccess, stranger, "GET", roles);
});

test("roles of another guild are unknown in this one", async () => {
  const foreign = await owner.post(`/guilds/${other.id}/roles`, { name: "foreign" });
  await refused(Code.UnknownRole, owner, "GET", `${roles}/${foreign.id}`);
  await refused(Code.UnknownRole, owner, "PATCH", `${roles}/${foreign.id}`, { name: "taken" });
  await refused(Code.UnknownRole, owner, "DELETE", `${roles}/${foreign.id}`);
  await refused(Code.UnknownRole, owner, "PATCH", roles, [{ id: foreign.id, position: 1 }]);
  expect((await owner.get(`/guilds/${other.id}/roles/${foreign.id}`)).name).toBe("foreign");
});

test("a bot's own role can't be deleted by hand, and goes with the bot", async () => {
  const bot = await platform.bot(owner, guild.id, "2048");
  const managed = (await owner.get(roles)).find((role: { tags?: { bot_id?: string } }) => role.tags?.bot_id === bot.id);
  expect(managed).toMatchObject({ managed: true, permissions: "2048" });
  await refused(Code.InvalidRole, owner, "DELETE", `${roles}/${managed.id}`);
  await owner.delete(`/guilds/${guild.id}/members/${bot.id}`);
  await refused(Code.UnknownRole, owner, "GET", `${roles}/${managed.id}`);
});

test("bodies that are wrong are refused with the field at fault", async () => {
  for (const body of [
    { color: -1 },
    { color: 1 << 24 },
    { permissions: "all" },
    { permissions: -1 },
    { hoist: "yes" },
  ]) {
    await refused(Code.InvalidFormBodyOrContentType, owner, "POST", roles, body);
  }
  await refused(Code.InvalidFormBodyOrContentType, owner, "POST", roles, { name: "n".repeat(101) });
  await refused(Code.InvalidFormBodyOrContentType, owner, "PATCH", roles, { id: guild.id });
  await refused(Code.InvalidFormBodyOrContentType, owner, "PATCH", roles, [{ id: guild.id, position: -1 }]);
});
