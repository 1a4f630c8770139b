import { describe, expect, test } from "vitest";
import type { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";
import { expectShape } from "./shape.ts";

const platform = await startPlatform();
const VIEW_CHANNEL = 1n << 10n;
const SEND_MESSAGES = 1n << 11n;
const MANAGE_CHANNELS = 1n << 4n;
const MANAGE_MESSAGES = 1n << 13n;
const MANAGE_ROLES = 1n << 28n;
const CATEGORY = 4;

const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const other = await platform.guild(owner, "Another guild");
const channels = `/guilds/${guild.id}/channels`;

/** A member with a role of its own that has these permissions. */
async function member(permissions: bigint, name = "member"): Promise<{ client: Client; roleId: string }> {
  const client = await platform.person(name);
  await platform.join(owner, guild, client);
  const role = await owner.post(`/guilds/${guild.id}/roles`, { name, permissions: permissions.toString() });
  await owner.put(`/guilds/${guild.id}/members/${client.id}/roles/${role.id}`);
  return { client, roleId: role.id };
}

const allow = (id: string, type: 0 | 1, bits: bigint) => ({ id, type, allow: bits.toString(), deny: "0" });
const deny = (id: string, type: 0 | 1, bits: bigint) => ({ id, type, allow: "0", deny: bits.toString() });
const hidden = deny(guild.id, 0, VIEW_CHANNEL);

describe("a channel", () => {
  test("is made, read, changed and deleted, and sockets hear of each", async () => {
    const socket = await platform.socket(owner);
    const made = await owner.post(channels, { name: "Big News", topic: "What is new", nsfw: true });
    expectShape("GuildChannelResponse", made);
    expect(made).toMatchObject({ name: "big-news", type: 0, topic: "What is new", nsfw: true, guild_id: guild.id });
    expect((await socket.event("CHANNEL_CREATE", (d) => d.id === made.id)).d).toEqual(made);

    expect(await owner.get(`/channels/${made.id}`)).toEqual(made);
    const listed = await owner.get(channels);
    for (const channel of listed) expectShape("GuildChannelResponse", channel);
    expect(listed).toContainEqual(made);

    const changes = { name: "old news", topic: null, rate_limit_per_user: 10, default_auto_archive_duration: 60 };
    const changed = await owner.patch(`/channels/${made.id}`, changes);
    expectShape("GuildChannelResponse", changed);
    expect(changed).toEqual({ ...made, ...changes, name: "old-news" });
    expect((await socket.event("CHANNEL_UPDATE", (d) => d.id === made.id)).d).toEqual(changed);

    expect(await owner.delete(`/channels/${made.id}`)).toEqual(changed);
    expect((await socket.event("CHANNEL_DELETE", (d) => d.id === made.id)).d).toEqual(changed);
    await refused(Code.UnknownChannel, owner, "GET", `/channels/${made.id}`);
    socket.close();
  });

  test.each([
    [2, { bitrate: 96_000, user_limit: 5 }],
    [CATEGORY, {}],
    [5, { topic: "read all about it" }],
  ])("can have the type %i", async (type, fields) => {
    const made = await owner.post(channels, { name: "some", type, ...fields });
    expectShape("GuildChannelResponse", made);
    expect(made).toMatchObject({ type, ...fields });
  });

  test("of text can become one for announcements and back, and no other", async () => {
    const { id } = await owner.post(channels, { name: "convert" });
    expect((await owner.patch(`/channels/${id}`, { type: 5 })).type).toBe(5);
    expect((await owner.patch(`/channels/${id}`, { type: 0 })).type).toBe(0);
    await refused(Code.CannotExecuteActionOnThisChannelType, owner, "PATCH", `/channels/${id}`, { type: CATEGORY });
  });

  test("that is deleted takes its invites with it, and the guild no longer names it", async () => {
    const { id } = await owner.post(channels, { name: "system" });
    const invite = await owner.post(`/channels/${id}/invites`, {});
    await owner.patch(`/guilds/${guild.id}`, { system_channel_id: id });
    const socket = await platform.socket(owner);
    await owner.delete(`/channels/${id}`);
    expect((await socket.event("GUILD_UPDATE")).d.system_channel_id).toBeNull();
    expect((await owner.get(`/guilds/${guild.id}`)).system_channel_id).toBeNull();
    await refused(Code.UnknownInvite, owner, "GET", `/invites/${invite.code}`);
    socket.close();
  });

  test("is one of 500 at most", async () => {
    const full = await platform.guild(owner, "Full of channels");
    const made = await Promise.all(
      Array.from({ length: 510 }, () => owner.request("POST", `/guilds/${full.id}/channels`, { name: "one" })),
    );
    expect(made.filter(({ status }) => status === 201)).toHaveLength(499);
    for (const { body } of made.filter(({ status }) => status !== 201)) {
      expect(body).toEqual({ code: Code.MaximumNumberOfGuildChannelsReached, message: expect.any(String) });
    }
  });

  test("of two people is shown to both with the other as recipient, and closing it loses nothing", async () => {
    const friend = await platform.person("friend");
    const dm = await owner.post("/users/@me/channels", { recipient_id: friend.id });
    const shown = await friend.get(`/channels/${dm.id}`);
    expectShape("PrivateChannelResponse", shown);
    expect(shown.recipients[0].id).toBe(owner.id);
    expect(await owner.delete(`/channels/${dm.id}`)).toEqual(dm);
    expect(await owner.get(`/channels/${dm.id}`)).toEqual(dm);
    await refused(Code.CannotExecuteActionOnDMChannel, owner, "PATCH", `/channels/${dm.id}`, { name: "us" });
    await refused(Code.UnknownChannel, await platform.person(), "GET", `/channels/${dm.id}`);
  });
});

describe("a category", () => {
  test("gives its overwrites to channels made in it without any", async () => {
    const category = await owner.post(channels, { name: "Staff", type: CATEGORY, permission_overwrites: [hidden] });
    const synced = await owner.post(channels, { name: "in", parent_id: category.id });
    expect(synced).toMatchObject({ parent_id: category.id, permission_overwrites: [hidden] });
    const own = await owner.post(channels, { name: "own", parent_id: category.id, permission_overwrites: [] });
    expect(own.permission_overwrites).toEqual([]);
  });

  test("changes the overwrites of channels that are in sync with it, and of no other", async () => {
    const category = await owner.post(channels, { name: "Sync", type: CATEGORY });
    const synced = await owner.post(channels, { name: "synced", parent_id: category.id });
    const apart = await owner.post(channels, {
      name: "apart",
      parent_id: category.id,
      permission_overwrites: [hidden],
    });
    const socket = await platform.socket(owner);
    const open = allow(guild.id, 0, SEND_MESSAGES);
    await owner.patch(`/channels/${category.id}`, { permission_overwrites: [open] });
    await socket.event("CHANNEL_UPDATE", (d) => d.id === category.id);
    const update = await socket.event("CHANNEL_UPDATE", (d) => d.id === synced.id);
    expect(update.d.permission_overwrites).toEqual([open]);
    await owner.put(`/channels/${category.id}/permissions/${owner.id}`, { type: 1, allow: "1024" });
    expect((await owner.get(`/channels/${synced.id}`)).permission_overwrites).toHaveLength(2);
    expect((await owner.get(`/channels/${apart.id}`)).permission_overwrites).toEqual([hidden]);
    await socket.settled();
    expect(socket.dispatches.some(({ d }) => d.id === apart.id)).toBe(false);
    socket.close();
  });

  test("that is deleted leaves its channels, and sockets hear that they have none", async () => {
    const category = await owner.post(channels, { name: "Going", type: CATEGORY });
    const child = await owner.post(channels, { name: "staying", parent_id: category.id });
    const socket = await platform.socket(owner);
    await owner.delete(`/channels/${category.id}`);
    expect((await socket.event("CHANNEL_UPDATE", (d) => d.id === child.id)).d.parent_id).toBeNull();
    expect((await owner.get(`/channels/${child.id}`)).parent_id).toBeNull();
    socket.close();
  });

  test("must be one, of the same guild, with room, and not in a category itself", async () => {
    const category = await owner.post(channels, { name: "Full", type: CATEGORY });
    const foreign = await owner.post(`/guilds/${other.id}/channels`, { name: "Foreign", type: CATEGORY });
    const text = await owner.post(channels, { name: "text" });
    for (const parent of [foreign.id, text.id, "1"]) {
      const body = { name: "lost", parent_id: parent };
      await refused(Code.InvalidFormBodyOrContentType, owner, "POST", channels, body);
      await refused(Code.InvalidFormBodyOrContentType, owner, "PATCH", `/channels/${text.id}`, { parent_id: parent });
      await refused(Code.InvalidFormBodyOrContentType, owner, "PATCH", channels, [{ id: text.id, parent_id: parent }]);
    }
    const nested = [
      { id: (await owner.post(channels, { name: "Nested", type: CATEGORY })).id, parent_id: category.id },
    ];
    await refused(Code.InvalidFormBodyOrContentType, owner, "PATCH", channels, nested);
    const made = await Promise.all(
      Array.from({ length: 52 }, () => owner.request("POST", channels, { name: "one", parent_id: category.id })),
    );
    expect(made.filter(({ status }) => status === 201)).toHaveLength(50);
    expect((await owner.get(`/channels/${text.id}`)).parent_id).toBeNull();
  });
});

describe("positions", () => {
  test("the end of a list is known where a channel has the highest position that there is", async () => {
    const { id } = await platform.guild(owner);
    const [last] = await owner.get(`/guilds/${id}/channels`);
    await owner.patch(`/channels/${last.id}`, { position: 2_147_483_647 });
    const next = await owner.post(`/guilds/${id}/channels`, { name: "next", type: last.type });
    expect(next.position).toBe(2_147_483_647);
  });

  test("change for several channels at once, and sockets hear of those that moved", async () => {
    const [a, b] = [await owner.post(channels, { name: "a" }), await owner.post(channels, { name: "b" })];
    expect(b.position).toBe(a.position + 1);
    const category = await owner.post(channels, { name: "C", type: CATEGORY, permission_overwrites: [hidden] });
    const socket = await platform.socket(owner);
    await owner.patch(channels, [
      { id: a.id, position: b.position, parent_id: category.id, lock_permissions: true },
      { id: b.id, position: a.position },
      { id: category.id, position: category.position },
    ]);
    const moved = { position: b.position, parent_id: category.id, permission_overwrites: [hidden] };
    expect((await socket.event("CHANNEL_UPDATE", (d) => d.id === a.id)).d).toMatchObject(moved);
    expect((await socket.event("CHANNEL_UPDATE", (d) => d.id === b.id)).d).toEqual({ ...b, position: a.position });
    await socket.settled();
    expect(socket.dispatches.filter(({ t }) => t === "CHANNEL_UPDATE")).toHaveLength(2);
    await owner.patch(channels, [{ id: a.id, parent_id: null }]);
    expect(await owner.get(`/channels/${a.id}`)).toMatchObject({ parent_id: null, permission_overwrites: [hidden] });
    socket.close();
  });

  test("name one channel with a new category at most, and no channel of another guild", async () => {
    const category = await owner.post(channels, { name: "D", type: CATEGORY });
    const [a, b] = [await owner.post(channels, { name: "a" }), await owner.post(channels, { name: "b" })];
    const both = [a, b].map(({ id }) => ({ id, parent_id: category.id }));
    await refused(Code.OnlyOneChannelCanHaveAParentIdModifiedAtATime, owner, "PATCH", channels, both);
    const foreign = [
      { id: a.id, position: 90 },
      { id: other.channelId, position: 3 },
    ];
    await refused(Code.UnknownChannel, owner, "PATCH", channels, foreign);
    expect(await owner.get(`/channels/${a.id}`)).toEqual(a);
  });

  test("may include channels that the member can't see, while a new category needs more", async () => {
    const { client } = await member(MANAGE_CHANNELS, "sorter");
    const secret = await owner.post(channels, { name: "secret", permission_overwrites: [hidden] });
    const locked = await owner.post(channels, { name: "L", type: CATEGORY, permission_overwrites: [hidden] });
    const open = await owner.post(channels, { name: "O", type: CATEGORY });
    const text = await owner.post(channels, { name: "text" });
    await client.patch(channels, [{ id: secret.id, position: 77 }]);
    expect((await owner.get(`/channels/${secret.id}`)).position).toBe(77);
    await refused(Code.MissingAccess, client, "PATCH", channels, [{ id: secret.id, parent_id: open.id }]);
    await refused(Code.MissingAccess, client, "PATCH", channels, [{ id: text.id, parent_id: locked.id }]);
    const locking = [{ id: text.id, parent_id: open.id, lock_permissions: true }];
    await refused(Code.MissingPermissions, client, "PATCH", channels, locking);
    await client.patch(channels, [{ id: text.id, parent_id: open.id }]);
  });
});

describe("overwrites", () => {
  test("are set, replaced and removed one by one, and sockets hear of each", async () => {
    const { id } = await owner.post(channels, { name: "one-by-one" });
    const socket = await platform.socket(owner);
    const path = `/channels/${id}/permissions`;
    expect((await owner.request("PUT", `${path}/${guild.id}`, { type: 0, deny: "2048" })).status).toBe(204);
    await socket.event("CHANNEL_UPDATE", (d) => d.permission_overwrites[0]?.deny === "2048");
    await owner.put(`${path}/${guild.id}`, { type: 0, allow: "1024", deny: null });
    const changed = await socket.event("CHANNEL_UPDATE", (d) => d.permission_overwrites[0]?.allow === "1024");
    expect(changed.d.permission_overwrites).toEqual([allow(guild.id, 0, VIEW_CHANNEL)]);
    expect((await owner.request("DELETE", `${path}/${guild.id}`)).status).toBe(204);
    await socket.event("CHANNEL_UPDATE", (d) => d.permission_overwrites.length === 0);
    await refused(Code.UnknownPermissionOverwrite, owner, "DELETE", `${path}/${guild.id}`);
    socket.close();
  });

  test("name roles and members of the guild only", async () => {
    const stranger = await platform.person("stranger");
    const foreign = await owner.post(`/guilds/${other.id}/roles`, {});
    const { id } = await owner.post(channels, { name: "targets" });
    for (const target of [stranger.id, foreign.id, "1"]) {
      const body = { type: target === foreign.id ? 0 : 1, allow: "1024" };
      await refused(Code.UnknownPermissionOverwrite, owner, "PUT", `/channels/${id}/permissions/${target}`, body);
      const list = { permission_overwrites: [{ id: target, ...body }] };
      await refused(Code.UnknownPermissionOverwrite, owner, "PATCH", `/channels/${id}`, list);
      await refused(Code.UnknownPermissionOverwrite, owner, "POST", channels, { name: "x", ...list });
    }
    await refused(Code.UnknownPermissionOverwrite, owner, "PUT", `/channels/${id}/permissions/${guild.id}`, {
      type: 1,
    });
  });

  test("hide a channel from those who may not view it", async () => {
    const { client } = await member(0n);
    const { id } = await owner.post(channels, { name: "hidden", permission_overwrites: [hidden] });
    await refused(Code.MissingAccess, client, "GET", `/channels/${id}`);
    const seen: { id: string }[] = await client.get(channels);
    expect(seen.some((channel) => channel.id === id)).toBe(false);
    expect(seen.some((channel) => channel.id === guild.channelId)).toBe(true);
    const socket = await platform.socket(client);
    await owner.put(`/channels/${id}/permissions/${client.id}`, { type: 1, allow: VIEW_CHANNEL.toString() });
    await socket.event("CHANNEL_CREATE", (d) => d.id === id);
    expect((await client.get(`/channels/${id}`)).id).toBe(id);
    socket.close();
  });

  test("of somebody who left may stay in a list that is sent back", async () => {
    const { client } = await member(0n, "leaver");
    const { id } = await owner.post(channels, {
      name: "left",
      permission_overwrites: [allow(client.id, 1, VIEW_CHANNEL)],
    });
    await client.delete(`/users/@me/guilds/${guild.id}`);
    const list = [allow(client.id, 1, VIEW_CHANNEL), hidden];
    const changed = await owner.patch(`/channels/${id}`, { permission_overwrites: list });
    expect(changed.permission_overwrites).toHaveLength(2);
  });
});

describe("nobody rises by overwrites: a member with MANAGE_CHANNELS and MANAGE_ROLES", async () => {
  const { client, roleId } = await member(MANAGE_CHANNELS | MANAGE_ROLES, "manager");
  const { id } = await owner.post(channels, {
    name: "managed",
    permission_overwrites: [allow(owner.id, 1, MANAGE_MESSAGES)],
  });

  test("allows and denies what it may itself", async () => {
    await client.put(`/channels/${id}/permissions/${guild.id}`, { type: 0, deny: SEND_MESSAGES.toString() });
    // It may not send in this channel any more, but in the guild: so it can undo what it did.
    await client.put(`/channels/${id}/permissions/${guild.id}`, { type: 0, allow: SEND_MESSAGES.toString() });
    await client.delete(`/channels/${id}/permissions/${guild.id}`);
  });

  test("can neither allow nor deny what it lacks, by whichever route", async () => {
    const before = await owner.get(`/channels/${id}`);
    for (const bits of [MANAGE_MESSAGES, 8n, 1n << 2n]) {
      for (const row of [allow(roleId, 0, bits), deny(roleId, 0, bits), allow(client.id, 1, bits)]) {
        await refused(Code.MissingPermissions, client, "PUT", `/channels/${id}/permissions/${row.id}`, row);
        const list = { permission_overwrites: [...before.permission_overwrites, row] };
        await refused(Code.MissingPermissions, client, "PATCH", `/channels/${id}`, list);
        await refused(Code.MissingPermissions, client, "POST", channels, { name: "x", permission_overwrites: [row] });
      }
    }
    expect(await owner.get(`/channels/${id}`)).toEqual(before);
  });

  test("can't pass on MANAGE_ROLES, which is for administrators", async () => {
    const row = allow(client.id, 1, MANAGE_ROLES);
    await refused(Code.MissingPermissions, client, "PUT", `/channels/${id}/permissions/${row.id}`, row);
    await owner.put(`/channels/${id}/permissions/${row.id}`, row);
    await owner.delete(`/channels/${id}/permissions/${row.id}`);
  });

  test("may send back what others set", async () => {
    const before = await owner.get(`/channels/${id}`);
    const list = [...before.permission_overwrites, hidden];
    const changed = await client.patch(`/channels/${id}`, { permission_overwrites: list });
    expect(changed.permission_overwrites).toHaveLength(list.length);
    await owner.patch(`/channels/${id}`, { permission_overwrites: before.permission_overwrites });
  });

  test("has no effect from bits that no permission has", async () => {
    await client.put(`/channels/${id}/permissions/${roleId}`, {
      type: 0,
      allow: ((1n << 62n) | VIEW_CHANNEL).toString(),
    });
    const { permission_overwrites: rows } = await owner.get(`/channels/${id}`);
    expect(rows).toContainEqual(allow(roleId, 0, VIEW_CHANNEL));
  });
});

test("each change needs its permission, and nothing changes without", async () => {
  const none = (await member(0n)).client;
  const channelsOnly = (await member(MANAGE_CHANNELS)).client;
  const rolesOnly = (await member(MANAGE_ROLES)).client;
  const { id } = await owner.post(channels, { name: "kept" });
  const before = await owner.get(channels);
  const { MissingPermissions } = Code;
  const row = { type: 0, allow: "1024" };
  for (const client of [none, rolesOnly]) {
    await refused(MissingPermissions, client, "POST", channels, { name: "x" });
    await refused(MissingPermissions, client, "PATCH", channels, [{ id, position: 50 }]);
    await refused(MissingPermissions, client, "PATCH", `/channels/${id}`, { name: "x" });
    await refused(MissingPermissions, client, "DELETE", `/channels/${id}`);
  }
  for (const client of [none, channelsOnly]) {
    await refused(MissingPermissions, client, "PUT", `/channels/${id}/permissions/${guild.id}`, row);
    await refused(MissingPermissions, client, "DELETE", `/channels/${id}/permissions/${guild.id}`);
  }
  await refused(MissingPermissions, channelsOnly, "PATCH", `/channels/${id}`, { permission_overwrites: [hidden] });
  const stranger = await platform.person();
  for (const [method, path, body] of [
    ["GET", channels, undefined],
    ["POST", channels, { name: "x" }],
    ["PATCH", channels, []],
    ["GET", `/channels/${id}`, undefined],
    ["PATCH", `/channels/${id}`, {}],
    ["DELETE", `/channels/${id}`, undefined],
    ["PUT", `/channels/${id}/permissions/${guild.id}`, row],
  ] as const) {
    await refused(Code.MissingAccess, stranger, method, path, body);
    expect((await platform.anonymous().request(method, path, body)).status).toBe(401);
  }
  expect(await owner.get(channels)).toEqual(before);
});

test("bodies that are wrong are refused with the field at fault", async () => {
  const path = `/channels/${guild.channelId}`;
  for (const body of [
    { name: "" },
    { name: "n".repeat(101) },
    { name: 1 },
    { topic: "t".repeat(1025) },
    { rate_limit_per_user: 21_601 },
    { position: -1 },
    { position: 2 ** 31 },
    { type: 1 },
    { parent_id: "none" },
    { permission_overwrites: [{ id: guild.id, type: 2 }] },
    { permission_overwrites: [{ id: guild.id, type: "role" }] },
    { permission_overwrites: [{ type: 0 }] },
    { permission_overwrites: [{ id: guild.id, type: 0, allow: "much" }] },
  ]) {
    await refused(Code.InvalidFormBodyOrContentType, owner, "PATCH", path, body);
    await refused(Code.InvalidFormBodyOrContentType, owner, "POST", channels, { name: "x", ...body });
  }
  await refused(Code.InvalidFormBodyOrContentType, owner, "POST", channels, {});
  await refused(Code.InvalidFormBodyOrContentType, owner, "PATCH", channels, {});
  await refused(Code.RequestBodyContainsInvalidJSON, owner, "PATCH", path, "{");
});
