import { expect, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform();

test("one's own account shows its email, to nobody else", async () => {
  const [one, other] = [await platform.person(), await platform.person()];
  const me = await one.get("/users/@me");
  expect(me).toMatchObject({ id: one.id, email: `${me.username}@example.com`, verified: false });
  expect(await (await platform.bot(one)).get("/users/@me")).toMatchObject({ email: null, verified: true });
  const seen = await other.get(`/users/${one.id}`);
  expect(seen).toMatchObject({ id: one.id, username: me.username });
  expect(Object.keys(seen)).not.toContain("email");
  expect(JSON.stringify(seen)).not.toContain("@example.com");
});

test("a change is seen at once, and told to one's sessions", async () => {
  const person = await platform.person();
  const socket = await platform.socket(person);
  const name = `renamed${person.id.slice(-8)}`;
  expect(await person.patch("/users/@me", { username: name, global_name: "Shown" })).toMatchObject({ username: name });
  expect(await person.get("/users/@me")).toMatchObject({ username: name, global_name: "Shown" });
  expect((await socket.event("USER_UPDATE")).d).toMatchObject({ username: name });
});

test("a change is told to everybody in one's guilds, as a change of the member", async () => {
  const [owner, renamed] = [await platform.person("owner"), await platform.person("renamed")];
  const guilds = [await platform.guild(owner), await platform.guild(owner)];
  for (const guild of guilds) await platform.join(owner, guild, renamed);
  const [first] = guilds;
  await owner.patch(`/guilds/${first?.id}/members/${renamed.id}`, { nick: "Nick" });
  const socket = await platform.socket(owner);
  await renamed.patch("/users/@me", { global_name: "Shown" });
  for (const { id } of guilds) {
    const { d } = await socket.event("GUILD_MEMBER_UPDATE", ({ guild_id, user }) => {
      return guild_id === id && user.id === renamed.id;
    });
    expect(d).toEqual({ ...(await owner.get(`/guilds/${id}/members/${renamed.id}`)), guild_id: id });
    expect(d).toMatchObject({ nick: id === first?.id ? "Nick" : null, user: { global_name: "Shown" } });
  }
  expect(socket.dispatches.some(({ t }) => t === "USER_UPDATE")).toBe(false);
});

test.each(["x", "a".repeat(33), "everyone", "has@sign", "has#hash", "```"])(
  "the name %j is refused",
  async (username) => {
    const person = await platform.person();
    const answer = await person.request("PATCH", "/users/@me", { username });
    expect(answer).toMatchObject({ status: 400, body: { code: 50035, errors: { username: { _errors: [{}] } } } });
  },
);

test("a person's name is unique without regard to case, a bot's needs not be", async () => {
  const [one, other] = [await platform.person(), await platform.person()];
  const { username } = await one.get("/users/@me");
  const answer = await other.request("PATCH", "/users/@me", { username: username.toUpperCase() });
  expect(answer.body.errors.username._errors[0].code).toBe("USERNAME_ALREADY_TAKEN");
  const bot = await platform.bot(one);
  expect((await bot.request("PATCH", "/users/@me", { username })).status).toBe(200);
});

test("one's guilds, by pages, with what one may do in each", async () => {
  const owner = await platform.person();
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) ids.push((await platform.guild(owner, `Guild ${i}`)).id);
  const list = async (query = "") => (await owner.get(`/users/@me/guilds${query}`)).map(({ id }: { id: string }) => id);
  expect(await list()).toEqual(ids);
  expect(await list(`?after=${ids[0]}&limit=1`)).toEqual([ids[1]]);
  expect(await list(`?before=${ids[2]}&limit=1`)).toEqual([ids[1]]);
  const [first] = await owner.get("/users/@me/guilds?with_counts=true");
  expect(first).toMatchObject({ owner: true, approximate_member_count: 1 });
  expect(BigInt(first.permissions) & 8n).toBe(8n);
});

test("the owner can't leave a guild, members can", async () => {
  const [owner, member] = [await platform.person(), await platform.person()];
  const guild = await platform.guild(owner);
  await platform.join(owner, guild, member);
  expect((await owner.request("DELETE", `/users/@me/guilds/${guild.id}`)).status).toBe(400);
  expect((await member.request("DELETE", `/users/@me/guilds/${guild.id}`)).status).toBe(204);
  expect((await member.request("GET", `/guilds/${guild.id}`)).body.code).toBe(50001);
});

test("a conversation is one, whoever opens it, also when both do at once", async () => {
  const [one, other] = [await platform.person(), await platform.person()];
  const opened = await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      (i % 2 === 0 ? one : other).post("/users/@me/channels", { recipient_id: i % 2 === 0 ? other.id : one.id }),
    ),
  );
  expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
  expect(opened[0]).toMatchObject({ type: 1, recipients: [{ id: other.id }] });
  expect((await one.request("POST", "/users/@me/channels", { recipient_id: one.id })).body.code).toBe(50007);
  expect((await one.request("POST", "/users/@me/channels", { recipient_id: "1" })).body.code).toBe(50033);
});
