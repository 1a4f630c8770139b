import { expect, test } from "vitest";
import { Permission } from "../../core/permissions.ts";
import type { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";

/**
 * Faults that other platforms of this kind have had, each tried here. Those that the matrix of all routes would show,
 * such as a route without its permission, are tried there (route-matrix.test.ts), rises of rank or permissions in any
 * order of calls in no-escalation.test.ts, fields that a body must not set in mass-assignment.test.ts.
 */
const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
await owner.patch(`/guilds/${guild.id}/roles/${guild.id}`, { permissions: String(Permission.VIEW_CHANNEL) });
const messages = `/channels/${guild.channelId}/messages`;
const { SEND_MESSAGES, VIEW_CHANNEL, READ_MESSAGE_HISTORY, MODERATE_MEMBERS, MANAGE_ROLES, KICK_MEMBERS } = Permission;

/** A member with these permissions; ranks above those made before. */
async function member(permissions: bigint): Promise<Client & { roleId: string }> {
  const person = await platform.person("member");
  await platform.join(owner, guild, person);
  const roles = `/guilds/${guild.id}/roles`;
  const role = await owner.post(roles, { name: "role", permissions: String(permissions) });
  await owner.put(`/guilds/${guild.id}/members/${person.id}/roles/${role.id}`);
  const all: { id: string }[] = await owner.get(roles);
  await owner.patch(roles, [{ id: role.id, position: all.length }]);
  return Object.assign(person, { roleId: String(role.id) });
}

test("an edit asks for the same permission to embed as the message did", async () => {
  const writer = await member(SEND_MESSAGES | READ_MESSAGE_HISTORY);
  const embeds = [{ title: "title" }];
  await refused(Code.MissingPermissions, writer, "POST", messages, { content: "text", embeds });
  const message = await writer.post(messages, { content: "text" });
  await refused(Code.MissingPermissions, writer, "PATCH", `${messages}/${message.id}`, { embeds });
  expect((await owner.get(`${messages}/${message.id}`)).embeds).toEqual([]);
});

test("an edit changes neither the kind of a message nor who wrote it, and answers with what a reader sees", async () => {
  const message = await owner.post(messages, { content: "text" });
  const change = { content: "new", type: 7, author_id: "1", author: { id: "1" }, webhook_id: "1", pinned: true };
  const edited = await owner.patch(`${messages}/${message.id}`, change);
  expect(edited).toMatchObject({ type: 0, content: "new", author: { id: owner.id }, pinned: false });
  expect(Object.keys(edited).sort()).toEqual(Object.keys(message).sort());
});

test("a member times out neither equals nor the owner nor who could time it out", async () => {
  const low = await member(MODERATE_MEMBERS);
  const high = await member(MODERATE_MEMBERS);
  const until = { communication_disabled_until: new Date(Date.now() + 60_000).toISOString() };
  for (const { id } of [high, owner, low]) {
    await refused(Code.MissingPermissions, low, "PATCH", `/guilds/${guild.id}/members/${id}`, until);
  }
});

test("a member grants no permission that it lacks: by a role, an overwrite, a bot", async () => {
  const clerk = await member(MANAGE_ROLES | VIEW_CHANNEL | Permission.MANAGE_GUILD);
  const lower = await owner.post(`/guilds/${guild.id}/roles`, { name: "lower", permissions: "0" });
  const permissions = String(Permission.BAN_MEMBERS);
  await refused(Code.MissingPermissions, clerk, "POST", `/guilds/${guild.id}/roles`, { permissions });
  await refused(Code.MissingPermissions, clerk, "PATCH", `/guilds/${guild.id}/roles/${lower.id}`, { permissions });
  const allow = String(Permission.MANAGE_MESSAGES);
  const overwrite = `/channels/${guild.channelId}/permissions/${lower.id}`;
  await refused(Code.MissingPermissions, clerk, "PUT", overwrite, { type: 0, allow });
  const bot = await platform.bot(clerk);
  const path = `/oauth2/authorize?client_id=${bot.id}&scope=bot&permissions=8`;
  await clerk.request("POST", path, { guild_id: guild.id, authorize: true });
  const roles: { permissions: string; tags?: { bot_id?: string } }[] = await owner.get(`/guilds/${guild.id}/roles`);
  const own = roles.find(({ tags }) => tags?.bot_id === bot.id);
  expect(BigInt(own?.permissions ?? "0") & Permission.ADMINISTRATOR).toBe(0n);
});

test("a member moves no role past its own rank, gives none from there, and removes nobody of its own rank", async () => {
  const low = await member(MANAGE_ROLES | KICK_MEMBERS | Permission.BAN_MEMBERS);
  const high = await member(KICK_MEMBERS);
  const lower = await owner.post(`/guilds/${guild.id}/roles`, { name: "lower", permissions: "0" });
  const roles = `/guilds/${guild.id}/roles`;
  await refused(Code.MissingPermissions, low, "PATCH", roles, [{ id: lower.id, position: 99 }]);
  await refused(Code.MissingPermissions, low, "PUT", `/guilds/${guild.id}/members/${low.id}/roles/${high.roleId}`);
  await refused(Code.MissingPermissions, low, "PATCH", `/guilds/${guild.id}/members/${low.id}`, {
    roles: [high.roleId],
  });
  await refused(Code.MissingPermissions, low, "DELETE", `/guilds/${guild.id}/members/${high.id}`);
  await refused(Code.MissingPermissions, low, "PUT", `/guilds/${guild.id}/bans/${high.id}`, {});
  await refused(Code.MissingPermissions, high, "DELETE", `/guilds/${guild.id}/members/${high.id}`);
});

test("the owner, without any role, is stopped by no rank", async () => {
  const top = await member(Permission.ADMINISTRATOR);
  await owner.patch(`/guilds/${guild.id}/roles/${top.roleId}`, { permissions: "0" });
  await owner.patch(`/guilds/${guild.id}/members/${top.id}`, { nick: "nick", roles: [] });
  await owner.delete(`/guilds/${guild.id}/members/${top.id}`);
});

test("a role of another guild is given to nobody", async () => {
  const elsewhere = await platform.guild(owner);
  const foreign = await owner.post(`/guilds/${elsewhere.id}/roles`, { name: "foreign", permissions: "8" });
  const { id } = await member(0n);
  await refused(Code.UnknownRole, owner, "PUT", `/guilds/${guild.id}/members/${id}/roles/${foreign.id}`);
  await refused(Code.UnknownRole, owner, "PATCH", `/guilds/${guild.id}/members/${id}`, { roles: [foreign.id] });
});

test("an overwrite keeps no bits that mean nothing", async () => {
  const path = `/channels/${guild.channelId}/permissions/${guild.id}`;
  await owner.put(path, { type: 0, allow: String((1n << 62n) | VIEW_CHANNEL), deny: String(1n << 61n) });
  const { permission_overwrites: kept } = await owner.get(`/channels/${guild.channelId}`);
  expect(kept).toEqual([{ id: guild.id, type: 0, allow: String(VIEW_CHANNEL), deny: "0" }]);
});

test("what a reader has lost sight of is shown to it by no reply and no forward", async () => {
  const hidden = await owner.post(`/guilds/${guild.id}/channels`, { name: "hidden" });
  const secret = await owner.post(`/channels/${hidden.id}/messages`, { content: "secret" });
  const reader = await member(SEND_MESSAGES | READ_MESSAGE_HISTORY);
  await owner.put(`/channels/${hidden.id}/permissions/${guild.id}`, { type: 0, deny: String(VIEW_CHANNEL) });
  for (const type of [0, 1]) {
    const reference = { type, message_id: secret.id, channel_id: hidden.id };
    const answer = await reader.request("POST", messages, { content: "x", message_reference: reference });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(JSON.stringify(answer.body)).not.toContain("secret");
  }
});

test("a webhook's token is shown to nobody who may not manage webhooks", async () => {
  const hook = await owner.post(`/channels/${guild.channelId}/webhooks`, { name: "hook" });
  const viewer = await member(SEND_MESSAGES | READ_MESSAGE_HISTORY | Permission.VIEW_AUDIT_LOG);
  for (const path of [
    `/channels/${guild.channelId}/webhooks`,
    `/guilds/${guild.id}/webhooks`,
    `/webhooks/${hook.id}`,
  ]) {
    await refused(Code.MissingPermissions, viewer, "GET", path);
  }
  expect(JSON.stringify(await viewer.get(`/guilds/${guild.id}/audit-logs`))).not.toContain(hook.token);
});
