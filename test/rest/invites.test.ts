import postgres from "postgres";
import { afterAll, describe, expect, test } from "vitest";
import type { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";
import { expectShape } from "./shape.ts";

const platform = await startPlatform();
const sql = postgres(platform.stores.databaseUrl, { max: 1 });
afterAll(() => sql.end());
const CREATE_INSTANT_INVITE = 1n;
const MANAGE_CHANNELS = 1n << 4n;
const MANAGE_GUILD = 1n << 5n;
const VIEW_CHANNEL = 1n << 10n;

const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const invites = `/channels/${guild.channelId}/invites`;

async function member(permissions: bigint, name = "member"): Promise<Client> {
  const client = await platform.person(name);
  await platform.join(owner, guild, client);
  const role = await owner.post(`/guilds/${guild.id}/roles`, { name, permissions: permissions.toString() });
  await owner.put(`/guilds/${guild.id}/members/${client.id}/roles/${role.id}`);
  return client;
}

const expire = (code: string) => sql`update invites set expires_at = now() - interval '1 second' where code = ${code}`;

describe("an invite", () => {
  test("is made, listed, resolved by anybody, accepted and deleted, and sockets hear of it", async () => {
    const socket = await platform.socket(owner);
    const made = await owner.post(invites, { max_age: 60, max_uses: 5, unique: true });
    expectShape("GuildInviteResponse", made);
    expect(made).toMatchObject({ max_age: 60, max_uses: 5, uses: 0, temporary: false, inviter: { id: owner.id } });
    expect(made.code).toMatch(/^[A-Za-z0-9]{8}$/);
    expect(Date.parse(made.expires_at) - Date.parse(made.created_at)).toBe(60_000);
    const created = await socket.event("INVITE_CREATE", (d) => d.code === made.code);
    expect(created.d).toMatchObject({ guild_id: guild.id, channel_id: guild.channelId, max_uses: 5, uses: 0 });

    const shown = await platform.anonymous().get(`/invites/${made.code}?with_counts=true`);
    expectShape("GuildInviteResponse", shown);
    expect(shown).toMatchObject({ guild: { id: guild.id }, channel: { id: guild.channelId }, guild_id: guild.id });
    expect(shown.approximate_member_count).toBeGreaterThan(0);
    expect(shown).not.toHaveProperty("uses");

    const guest = await platform.person("guest");
    const accepted = await guest.post(`/invites/${made.code}`, {});
    expectShape("GuildInviteResponse", accepted);
    await socket.event("GUILD_MEMBER_ADD", (d) => d.user.id === guest.id);
    await guest.get(`/guilds/${guild.id}`);

    for (const path of [invites, `/guilds/${guild.id}/invites`]) {
      const listed = await owner.get(path);
      for (const each of listed) expectShape("GuildInviteResponse", each);
      expect(listed).toContainEqual({ ...made, uses: 1 });
    }

    await owner.delete(`/invites/${made.code}`);
    const deleted = await socket.event("INVITE_DELETE");
    expect(deleted.d).toEqual({ guild_id: guild.id, channel_id: guild.channelId, code: made.code });
    await refused(Code.UnknownInvite, owner, "GET", `/invites/${made.code}`);
    await refused(Code.UnknownInvite, owner, "DELETE", `/invites/${made.code}`);
    socket.close();
  });

  test("lasts a day and any number of uses unless the request says otherwise", async () => {
    const made = await owner.post(invites);
    expect(made).toMatchObject({ max_age: 86_400, max_uses: 0 });
    expect((await owner.post(invites, { max_age: 0 })).expires_at).toBeNull();
  });

  test("is used again for the same request, unless it is to be unique", async () => {
    const terms = { max_age: 3600, max_uses: 7 };
    const first = await owner.post(invites, terms);
    expect((await owner.post(invites, terms)).code).toBe(first.code);
    expect((await owner.post(invites, { ...terms, unique: true })).code).not.toBe(first.code);
    expect((await owner.post(invites, { ...terms, temporary: true })).code).not.toBe(first.code);
    const other = await member(0n);
    expect((await other.post(invites, terms)).code).not.toBe(first.code);
  });

  test("lets in no more than its uses, of 50 who come at once, and is then gone", async () => {
    const made = await owner.post(invites, { max_uses: 5, unique: true });
    const people = await Promise.all(Array.from({ length: 50 }, () => platform.person()));
    const before = (await owner.get(`/guilds/${guild.id}?with_counts=true`)).approximate_member_count;
    const socket = await platform.socket(owner);
    const answers = await Promise.all(people.map((each) => each.request("POST", `/invites/${made.code}`, {})));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    const refusals = answers.filter(({ status }) => status !== 200).map(({ body }) => body.code);
    expect(new Set(refusals)).toEqual(new Set([Code.UnknownInvite]));
    const after = (await owner.get(`/guilds/${guild.id}?with_counts=true`)).approximate_member_count;
    expect(after - before).toBe(5);
    await socket.event("INVITE_DELETE", (d) => d.code === made.code);
    await refused(Code.UnknownInvite, owner, "GET", `/invites/${made.code}`);
    await socket.settled();
    expect(socket.dispatches.filter(({ t }) => t === "GUILD_MEMBER_ADD")).toHaveLength(5);
    socket.close();
  });

  test("loses no use to somebody who is a member already", async () => {
    const made = await owner.post(invites, { max_uses: 1, unique: true });
    await owner.post(`/invites/${made.code}`, {});
    await owner.post(`/invites/${made.code}`, {});
    const guest = await platform.person("guest");
    await Promise.allSettled(Array.from({ length: 5 }, () => guest.post(`/invites/${made.code}`, {})));
    await guest.get(`/guilds/${guild.id}`);
  });

  test("that has expired is unknown to all routes", async () => {
    const { code } = await owner.post(invites, { max_age: 60, unique: true });
    await expire(code);
    const guest = await platform.person("late");
    await refused(Code.UnknownInvite, guest, "GET", `/invites/${code}`);
    await refused(Code.UnknownInvite, guest, "POST", `/invites/${code}`, {});
    await refused(Code.UnknownInvite, owner, "DELETE", `/invites/${code}`);
    const listed: { code: string }[] = await owner.get(invites);
    expect(listed.some((each) => each.code === code)).toBe(false);
  });

  test.each(["nothing1", "a".repeat(200), "%00", "..%2F..%2Fusers", "%27%20or%201%3D1"])(
    "with the code %s is unknown",
    async (code) => {
      await refused(Code.UnknownInvite, owner, "GET", `/invites/${code}`);
      await refused(Code.UnknownInvite, owner, "POST", `/invites/${code}`, {});
      await refused(Code.UnknownInvite, owner, "DELETE", `/invites/${code}`);
    },
  );

  test("is for people to accept, not bots, and not for nobody", async () => {
    const { code } = await owner.post(invites, {});
    const bot = await platform.bot(owner);
    await refused(Code.BotsCannotUseThisEndpoint, bot, "POST", `/invites/${code}`, {});
    expect((await platform.anonymous().request("POST", `/invites/${code}`, {})).status).toBe(401);
    expect((await platform.anonymous().request("DELETE", `/invites/${code}`)).status).toBe(401);
  });

  test("takes nobody past 200 guilds", async () => {
    const collector = await platform.person("collector");
    await sql`
      insert into servers (id, name, owner_id) select n, 'Many', ${owner.id} from generate_series(1000, 1198) as n`;
    await sql`
      insert into roles (id, server_id, name, is_default) select n, n, '@everyone', true
      from generate_series(1000, 1198) as n`;
    await sql`
      insert into server_members (server_id, user_id) select n, ${collector.id} from generate_series(1000, 1198) as n`;
    const codes: string[] = [];
    for (let i = 0; i < 5; i++) {
      const { channelId } = await platform.guild(owner, `Guild ${i}`);
      codes.push((await owner.post(`/channels/${channelId}/invites`, {})).code);
    }
    const answers = await Promise.all(codes.map((code) => collector.request("POST", `/invites/${code}`, {})));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const refusal = answers.find(({ status }) => status !== 200);
    expect(refusal?.body.code).toBe(Code.MaximumNumberOfGuildsReached);
    expect(await collector.get("/users/@me/guilds")).toHaveLength(200);
  });

  test("is one of 1000 at most in its guild", async () => {
    const full = await platform.guild(owner, "Full of invites");
    await sql`
      insert into invites (code, server_id, channel_id) select 'full' || n, ${full.id}, ${full.channelId}
      from generate_series(1, 998) as n`;
    const body = { unique: true };
    const made = await Promise.all(
      Array.from({ length: 10 }, () => owner.request("POST", `/channels/${full.channelId}/invites`, body)),
    );
    expect(made.filter(({ status }) => status === 200)).toHaveLength(2);
    expect(made.find(({ status }) => status !== 200)?.body.code).toBe(Code.MaximumNumberOfInvitesReached);
  });

  test("leads to no category and no conversation", async () => {
    const category = await owner.post(`/guilds/${guild.id}/channels`, { name: "C", type: 4 });
    await refused(Code.CannotExecuteActionOnThisChannelType, owner, "POST", `/channels/${category.id}/invites`, {});
    const friend = await platform.person("friend");
    const dm = await owner.post("/users/@me/channels", { recipient_id: friend.id });
    await refused(Code.CannotExecuteActionOnDMChannel, owner, "POST", `/channels/${dm.id}/invites`, {});
  });
});

describe("who may", () => {
  test("make invites: those with CREATE_INSTANT_INVITE in a channel that they see", async () => {
    const plain = await member(0n);
    const hidden = await owner.post(`/guilds/${guild.id}/channels`, {
      name: "hidden",
      permission_overwrites: [{ id: guild.id, type: 0, deny: VIEW_CHANNEL.toString() }],
    });
    const closed = await owner.post(`/guilds/${guild.id}/channels`, {
      name: "closed",
      permission_overwrites: [{ id: guild.id, type: 0, deny: CREATE_INSTANT_INVITE.toString() }],
    });
    await plain.post(invites, {});
    await refused(Code.MissingAccess, plain, "POST", `/channels/${hidden.id}/invites`, {});
    await refused(Code.MissingPermissions, plain, "POST", `/channels/${closed.id}/invites`, {});
    await refused(Code.MissingAccess, await platform.person(), "POST", invites, {});
  });

  test("list invites: those who manage the channel or the guild", async () => {
    const plain = await member(0n);
    await refused(Code.MissingPermissions, plain, "GET", invites);
    await refused(Code.MissingPermissions, plain, "GET", `/guilds/${guild.id}/invites`);
    await (await member(MANAGE_CHANNELS)).get(invites);
    await (await member(MANAGE_GUILD)).get(`/guilds/${guild.id}/invites`);
    await refused(Code.MissingAccess, await platform.person(), "GET", `/guilds/${guild.id}/invites`);
  });

  test("delete an invite: its inviter, who manages its channel, who manages the guild, and nobody else", async () => {
    const [plain, inviter] = [await member(0n), await member(0n)];
    const stranger = await platform.person();
    const elsewhere = await platform.person();
    await platform.guild(elsewhere, "Their own guild");
    const make = async () => (await inviter.post(invites, { unique: true })).code;
    const code = await make();
    await refused(Code.MissingPermissions, plain, "DELETE", `/invites/${code}`);
    await refused(Code.MissingAccess, stranger, "DELETE", `/invites/${code}`);
    await refused(Code.MissingAccess, elsewhere, "DELETE", `/invites/${code}`);
    expectShape("GuildInviteResponse", await inviter.delete(`/invites/${code}`));
    await (await member(MANAGE_CHANNELS)).delete(`/invites/${await make()}`);
    await (await member(MANAGE_GUILD)).delete(`/invites/${await make()}`);
  });
});

test("bodies that are wrong are refused with the field at fault", async () => {
  for (const body of [
    { max_age: 604_801 },
    { max_age: -1 },
    { max_uses: 101 },
    { temporary: "yes" },
    { max_uses: 1.5 },
  ]) {
    await refused(Code.InvalidFormBodyOrContentType, owner, "POST", invites, body);
  }
});
