import fc from "fast-check";
import postgres from "postgres";
import { afterAll, expect, test } from "vitest";
import { ALL_PERMISSIONS, Permission } from "../../core/permissions.ts";
import type { Client } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { type Standing, standingOf } from "./standing.ts";

/**
 * Whatever a member who isn't the owner calls, in whatever order, nothing that it has in its hands, its account, a
 * second one, its own bot, comes to more permissions or a higher rank than it started with, and nothing that ranks as
 * high or higher is touched; unless the owner gives more.
 *
 * SEQUENCES sets how many sequences of up to thirty calls are tried, SEED which: SEQUENCES=20000 npx vitest run
 * test/rest/no-escalation.test.ts
 */
const SEQUENCES = Number(process.env.SEQUENCES ?? 12);
const CALLS = 30;

const platform = await startPlatform();
const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
afterAll(() => sql.end());
const owner = await platform.person("owner");
const actor = await platform.person("actor");
const second = await platform.person("second");
const [equal, superior, inferior] = [
  await platform.person("equal"),
  await platform.person("superior"),
  await platform.person("inferior"),
];
const bot = await platform.bot(actor);

const ADMINISTRATOR = Permission.ADMINISTRATOR;
const names = Object.values(Permission);
/** Bit fields: some permissions, sometimes all, sometimes bits that mean nothing. */
const bits = fc.oneof(
  fc.subarray(names, { maxLength: 8 }).map((some) => some.reduce((all, bit) => all | bit, 0n)),
  fc.constantFrom(ADMINISTRATOR, (1n << 63n) - 1n, Permission.MANAGE_ROLES | Permission.MANAGE_GUILD),
);
/** What the actor begins with: something, or all that may be had without ranking above. */
const start = fc
  .oneof(bits, fc.constant(ALL_PERMISSIONS))
  .map((some) => (some & ~ADMINISTRATOR) | Permission.VIEW_CHANNEL);
const index = fc.nat(20);
const pick = <T>(list: readonly T[], i: number): T | undefined =>
  list.length === 0 ? undefined : list[i % list.length];

interface Guild {
  id: string;
  standing: Standing;
}
/** Who asks: the actor's account, its second one, its bot. */
const who = fc.constantFrom(actor, actor, actor, second, bot);
type Call = (guild: Guild, by: Client) => Promise<unknown>;

/** One call of a kind, with what it is about drawn beforehand; what isn't there any more is passed over. */
class ByActor implements fc.AsyncCommand<object, Guild> {
  readonly #title: string;
  readonly #by: Client;
  readonly #call: Call;
  constructor(title: string, by: Client, call: Call) {
    this.#title = title;
    this.#by = by;
    this.#call = call;
  }
  check = () => true;
  async run(_model: object, guild: Guild): Promise<void> {
    await this.#call(guild, this.#by);
    const now = await standingOf(sql, guild.id, [actor.id, second.id, bot.id]);
    expect(now.beyond(guild.standing), this.toString()).toEqual([]);
    guild.standing = now.under(guild.standing);
  }
  toString = () => `${this.#by === actor ? "actor" : this.#by === bot ? "bot" : "second"} ${this.#title}`;
}

