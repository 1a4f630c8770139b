import { describe, expect, test } from "vitest";
import { countSessions } from "../../core/presence-store.ts";
import { endTemporaryMemberships } from "../../src/temporary-members.ts";
import { openChanges } from "../harness/changes.ts";
import type { Client, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";
import { expectShape } from "./shape.ts";

const platform = await startPlatform();
const { sql, redis, change } = openChanges(platform);
const app = { sql, change, sessionsOf: (ids: readonly string[]) => countSessions(redis, ids) };

const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const invites = `/channels/${guild.channelId}/invites`;
const role = (name: string, permissions = 0n): Promise<Json> =>
  owner.post(`/guilds/${guild.id}/roles`, { name, permissions: String(permissions) });
const isMember = async (client: Client): Promise<boolean> =>
  (await owner.request("GET", `/guilds/${guild.id}/members/${client.id}`)).status === 200;

describe("roles of an invite", () => {
  test("are shown with it, and are those of whoever accepts it from the first moment", async () => {
    const [first, second] = [await role("first"), await role("second")];
    const socket = await platform.socket(owner);
    const invite = await owner.post(invites, { role_ids: [second.id, first.id, first.id], unique: true });
    expectShape("GuildInviteResponse", invite);
    expect(invite.roles.map(({ name }: Json) => name)).toEqual(["first", "second"]);
    expect((await socket.event("INVITE_CREATE", (d) => d.code === invite.code)).d.role_ids).toEqual([
      first.id,
      second.id,
    ]);
    // What else is asked for is another invite.
    expect((await owner.post(invites, {})).code).not.toBe(invite.code);
    await owner.delete(`/guilds/${guild.id}/roles/${second.id}`);
    const guest = await platform.person("guest");
    await guest.post(`/invites/${invite.code}`);
    const { d } = await socket.event("GUILD_MEMBER_ADD", (each) => each.user.id === guest.id);
    expect(d.roles).toEqual([first.id]);
    socket.close();
  });

  test("are only those that the inviter could give by hand", async () => {
    const low = await role("low");
    const mighty = await role("mighty", 1n << 5n);
    const top = await role("top", (1n << 0n) | (1n << 28n));
    await owner.patch(`/guilds/${guild.id}/roles`, [{ id: top.id, position: 9 }]);
    const helper = await platform.person("helper");
    await platform.join(owner, guild, helper);
    await refused(Code.MissingPermissions, helper, "POST", invites, { role_ids: [low.id] });
    await owner.put(`/guilds/${guild.id}/members/${helper.id}/roles/${top.id}`);
    expect((await helper.request("POST", invites, { role_ids: [low.id] })).status).toBe(200);
    await refused(Code.MissingPermissions, helper, "POST", invites, { role_ids: [mighty.id] });
    await refused(Code.MissingPermissions, helper, "POST", invites, { role_ids: [top.id] });
    await refused(Code.UnknownRole, owner, "POST", invites, { role_ids: ["1"] });
    await refused(Code.InvalidRole, owner, "POST", invites, { role_ids: [guild.id] });
    const bot = await platform.bot(owner, guild.id, "8");
    const managed = (await owner.get(`/guilds/${guild.id}/roles`)).find((each: Json) => each.tags?.bot_id === bot.id);
    await refused(Code.InvalidRole, owner, "POST", invites, { role_ids: [managed.id] });
  });
});

test("an invite to a stream or an embedded application is refused, as there is neither", async () => {
  const voice = await owner.post(`/guilds/${guild.id}/channels`, { name: "voice", type: 2 });
  const inVoice = `/channels/${voice.id}/invites`;
  const fieldOf = async (path: string, body: object) => {
    const answer = await owner.request("POST", path, body);
    expect(answer).toMatchObject({ status: 400, body: { code: 50035 } });
    return Object.keys(answer.body.errors);
  };
  expect(await fieldOf(invites, { target_type: 1, target_user_id: owner.id })).toEqual(["target_type"]);
  expect(await fieldOf(inVoice, { target_type: 1 })).toEqual(["target_user_id"]);
  expect(await fieldOf(inVoice, { target_type: 1, target_user_id: owner.id })).toEqual(["target_user_id"]);
  expect(await fieldOf(inVoice, { target_type: 2 })).toEqual(["target_application_id"]);
  expect(await fieldOf(inVoice, { target_type: 2, target_application_id: "1" })).toEqual(["target_application_id"]);
  expect((await owner.request("POST", inVoice, {})).status).toBe(200);
});

test("counts tell how many are online", async () => {
  const other = await platform.guild(owner, "Counted");
  const guest = await platform.person("guest");
  await platform.join(owner, other, guest);
  const invite = await owner.post(`/channels/${other.channelId}/invites`, {});
  const counts = async () => {
    const shown = await platform.anonymous().get(`/invites/${invite.code}?with_counts=true`);
    expectShape("GuildInviteResponse", shown);
    const ofGuild = await owner.get(`/guilds/${other.id}?with_counts=true`);
    const [mine] = await guest.get("/users/@me/guilds?with_counts=true");
    expect(ofGuild.approximate_presence_count).toBe(shown.approximate_presence_count);
    expect(mine.approximate_presence_count).toBe(shown.approximate_presence_count);
    expect(ofGuild.approximate_member_count).toBe(2);
    return shown.approximate_presence_count;
  };
  expect(await counts()).toBe(0);
  const socket = await platform.socket(guest);
  await expect.poll(counts).toBe(1);
  socket.close(1000);
  await expect.poll(counts).toBe(0);
});

describe("a temporary membership", () => {
  const come = async (body: object = {}) => {
    const invite = await owner.post(invites, { temporary: true, unique: true, ...body });
    const guest = await platform.person("temporary");
    await guest.post(`/invites/${invite.code}`);
    return guest;
  };
  const sweep = () => endTemporaryMemberships(app);
  const anHourPasses = () => sql`update temporary_members set absent_since = absent_since - interval '1 hour'`;

  test("lasts while its user has a session, and ends a while after the last one", async () => {
    const [guest, other] = [await come(), await come()];
    const watcher = await platform.socket(owner);
    const socket = await platform.socket(guest);
    await sweep();
    await anHourPasses();
    await sweep();
    await watcher.event("GUILD_MEMBER_REMOVE", (d) => d.user.id === other.id);
    expect([await isMember(guest), await isMember(other)]).toEqual([true, false]);
    socket.close(1000);
    await expect.poll(async () => (await app.sessionsOf([guest.id]))[0]).toBe(0);
    await sweep();
    expect(await isMember(guest), "not at once").toBe(true);
    // Who comes back in time stays.
    const again = await platform.socket(guest);
    await anHourPasses();
    await sweep();
    await sweep();
    expect(await isMember(guest)).toBe(true);
    again.close(1000);
    await expect.poll(async () => (await app.sessionsOf([guest.id]))[0]).toBe(0);
    await sweep();
    await anHourPasses();
    await sweep();
    expect(await isMember(guest)).toBe(false);
    watcher.close();
  });

  test("is for good with a role, and with an invite that isn't temporary", async () => {
    const given = await role("given");
    const [guest, born] = [await come(), await come({ role_ids: [given.id] })];
    await owner.put(`/guilds/${guild.id}/members/${guest.id}/roles/${given.id}`);
    const plain = await platform.person("plain");
    await platform.join(owner, guild, plain);
    await sweep();
    await anHourPasses();
    await sweep();
    for (const client of [guest, born, plain]) expect(await isMember(client)).toBe(true);
  });
});

describe("features", () => {
  const set = (features: string[], client = owner) => client.request("PATCH", `/guilds/${guild.id}`, { features });

  test("pause all invites until they are taken back, and both is logged", async () => {
    const invite = await owner.post(invites, {});
    const guest = await platform.person("paused");
    expect((await set(["INVITES_DISABLED", "RAID_ALERTS_DISABLED"])).body.features).toEqual([
      "INVITES_DISABLED",
      "RAID_ALERTS_DISABLED",
    ]);
    expect((await guest.request("POST", `/invites/${invite.code}`)).status).toBe(403);
    expect(await isMember(guest)).toBe(false);
    const { audit_log_entries: entries } = await owner.get(`/guilds/${guild.id}/audit-logs?action_type=1&limit=1`);
    expect(entries[0].changes).toEqual([
      { key: "features", old_value: [], new_value: ["INVITES_DISABLED", "RAID_ALERTS_DISABLED"] },
    ]);
    expect((await set([])).body.features).toEqual([]);
    await guest.post(`/invites/${invite.code}`);
    expect(await isMember(guest)).toBe(true);
  });

  test("that nobody can set are passed over, and those that there are stay", async () => {
    expect((await set(["PARTNERED", "DISCOVERABLE"])).body.features).toEqual([]);
    await sql`update servers set features = '{VERIFIED}' where id = ${guild.id}`;
    expect((await set(["INVITES_DISABLED"])).body.features).toEqual(["VERIFIED", "INVITES_DISABLED"]);
    expect((await set([])).body.features).toEqual(["VERIFIED"]);
  });

  test("make a community of a guild with the channels for it, which then stay", async () => {
    const manager = await platform.person("manager");
    await platform.join(owner, guild, manager);
    const manages = await role("manages", 1n << 5n);
    await owner.put(`/guilds/${guild.id}/members/${manager.id}/roles/${manages.id}`);
    const [rules, updates] = [
      await owner.post(`/guilds/${guild.id}/channels`, { name: "rules" }),
      await owner.post(`/guilds/${guild.id}/channels`, { name: "updates" }),
    ];
    expect((await set(["COMMUNITY"])).body).toMatchObject({ code: 50035, errors: { rules_channel_id: {} } });
    const channels = { rules_channel_id: rules.id, public_updates_channel_id: updates.id };
    const body = { features: ["COMMUNITY"], ...channels };
    await refused(Code.MissingPermissions, manager, "PATCH", `/guilds/${guild.id}`, body);
    expect((await owner.patch(`/guilds/${guild.id}`, body)).features).toContain("COMMUNITY");
    await refused(Code.CannotDeleteChannelRequiredForCommunityGuilds, owner, "DELETE", `/channels/${rules.id}`);
    await refused(Code.InvalidFormBodyOrContentType, owner, "PATCH", `/guilds/${guild.id}`, { rules_channel_id: null });
    await set([]);
    await owner.delete(`/channels/${rules.id}`);
  });
});
