import { describe, expect, test } from "vitest";
import type { Client, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Code, refused } from "./refused.ts";
import { expectShape } from "./shape.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const text = `/channels/${guild.channelId}`;
const [PUBLIC, PRIVATE] = [11, 12];

const member = async (): Promise<Client> => {
  const person = await platform.person("member");
  await platform.join(owner, guild, person);
  return person;
};
const start = (type: number, fields: object = {}, as = owner): Promise<Json> =>
  as.post(`${text}/threads`, { name: "t", type, ...fields });
const membersOf = async (id: string, query = "", as = owner): Promise<string[]> =>
  (await as.get(`/channels/${id}/thread-members${query}`)).map(({ user_id }: Json) => user_id);
const ids = (threads: Json[]): string[] => threads.map(({ id }) => id);

describe("members of a thread", () => {
  test("join, leave, are added and removed; each twice is as good as once", async () => {
    const [one, other] = [await member(), await member()];
    const { id } = await start(PUBLIC);
    const path = `/channels/${id}/thread-members`;
    for (let i = 0; i < 2; i++) await one.put(`${path}/@me`);
    for (let i = 0; i < 2; i++) await one.put(`${path}/${other.id}`);
    expect(await membersOf(id)).toEqual([owner.id, one.id, other.id]);
    expect((await owner.get(`/channels/${id}`)).member_count).toBe(3);
    for (let i = 0; i < 2; i++) await one.delete(`${path}/@me`);
    await refused(Code.MissingPermissions, one, "DELETE", `${path}/${other.id}`);
    await owner.delete(`${path}/${other.id}`);
    await refused(Code.UnknownMember, owner, "DELETE", `${path}/${other.id}`);
    await refused(Code.UnknownMember, owner, "GET", `${path}/${other.id}`);
    expect(await membersOf(id)).toEqual([owner.id]);
    const kinds = (await owner.get(`/channels/${id}/messages`)).map(({ type, mentions }: Json) => [
      type,
      mentions[0]?.id,
    ]);
    expect(kinds).toEqual([
      [2, other.id],
      [1, other.id],
    ]);
  });

  test("are members of the guild", async () => {
    const stranger = await platform.person();
    const { id } = await start(PUBLIC);
    await refused(Code.UnknownMember, owner, "PUT", `/channels/${id}/thread-members/${stranger.id}`);
    await refused(Code.CannotExecuteActionOnThisChannelType, owner, "PUT", `${text}/thread-members/@me`);
  });

  test("are shown in pages with their membership of the guild, all at once without", async () => {
    const people = [owner, await member(), await member(), await member()];
    const { id } = await start(PUBLIC);
    for (const person of people.slice(1)) await person.put(`/channels/${id}/thread-members/@me`);
    const path = `/channels/${id}/thread-members`;
    const first = await owner.get(`${path}?with_member=true&limit=3`);
    for (const row of first) expectShape("ThreadMemberResponse", row);
    expect(first.map(({ member }: Json) => member.user.id)).toEqual(people.slice(0, 3).map((person) => person.id));
    expect(await membersOf(id, `?with_member=true&limit=3&after=${first[2].user_id}`)).toEqual([people[3]?.id]);
    const all = await owner.get(path);
    expect(all).toHaveLength(4);
    expect(all[0]).not.toHaveProperty("member");
    for (const limit of [0, 101]) await refused(50035, owner, "GET", `${path}?limit=${limit}`);
    const shown = await owner.get(`${path}/${owner.id}?with_member=true`);
    expect(shown).toMatchObject({ id, user_id: owner.id, flags: 0, member: { user: { id: owner.id } } });
    const guest = await member();
    await guest.put(`/channels/${id}/thread-members/@me`);
    expect((await guest.get(`/channels/${id}`)).member).toMatchObject({ user_id: guest.id });
    expect(await (await member()).get(`/channels/${id}`)).not.toHaveProperty("member");
  });

  test("of a private thread bring others in when it is invitable; who started it may remove them", async () => {
    const [starter, guest, third] = [await member(), await member(), await member()];
    const { id } = await start(PRIVATE, { invitable: false }, starter);
    const path = `/channels/${id}/thread-members`;
    await starter.put(`${path}/${guest.id}`);
    await refused(Code.MissingPermissions, guest, "PUT", `${path}/${third.id}`);
    await refused(Code.MissingAccess, third, "PUT", `${path}/${third.id}`);
    await starter.patch(`/channels/${id}`, { invitable: true });
    await guest.put(`${path}/${third.id}`);
    await refused(Code.MissingPermissions, guest, "DELETE", `${path}/${third.id}`);
    await starter.delete(`${path}/${third.id}`);
    await refused(Code.MissingAccess, third, "GET", `/channels/${id}`);
    const pub = await start(PUBLIC, {}, starter);
    await guest.put(`/channels/${pub.id}/thread-members/@me`);
    await refused(Code.MissingPermissions, starter, "DELETE", `/channels/${pub.id}/thread-members/${guest.id}`);
  });

  test("stay as they are while it is archived", async () => {
    const guest = await member();
    const { id } = await start(PUBLIC);
    await owner.patch(`/channels/${id}`, { archived: true });
    const path = `/channels/${id}/thread-members`;
    for (const [method, who] of [
      ["PUT", "@me"],
      ["DELETE", "@me"],
      ["PUT", guest.id],
      ["DELETE", owner.id],
    ] as const) {
      await refused(Code.InvalidActionOnArchivedThread, owner, method, `${path}/${who}`);
    }
  });
});

