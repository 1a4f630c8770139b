import { describe, expect, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";
import { expectShape } from "./shape.ts";

const platform = await startPlatform();
const MANAGE_GUILD = 1n << 5n;

const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const other = await platform.guild(owner, "Another guild");
const path = `/guilds/${guild.id}`;

describe("a guild's settings", () => {
  test("change as asked, and sockets hear of it", async () => {
    const socket = await platform.socket(owner);
    const voice = await owner.post(`${path}/channels`, { name: "voice", type: 2 });
    const changes = {
      name: "Renamed",
      description: "For tests",
      verification_level: 2,
      default_message_notifications: 1,
      explicit_content_filter: 2,
      preferred_locale: "de",
      afk_timeout: 900,
      afk_channel_id: voice.id,
      system_channel_flags: 3,
      rules_channel_id: guild.channelId,
      premium_progress_bar_enabled: true,
    };
    const changed = await owner.patch(path, changes);
    expectShape("GuildResponse", changed);
    expect(changed).toMatchObject(changes);
    expect(changed.roles).toHaveLength(1);
    expect((await socket.event("GUILD_UPDATE")).d).toEqual(changed);
    expect(await owner.get(path)).toEqual(changed);
    socket.close();
  });

  test("go back to their defaults with null", async () => {
    await owner.patch(path, { verification_level: 3, system_channel_id: guild.channelId, description: "x" });
    const nulls = { verification_level: null, system_channel_id: null, description: null, preferred_locale: null };
    const defaults = { ...nulls, verification_level: 0, preferred_locale: "en-US" };
    expect(await owner.patch(path, nulls)).toMatchObject(defaults);
  });

  test("need MANAGE_GUILD, and nothing changes without", async () => {
    const plain = await platform.person("plain");
    await platform.join(owner, guild, plain);
    const before = await owner.get(path);
    await refused(Code.MissingPermissions, plain, "PATCH", path, { name: "Mine" });
    await refused(Code.MissingAccess, await platform.person(), "PATCH", path, { name: "Mine" });
    expect((await platform.anonymous().request("PATCH", path, { name: "Mine" })).status).toBe(401);
    expect(await owner.get(path)).toEqual(before);
  });

  test("name only channels of the guild, of the right type", async () => {
    const fields = ["afk", "system", "rules", "public_updates", "safety_alerts"].map((name) => `${name}_channel_id`);
    for (const field of fields) await refused(Code.UnknownChannel, owner, "PATCH", path, { [field]: other.channelId });
    const category = await owner.post(`${path}/channels`, { name: "C", type: 4 });
    const wrong = { system_channel_id: category.id };
    await refused(Code.CannotExecuteActionOnThisChannelType, owner, "PATCH", path, wrong);
  });

  test("change by no other way: what isn't a setting is passed over", async () => {
    const before = await owner.get(path);
    const intruders = { id: "1", member_count: 5, features: ["VERIFIED"], mfa_level: 1, version: 99, nsfw_level: 1 };
    expect(await owner.patch(path, intruders)).toEqual(before);
  });

  test("have bounds", async () => {
    for (const body of [
      { name: "x" },
      { name: "n".repeat(101) },
      { verification_level: 5 },
      { afk_timeout: 61 },
      { preferred_locale: "xx" },
      { system_channel_flags: -1 },
      { system_channel_id: "none" },
    ]) {
      await refused(Code.InvalidFormBodyOrContentType, owner, "PATCH", path, body);
    }
  });
});

test("a guild is handed over by its owner only, to a person who is a member, who then sees everything", async () => {
  const { id } = await platform.guild(owner, "Heirloom");
  const [heir, bot] = [await platform.person("heir"), await platform.bot(owner, id, "8")];
  const secret = await owner.post(`/guilds/${id}/channels`, {
    name: "secret",
    permission_overwrites: [{ id, type: 0, deny: "1024" }],
  });
  await refused(Code.UnknownMember, owner, "PATCH", `/guilds/${id}`, { owner_id: heir.id });
  const open = await owner.post(`/guilds/${id}/channels`, { name: "open" });
  await platform.join(owner, { channelId: open.id }, heir);
  await refused(Code.OwnershipCannotBeMovedToABotUser, owner, "PATCH", `/guilds/${id}`, { owner_id: bot.id });
  await refused(Code.MissingPermissions, bot, "PATCH", `/guilds/${id}`, { owner_id: heir.id });
  const role = await owner.post(`/guilds/${id}/roles`, { permissions: MANAGE_GUILD.toString() });
  await owner.put(`/guilds/${id}/members/${heir.id}/roles/${role.id}`);
  await refused(Code.MissingPermissions, heir, "PATCH", `/guilds/${id}`, { owner_id: heir.id });

  const socket = await platform.socket(heir);
  expect((await owner.patch(`/guilds/${id}`, { owner_id: heir.id })).owner_id).toBe(heir.id);
  await socket.event("CHANNEL_CREATE", (d) => d.id === secret.id);
  await heir.get(`/channels/${secret.id}`);
  await refused(Code.MissingPermissions, owner, "DELETE", `/guilds/${id}`);
  socket.close();
});
