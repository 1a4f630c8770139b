import { GatewayIntentBits } from "discord-api-types/v10";
import { expect, test } from "vitest";
import type { Client, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";

const platform = await startPlatform({ gateways: 2 });
const owner = await platform.person("owner");
const VIEW_AUDIT_LOG = "128";
const T = "GUILD_AUDIT_LOG_ENTRY_CREATE";

/** A guild with a bot that may view its log, on each node, and a plain member. */
async function scene() {
  const guild = await platform.guild(owner);
  const bot = await platform.bot(owner, guild.id, VIEW_AUDIT_LOG);
  const member = await platform.person("member");
  await platform.join(owner, guild, member);
  return { guild, bot, member };
}

const rename = (guild: { id: string }, name: string, reason?: string) =>
  owner.request("PATCH", `/guilds/${guild.id}`, { name }, reason === undefined ? {} : { "x-audit-log-reason": reason });

/** New names of the guild that a session was told of by the log, once all has arrived that was sent before. */
async function told(socket: Socket, guild: { id: string; channelId: string }): Promise<string[]> {
  const { id } = await owner.post(`/channels/${guild.channelId}/messages`, { content: "marker" });
  await socket.event("MESSAGE_CREATE", (d) => d.id === id);
  return namesIn(socket);
}

const namesIn = (socket: Socket): string[] =>
  socket.dispatches
    .filter(({ t, d }) => t === T && d.action_type === 1)
    .map(({ d }) => d.changes.find((change: Json) => change.key === "name").new_value);

test("an entry comes with all that REST tells of it, and its guild", async () => {
  const { guild, bot } = await scene();
  const socket = await platform.socket(bot);
  await rename(guild, "Renamed", "because");
  const { d } = await socket.event(T);
  const { audit_log_entries: entries } = await owner.get(`/guilds/${guild.id}/audit-logs?action_type=1`);
  expect(d).toEqual({ ...entries[0], guild_id: guild.id });
  expect(d).toMatchObject({ user_id: owner.id, target_id: guild.id, reason: "because" });
  socket.close();
});

test("entries go to those with VIEW_AUDIT_LOG and the intent alone, on every node", async () => {
  const { guild, bot, member } = await scene();
  const { GuildModeration } = GatewayIntentBits;
  const without = { intents: 53_608_447 & ~GuildModeration };
  const sockets = await Promise.all([
    platform.socket(bot, { gateway: 0 }),
    platform.socket(bot, { gateway: 1 }),
    platform.socket(owner, { gateway: 1 }),
    platform.socket(bot, { gateway: 1, ...without }),
    platform.socket(member, { gateway: 0 }),
    platform.socket(member, { gateway: 1 }),
  ]);
  await rename(guild, "Seen");
  const seen = await Promise.all(sockets.map((socket) => told(socket, guild)));
  expect(seen).toEqual([["Seen"], ["Seen"], ["Seen"], [], [], []]);
  for (const socket of sockets) socket.close();
});

test("who is given the permission or loses it is told from then on, or no longer, on every node", async () => {
  const { guild, member } = await scene();
  const sockets = [await platform.socket(member, { gateway: 0 }), await platform.socket(member, { gateway: 1 })];
  const seen = async () => Promise.all(sockets.map((socket) => told(socket, guild)));
  const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "auditor", permissions: VIEW_AUDIT_LOG });
  const path = `/guilds/${guild.id}/members/${member.id}/roles/${role.id}`;

  await rename(guild, "before");
  await owner.put(path);
  await rename(guild, "given");
  await owner.patch(`/guilds/${guild.id}/roles/${role.id}`, { permissions: "0" });
  await rename(guild, "role changed");
  await owner.patch(`/guilds/${guild.id}/roles/${role.id}`, { permissions: VIEW_AUDIT_LOG });
  await rename(guild, "role changed back");
  await owner.delete(path);
  await rename(guild, "taken");
  await owner.patch(`/guilds/${guild.id}/roles/${guild.id}`, { permissions: "1152" });
  await rename(guild, "everyone");
  const until = new Date(Date.now() + 3600_000).toISOString();
  await owner.patch(`/guilds/${guild.id}/members/${member.id}`, { communication_disabled_until: until });
  await rename(guild, "timed out");
  await owner.patch(`/guilds/${guild.id}/members/${member.id}`, { communication_disabled_until: null });
  await rename(guild, "timed out no longer");
  const due = ["given", "role changed back", "everyone", "timed out no longer"];
  expect(await seen()).toEqual([due, due]);
  await owner.delete(`/guilds/${guild.id}/members/${member.id}`);
  await rename(guild, "kicked");
  await Promise.all(sockets.map((socket) => socket.event("GUILD_DELETE")));
  await Promise.all(sockets.map((socket) => socket.settled()));
  expect(sockets.map(namesIn)).toEqual([due, due]);
  for (const socket of sockets) socket.close();
});

test("a session that resumes gets the entries that it may see now, and no others", async () => {
  const { guild, bot, member } = await scene();
  const drop = async (client: Client) => {
    const socket = await platform.socket(client, { gateway: 0 });
    const kept = { id: socket.sessionId, seq: socket.seq };
    socket.cut();
    await socket.closing();
    return { client, ...kept };
  };
  const dropped = [await drop(bot), await drop(member)];
  await rename(guild, "missed");
  const resumed = await Promise.all(
    dropped.map(async ({ client, id, seq }) => {
      const socket = await Socket.open(platform.gatewayUrl(1));
      expect((await socket.resume(client.token ?? "", id, seq)).t).toBe("RESUMED");
      return socket;
    }),
  );
  expect(resumed.map(namesIn)).toEqual([["missed"], []]);

  const again = await drop(bot);
  await rename(guild, "missed for good");
  const roles = await owner.get(`/guilds/${guild.id}/roles`);
  const own = roles.find((role: Json) => role.tags?.bot_id === bot.id);
  await owner.patch(`/guilds/${guild.id}/roles/${own.id}`, { permissions: "0" });
  const socket = await Socket.open(platform.gatewayUrl(1));
  expect((await socket.resume(bot.token ?? "", again.id, again.seq)).t).toBe("RESUMED");
  expect(namesIn(socket)).toEqual([]);
  for (const each of [...resumed, socket]) each.close();
});