describe("lists of threads", () => {
  test("name archived ones by when they were archived, page by page, with one's own memberships", async () => {
    const channel = await owner.post(`/guilds/${guild.id}/channels`, { name: "lists" });
    const path = `/channels/${channel.id}`;
    const guest = await member();
    const made: Json[] = [];
    for (let n = 0; n < 3; n++) made.push(await owner.post(`${path}/threads`, { name: `${n}`, type: PUBLIC }));
    const active = await owner.post(`${path}/threads`, { name: "active", type: PUBLIC });
    await guest.put(`/channels/${made[1].id}/thread-members/@me`);
    for (const n of [1, 0, 2]) await owner.patch(`/channels/${made[n].id}`, { archived: true });
    const first = await guest.get(`${path}/threads/archived/public?limit=2`);
    expectShape("ThreadsResponse", first);
    expect(ids(first.threads)).toEqual([made[2].id, made[0].id]);
    expect(first).toMatchObject({ has_more: true, members: [] });
    const before = first.threads[1].thread_metadata.archive_timestamp;
    const second = await guest.get(`${path}/threads/archived/public?limit=2&before=${encodeURIComponent(before)}`);
    expect(ids(second.threads)).toEqual([made[1].id]);
    expect(second).toMatchObject({ has_more: false, members: [{ id: made[1].id, user_id: guest.id }] });
    expect(ids((await owner.get(`/guilds/${guild.id}/threads/active`)).threads)).toContain(active.id);
    await refused(50035, owner, "GET", `${path}/threads/archived/public?before=yesterday`);
    const voice = await owner.post(`/guilds/${guild.id}/channels`, { name: "voice", type: 2 });
    const wrong = Code.CannotExecuteActionOnThisChannelType;
    await refused(wrong, owner, "GET", `/channels/${voice.id}/threads/archived/public`);
  });

  test("name archived private ones to moderators, and to others those that they have joined", async () => {
    const channel = await owner.post(`/guilds/${guild.id}/channels`, { name: "private" });
    const path = `/channels/${channel.id}`;
    const guest = await member();
    const [joined, older, other] = [
      await owner.post(`${path}/threads`, { name: "joined", type: PRIVATE }),
      await owner.post(`${path}/threads`, { name: "joined too", type: PRIVATE }),
      await owner.post(`${path}/threads`, { name: "other", type: PRIVATE }),
    ];
    for (const { id } of [joined, older]) await owner.put(`/channels/${id}/thread-members/${guest.id}`);
    for (const { id } of [joined, other, older]) await owner.patch(`/channels/${id}`, { archived: true });
    await refused(Code.MissingPermissions, guest, "GET", `${path}/threads/archived/private`);
    const all = await owner.get(`${path}/threads/archived/private`);
    expect(ids(all.threads)).toEqual([older.id, other.id, joined.id]);
    expect(ids((await owner.get(`${path}/threads/archived/public`)).threads)).toEqual([]);
    const mine = await guest.get(`${path}/users/@me/threads/archived/private?limit=1`);
    expect(mine).toMatchObject({ threads: [{ id: older.id }], has_more: true, members: [{ user_id: guest.id }] });
    const rest = await guest.get(`${path}/users/@me/threads/archived/private?before=${older.id}`);
    expect(ids(rest.threads)).toEqual([joined.id]);
  });
});