/** The owner gives the actor another role: from here on that is what it has. */
class ByOwner implements fc.AsyncCommand<object, Guild> {
  readonly #permissions: bigint;
  constructor(permissions: bigint) {
    this.#permissions = permissions;
  }
  check = () => true;
  async run(_model: object, guild: Guild): Promise<void> {
    const role = await owner.post(`/guilds/${guild.id}/roles`, {
      name: "given",
      permissions: String(this.#permissions & ~ADMINISTRATOR),
    });
    await owner.request("PUT", `/guilds/${guild.id}/members/${actor.id}/roles/${role.id}`);
    guild.standing = await standingOf(sql, guild.id, [actor.id, second.id, bot.id]);
  }
  toString = () => `owner gives ${this.#permissions}`;
}

const asks = (title: string, method: string, path: string, body?: unknown): Call => {
  return async (_guild, by) => {
    const answer = await by.request(method, path, body);
    expect(answer.status, `${title} ${method} ${path} ${JSON.stringify(body)}`).toBeLessThan(500);
  };
};
const call = <T>(
  title: string,
  drawn: fc.Arbitrary<T>,
  make: (guild: Guild, drawn: T) => Parameters<typeof asks> | null,
) =>
  fc.tuple(who, drawn).map(([by, one]) => {
    const shown = JSON.stringify(one, (_key, value) => (typeof value === "bigint" ? String(value) : value));
    return new ByActor(`${title} ${shown}`, by, async (guild, client) => {
      const request = make(guild, one);
      if (request !== null) await asks(...request)(guild, client);
    });
  });

const at = (guild: Guild, rest: string) => `/guilds/${guild.id}${rest}`;
const everybody = [owner, superior, equal, inferior, actor, second, bot];
const role = ({ standing }: Guild, i: number) => pick(standing.roleIds, i);
const channel = ({ standing }: Guild, i: number) => pick(standing.channelIds, i);
const member = (i: number) => pick(everybody, i)?.id;
const overwrite = (guild: Guild, [i, ofRole, allow, deny]: [number, boolean, bigint, bigint]) => ({
  id: ofRole ? role(guild, i) : member(i),
  type: ofRole ? 0 : 1,
  allow: String(allow),
  deny: String(deny),
});
const overwrites = fc.tuple(index, fc.boolean(), bits, bits);

const calls = [
  call("makes a role", bits, (guild, permissions) => [
    "",
    "POST",
    at(guild, "/roles"),
    { permissions: String(permissions), position: 99 },
  ]),
  call("changes a role", fc.tuple(index, bits), (guild, [i, permissions]) => [
    "",
    "PATCH",
    at(guild, `/roles/${role(guild, i)}`),
    { permissions: String(permissions), position: 99, managed: false },
  ]),
  call("sorts roles", fc.array(fc.tuple(index, fc.nat(12)), { minLength: 1, maxLength: 4 }), (guild, list) => [
    "",
    "PATCH",
    at(guild, "/roles"),
    list.map(([i, position]) => ({ id: role(guild, i), position })),
  ]),
  call("deletes a role", index, (guild, i) => ["", "DELETE", at(guild, `/roles/${role(guild, i)}`)]),
  call("gives or takes a role", fc.tuple(fc.constantFrom("PUT", "DELETE"), index, index), (guild, [method, i, j]) => [
    "",
    method,
    at(guild, `/members/${member(i)}/roles/${role(guild, j)}`),
  ]),
  call("sets roles", fc.tuple(index, fc.array(index, { maxLength: 4 })), (guild, [i, list]) => [
    "",
    "PATCH",
    at(guild, `/members/${member(i)}`),
    { roles: list.map((j) => role(guild, j)) },
  ]),
  call("changes a member", index, (guild, i) => [
    "",
    "PATCH",
    at(guild, `/members/${member(i)}`),
    { nick: "changed", communication_disabled_until: new Date(Date.now() + 600_000).toISOString() },
  ]),
  call("kicks", index, (guild, i) => ["", "DELETE", at(guild, `/members/${member(i)}`)]),
  call("bans", index, (guild, i) => ["", "PUT", at(guild, `/bans/${member(i)}`), {}]),
  call("bans many", fc.array(index, { minLength: 1, maxLength: 4 }), (guild, list) => [
    "",
    "POST",
    at(guild, "/bulk-ban"),
    { user_ids: list.map(member) },
  ]),
  call("takes a ban back", index, (guild, i) => ["", "DELETE", at(guild, `/bans/${member(i)}`)]),
  call("sets an overwrite", fc.tuple(index, overwrites), (guild, [i, drawn]) => {
    const { id, ...body } = overwrite(guild, drawn);
    return ["", "PUT", `/channels/${channel(guild, i)}/permissions/${id}`, body];
  }),
  call("removes an overwrite", fc.tuple(index, overwrites), (guild, [i, drawn]) => [
    "",
    "DELETE",
    `/channels/${channel(guild, i)}/permissions/${overwrite(guild, drawn).id}`,
  ]),
  call("changes a channel", fc.tuple(index, overwrites), (guild, [i, drawn]) => [
    "",
    "PATCH",
    `/channels/${channel(guild, i)}`,
    { permission_overwrites: [overwrite(guild, drawn)] },
  ]),
  call("makes a channel", overwrites, (guild, drawn) => [
    "",
    "POST",
    at(guild, "/channels"),
    { name: "made", permission_overwrites: [overwrite(guild, drawn)] },
  ]),
  call("moves a channel", fc.tuple(index, index), (guild, [i, j]) => [
    "",
    "PATCH",
    at(guild, "/channels"),
    [{ id: channel(guild, i), parent_id: channel(guild, j), lock_permissions: true }],
  ]),
  call("makes a webhook", index, (guild, i) => [
    "",
    "POST",
    `/channels/${channel(guild, i)}/webhooks`,
    { name: "hook" },
  ]),
  call("takes the guild", fc.constant(null), (guild) => ["", "PATCH", at(guild, ""), { owner_id: actor.id }]),
  call("adds its bot", bits, (guild, permissions) => [
    "",
    "POST",
    `/oauth2/authorize?client_id=${bot.id}&scope=bot&permissions=${permissions & ((1n << 63n) - 1n)}`,
    { guild_id: guild.id, authorize: true },
  ]),
  call("leaves", fc.constant(null), (guild) => ["", "DELETE", `/users/@me/guilds/${guild.id}`]),
  fc.tuple(who, index).map(
    ([by, i]) =>
      new ByActor(`invites the second account ${i}`, by, async (guild, client) => {
        const invite = await client.request("POST", `/channels/${channel(guild, i)}/invites`, { temporary: true });
        if (invite.status < 300) await second.request("POST", `/invites/${invite.body.code}`);
      }),
  ),
  bits.map((permissions) => new ByOwner(permissions)),
];

/** A guild of the owner's with somebody above the actor, beside it and below it. */
async function makeGuild(permissions: bigint): Promise<Guild> {
  const { id, channelId } = await platform.guild(owner);
  const invite = await owner.post(`/channels/${channelId}/invites`, { max_age: 0 });
  for (const newcomer of [actor, superior, equal, inferior]) await newcomer.post(`/invites/${invite.code}`);
  const give = async (name: string, bitsOfIt: bigint, ...people: Client[]) => {
    const made = await owner.post(`/guilds/${id}/roles`, { name, permissions: String(bitsOfIt) });
    for (const person of people) await owner.put(`/guilds/${id}/members/${person.id}/roles/${made.id}`);
    return String(made.id);
  };
  const low = await give("low", 0n, inferior);
  const own = await give("own", permissions, actor, equal);
  const high = await give("high", ADMINISTRATOR, superior);
  await owner.patch(`/guilds/${id}/roles`, [
    { id: low, position: 1 },
    { id: own, position: 2 },
    { id: high, position: 3 },
  ]);
  await owner.post(`/guilds/${id}/channels`, { name: "category", type: 4 });
  await owner.post(`/guilds/${id}/channels`, {
    name: "staff",
    permission_overwrites: [
      { id, type: 0, deny: String(Permission.VIEW_CHANNEL) },
      { id: high, type: 0, allow: String(Permission.VIEW_CHANNEL | Permission.MANAGE_MESSAGES) },
    ],
  });
  return { id, standing: await standingOf(sql, id, [actor.id, second.id, bot.id]) };
}

const seed = process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) };

test(
  "no sequence of a member's calls raises its permissions or its rank, or touches who ranks as high",
  async () => {
    await fc.assert(
      fc.asyncProperty(start, fc.commands(calls, { maxCommands: CALLS }), async (permissions, commands) => {
        const guild = await makeGuild(permissions);
        try {
          await fc.asyncModelRun(() => ({ model: {}, real: guild }), commands);
        } finally {
          await owner.delete(`/guilds/${guild.id}`);
        }
      }),
      { numRuns: SEQUENCES, endOnFailure: true, ...seed },
    );
  },
  SEQUENCES * 10_000 + 60_000,
);
