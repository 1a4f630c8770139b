import { expect, test } from "vitest";
import type { Client, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import type { Socket } from "../harness/socket.ts";
import { Code, refused } from "../rest/refused.ts";

const platform = await startPlatform({ gateways: 2 });
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const watcher = await platform.socket(owner, { gateway: 1 });
const channel = (name: string): Promise<Json> => owner.post(`/guilds/${guild.id}/channels`, { name, type: 2 });
const [lobby, studio] = [await channel("lobby"), await channel("studio")];
const SOON = { timeout: 40_000 };

async function inVoice(): Promise<{ person: Client; socket: Socket; path: string }> {
  const person = await platform.person();
  await platform.join(owner, guild, person);
  const socket = await platform.socket(person);
  socket.send(4, { guild_id: guild.id, channel_id: lobby.id, self_mute: false, self_deaf: false });
  await watcher.event("VOICE_STATE_UPDATE", (d) => d.user_id === person.id && d.channel_id === lobby.id);
  return { person, socket, path: `/guilds/${guild.id}/members/${person.id}` };
}

async function moderator(permissions: bigint): Promise<Client> {
  const client = await platform.person("moderator");
  await platform.join(owner, guild, client);
  const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "voice", permissions: String(permissions) });
  await owner.put(`/guilds/${guild.id}/members/${client.id}/roles/${role.id}`);
  return client;
}

const entries = async (action: number): Promise<Json[]> =>
  (await owner.get(`/guilds/${guild.id}/audit-logs?action_type=${action}`)).audit_log_entries;

test("a member is muted, deafened, moved and disconnected, on every node and in the log", async () => {
  const { person, socket, path } = await inVoice();
  const muted = await owner.patch(path, { mute: true, deaf: true });
  expect(muted).toMatchObject({ mute: true, deaf: true });
  for (const each of [watcher, socket]) {
    const { d } = await each.event("VOICE_STATE_UPDATE", (state) => state.user_id === person.id && state.mute);
    expect(d).toMatchObject({ channel_id: lobby.id, deaf: true, session_id: socket.sessionId, member: { mute: true } });
  }
  expect((await entries(24))[0]).toMatchObject({
    target_id: person.id,
    changes: [
      { key: "mute", old_value: false, new_value: true },
      { key: "deaf", old_value: false, new_value: true },
    ],
  });
  await owner.patch(path, { channel_id: studio.id });
  await watcher.event("VOICE_STATE_UPDATE", (d) => d.user_id === person.id && d.channel_id === studio.id && d.mute);
  expect(await entries(26)).toMatchObject([{ target_id: null, options: { channel_id: studio.id, count: "1" } }]);
  await owner.patch(path, { channel_id: null });
  await watcher.event("VOICE_STATE_UPDATE", (d) => d.user_id === person.id && d.channel_id === null);
  expect(await entries(27)).toMatchObject([{ target_id: null, user_id: owner.id, options: { count: "1" } }]);
  await refused(Code.TargetUserIsNotConnectedToVoice, owner, "PATCH", path, { mute: false });
  // The next disconnection by the same person is counted into the same entry.
  socket.send(4, { guild_id: guild.id, channel_id: lobby.id, self_mute: false, self_deaf: false });
  await expect.poll(async () => (await owner.request("PATCH", path, { channel_id: null })).status, SOON).toBe(200);
  expect(await entries(27)).toMatchObject([{ options: { count: "2" } }]);
  socket.close();
});

test("each needs its permission, and a move one for where it leads", async () => {
  const { path, socket } = await inVoice();
  const [mover, muter] = [await moderator(1n << 24n), await moderator(1n << 22n)];
  await refused(Code.MissingPermissions, mover, "PATCH", path, { mute: true });
  await refused(Code.MissingPermissions, muter, "PATCH", path, { deaf: true });
  await refused(Code.MissingPermissions, muter, "PATCH", path, { channel_id: studio.id });
  expect((await muter.request("PATCH", path, { mute: true })).status).toBe(200);
  const locked = await channel("locked");
  await owner.put(`/channels/${locked.id}/permissions/${guild.id}`, { type: 0, deny: String(1 << 20) });
  await refused(Code.MissingPermissions, mover, "PATCH", path, { channel_id: locked.id });
  expect((await mover.request("PATCH", path, { channel_id: studio.id })).status).toBe(200);
  await refused(Code.UnknownChannel, owner, "PATCH", path, { channel_id: "1" });
  await refused(Code.CannotExecuteActionOnThisChannelType, owner, "PATCH", path, { channel_id: guild.channelId });
  socket.close();
});
