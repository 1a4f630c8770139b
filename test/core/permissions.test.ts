import { ChannelType } from "discord-api-types/v10";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ALL_PERMISSIONS,
  bitsToNames,
  canManageRole,
  channelPermissions,
  DEFAULT_EVERYONE_PERMISSIONS,
  guildPermissions,
  has,
  highestRole,
  type MemberFacts,
  namesToBits,
  type OverwriteFacts,
  outranks,
  Permission,
  type RoleFacts,
  touchesView,
  type WholeGuildFacts,
} from "../../core/permissions.ts";
import {
  DOCUMENTED,
  ladder,
  type ModelGuild,
  type ModelMember,
  type ModelOverwrite,
  modelInChannel,
  modelInGuild,
  modelOutranks,
} from "./permission-model.ts";

const NOW = 1_700_000_000_000;
const GUILD = "100";
const OWNER = "1";
const ROLE_IDS = ["201", "202", "203", "204"];
const MEMBER_IDS = [OWNER, "2", "3"];
const CHANNEL_TYPES = {
  text: ChannelType.GuildText,
  thread: ChannelType.PublicThread,
  voice: ChannelType.GuildVoice,
} as const;

// Few names, so that collisions between levels are common; the last two are drawn from the whole table.
const name = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("VIEW_CHANNEL", "SEND_MESSAGES", "CONNECT", "SEND_MESSAGES_IN_THREADS") },
  { weight: 2, arbitrary: fc.constantFrom("MENTION_EVERYONE", "ATTACH_FILES", "READ_MESSAGE_HISTORY", "KICK_MEMBERS") },
  { weight: 2, arbitrary: fc.constantFrom(...DOCUMENTED.map(([, documented]) => documented)) },
);
const names = fc.uniqueArray(name, { maxLength: 8 }).map((list): ReadonlySet<string> => new Set(list));
const roleSet = fc.tuple(fc.constantFrom(...ROLE_IDS), fc.nat(3), names);

const guild: fc.Arbitrary<ModelGuild> = fc
  .tuple(names, fc.uniqueArray(roleSet, { selector: ([id]) => id, maxLength: 4 }))
  .map(([everyone, roles]) => ({
    id: GUILD,
    owner: OWNER,
    roles: [
      { id: GUILD, position: 0, permissions: everyone },
      ...roles.map(([id, position, permissions]) => ({ id, position, permissions })),
    ],
  }));
// 299: a role that the guild doesn't have.
const memberOf = (ids: readonly string[]): fc.Arbitrary<ModelMember> =>
  fc.record({
    id: fc.constantFrom(...ids),
    roles: fc.subarray([...ROLE_IDS, "299"]),
    timedOut: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
  });
const member = memberOf(MEMBER_IDS);
const commoner = memberOf(MEMBER_IDS.slice(1));
const overwrite: fc.Arbitrary<ModelOverwrite> = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(GUILD, ...ROLE_IDS, "299").map((id) => ({ kind: "role" as const, id })),
      fc.constantFrom(...MEMBER_IDS).map((id) => ({ kind: "member" as const, id })),
    ),
    names,
    names,
  )
  .map(([target, allow, deny]) => ({ ...target, allow, deny }));
const overwrites = fc.uniqueArray(overwrite, { selector: (o) => o.id, maxLength: 6 });
const channelKind = fc.constantFrom("text", "thread", "voice" as const);

const bits = (list: Iterable<string>): bigint => {
  const bitOf = new Map(DOCUMENTED.map(([bit, documented]) => [documented, 1n << BigInt(bit)]));
  return [...list].reduce((sum, one) => sum | (bitOf.get(one) ?? 0n), 0n);
};
const guildFacts = (model: ModelGuild): WholeGuildFacts => ({
  allRoles: true,
  id: model.id,
  ownerId: model.owner,
  roles: new Map(model.roles.map((role) => [role.id, roleFacts(role)])),
});
const roleFacts = (role: ModelGuild["roles"][number]): RoleFacts => ({
  id: role.id,
  position: role.position,
  permissions: bits(role.permissions),
});
const memberFacts = (model: ModelMember): MemberFacts => ({
  userId: model.id,
  roleIds: model.roles,
  timedOutUntil: model.timedOut ? NOW + 1 : null,
});
const overwriteFacts = (models: readonly ModelOverwrite[]): OverwriteFacts[] =>
  models.map(({ kind, id, allow, deny }) => ({
    id,
    type: kind === "role" ? 0 : 1,
    allow: bits(allow),
    deny: bits(deny),
  }));

describe("the table of permissions", () => {
  test("has the documented names and bits, and no others", () => {
    expect(Permission).toEqual(Object.fromEntries(DOCUMENTED.map(([bit, one]) => [one, 1n << BigInt(bit)])));
    expect(ALL_PERMISSIONS).toBe(bits(DOCUMENTED.map(([, one]) => one)));
  });

  test("gives a new guild's @everyone what Discord gives it", () => {
    expect(DEFAULT_EVERYONE_PERMISSIONS).toBe(2_248_473_465_835_073n & ~(1n << 47n));
  });

  test("turns names to bits and back, and drops what it does not know", () => {
    fc.assert(
      fc.property(names, (list) => {
        expect(new Set(bitsToNames(namesToBits([...list])))).toEqual(list);
      }),
    );
    expect(namesToBits(["SEND_MESSAGES", "FLY", "toString", "__proto__"])).toBe(0x800n);
    expect(bitsToNames((1n << 47n) | (1n << 63n) | 0x800n)).toEqual(["SEND_MESSAGES"]);
  });
});

describe("agreement with the slow model", () => {
  test("in a guild", () => {
    fc.assert(
      fc.property(guild, member, (g, m) => {
        expect(guildPermissions(guildFacts(g), memberFacts(m), NOW)).toBe(bits(modelInGuild(g, m)));
      }),
      { numRuns: 2000 },
    );
  });

  test("in a channel", () => {
    fc.assert(
      fc.property(guild, member, overwrites, channelKind, (g, m, o, kind) => {
        const fast = channelPermissions(guildFacts(g), memberFacts(m), overwriteFacts(o), NOW, CHANNEL_TYPES[kind]);
        expect(new Set(bitsToNames(fast))).toEqual(modelInChannel(g, m, o, kind));
      }),
      { numRuns: 5000 },
    );
  });

  test("in who outranks whom and who may manage which role", () => {
    fc.assert(
      fc.property(guild, member, member, (g, a, b) => {
        const facts = guildFacts(g);
        expect(outranks(facts, memberFacts(a), memberFacts(b))).toBe(modelOutranks(g, a, b));
        const top = Math.max(0, ...a.roles.map((id) => ladder(g).indexOf(id)));
        expect(highestRole(facts, memberFacts(a)).id).toBe(ladder(g)[top]);
        for (const role of g.roles) {
          const below = a.id === g.owner || ladder(g).indexOf(role.id) < top;
          expect(canManageRole(facts, memberFacts(a), roleFacts(role))).toBe(below);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("laws", () => {
  const access = (g: ModelGuild, m: ModelMember, o: readonly ModelOverwrite[], kind: keyof typeof CHANNEL_TYPES) =>
    channelPermissions(guildFacts(g), memberFacts(m), overwriteFacts(o), NOW, CHANNEL_TYPES[kind]);
  const without = (set: ReadonlySet<string>, one: string) => new Set([...set].filter((other) => other !== one));

  test("taking an allow away, or adding a deny, never adds access", () => {
    fc.assert(
      fc.property(guild, member, overwrites, channelKind, name, fc.nat(5), (g, m, o, kind, one, at) => {
        const before = access(g, m, o, kind);
        const lessAllowed = o.map((each, i) => (i === at ? { ...each, allow: without(each.allow, one) } : each));
        const moreDenied = o.map((each, i) => (i === at ? { ...each, deny: new Set([...each.deny, one]) } : each));
        expect(has(before, access(g, m, lessAllowed, kind))).toBe(true);
        expect(has(before, access(g, m, moreDenied, kind))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test("taking a permission from a role never adds access, in the guild or in a channel", () => {
    fc.assert(
      fc.property(guild, member, overwrites, channelKind, name, fc.nat(4), (g, m, o, kind, one, at) => {
        const roles = g.roles.map((role, i) =>
          i === at ? { ...role, permissions: without(role.permissions, one) } : role,
        );
        const less = { ...g, roles };
        expect(has(access(g, m, o, kind), access(less, m, o, kind))).toBe(true);
        const before = guildPermissions(guildFacts(g), memberFacts(m), NOW);
        expect(has(before, guildPermissions(guildFacts(less), memberFacts(m), NOW))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test("a timeout never adds access, and leaves no more than viewing and reading", () => {
    fc.assert(
      fc.property(guild, commoner, overwrites, channelKind, (g, m, o, kind) => {
        const free = access(g, { ...m, timedOut: false }, o, kind);
        const held = access(g, { ...m, timedOut: true }, o, kind);
        expect(has(free, held)).toBe(true);
        if (free !== ALL_PERMISSIONS)
          expect(has(namesToBits(["VIEW_CHANNEL", "READ_MESSAGE_HISTORY"]), held)).toBe(true);
      }),
    );
  });

  test("overwrites make no administrator and give nothing that is of the guild alone", () => {
    fc.assert(
      fc.property(guild, member, overwrites, channelKind, (g, m, o, kind) => {
        const guildWide = bits(DOCUMENTED.filter(([, , types]) => types === "").map(([, one]) => one));
        expect(has(guildPermissions(guildFacts(g), memberFacts(m), NOW), access(g, m, o, kind) & guildWide)).toBe(true);
      }),
    );
  });

  test("the order of overwrites, of roles and of a member's roles changes nothing", () => {
    fc.assert(
      fc.property(guild, member, overwrites, channelKind, (g, m, o, kind) => {
        const turned = { ...g, roles: [...g.roles].reverse() };
        const backwards = { ...m, roles: [...m.roles].reverse() };
        expect(access(turned, backwards, [...o].reverse(), kind)).toBe(access(g, m, o, kind));
      }),
    );
  });

  test("outranking is a strict order: not oneself, not both ways, and it carries over", () => {
    fc.assert(
      fc.property(guild, member, member, member, (g, a, b, c) => {
        const [x, y, z] = [
          { ...a, id: "1" },
          { ...b, id: "2" },
          { ...c, id: "3" },
        ].map(memberFacts);
        if (x === undefined || y === undefined || z === undefined) return;
        const facts = guildFacts(g);
        expect(outranks(facts, y, y)).toBe(false);
        expect(outranks(facts, y, z) && outranks(facts, z, y)).toBe(false);
        if (outranks(facts, x, y) && outranks(facts, y, z)) expect(outranks(facts, x, z)).toBe(true);
      }),
    );
  });

  test("the owner is out of everybody's reach", () => {
    fc.assert(
      fc.property(guild, member, commoner, (g, owner, other) => {
        const [boss, one] = [memberFacts({ ...owner, id: OWNER }), memberFacts(other)];
        expect(outranks(guildFacts(g), one, boss)).toBe(false);
        expect(outranks(guildFacts(g), boss, one)).toBe(true);
      }),
    );
  });
});

/** Sentences of the documentation, each with a guild that shows it. Role 201 is A, 202 is B. */
describe("what the documentation says", () => {
  interface Example {
    says: string;
    everyone?: string[];
    a?: string[];
    b?: string[];
    roles?: string[];
    user?: string;
    timedOutUntil?: number;
    overwrites?: [kind: "role" | "member", id: string, allow: string[], deny: string[]][];
    channelType?: number;
    may?: string[];
    mayNot?: string[];
  }

  const examples: Example[] = [
    {
      says: "base permissions of @everyone are applied",
      everyone: ["VIEW_CHANNEL", "SEND_MESSAGES"],
      may: ["VIEW_CHANNEL", "SEND_MESSAGES"],
      mayNot: ["MANAGE_MESSAGES"],
    },
    {
      says: "permissions allowed by roles are added",
      everyone: ["VIEW_CHANNEL"],
      a: ["MANAGE_MESSAGES"],
      roles: ["201"],
      may: ["VIEW_CHANNEL", "MANAGE_MESSAGES"],
    },
    {
      says: "ADMINISTRATOR allows all permissions and bypasses overwrites",
      a: ["ADMINISTRATOR"],
      roles: ["201"],
      overwrites: [["role", GUILD, [], ["VIEW_CHANNEL"]]],
      may: DOCUMENTED.map(([, one]) => one),
    },
    {
      says: "the owner has all permissions",
      user: OWNER,
      overwrites: [["member", OWNER, [], ["VIEW_CHANNEL"]]],
      may: DOCUMENTED.map(([, one]) => one),
    },
    {
      says: "A denies and B allows VIEW_CHANNEL: the user can view, regardless of the role positions",
      everyone: ["VIEW_CHANNEL"],
      roles: ["201", "202"],
      overwrites: [
        ["role", "202", ["VIEW_CHANNEL"], []],
        ["role", "201", [], ["VIEW_CHANNEL"]],
      ],
      may: ["VIEW_CHANNEL"],
    },
    {
      says: "an overwrite that denies @everyone is beaten by one that allows a role",
      everyone: ["VIEW_CHANNEL", "SEND_MESSAGES"],
      roles: ["201"],
      overwrites: [
        ["role", GUILD, [], ["VIEW_CHANNEL"]],
        ["role", "201", ["VIEW_CHANNEL"], []],
      ],
      may: ["VIEW_CHANNEL", "SEND_MESSAGES"],
    },
    {
      says: "a member's overwrite beats those of roles, to deny",
      everyone: ["VIEW_CHANNEL", "SEND_MESSAGES"],
      roles: ["201"],
      overwrites: [
        ["role", "201", ["SEND_MESSAGES"], []],
        ["member", "2", [], ["SEND_MESSAGES"]],
      ],
      may: ["VIEW_CHANNEL"],
      mayNot: ["SEND_MESSAGES"],
    },
    {
      says: "a member's overwrite beats those of roles, to allow",
      everyone: ["VIEW_CHANNEL"],
      roles: ["201"],
      overwrites: [
        ["member", "2", ["VIEW_CHANNEL"], []],
        ["role", "201", [], ["VIEW_CHANNEL"]],
      ],
      may: ["VIEW_CHANNEL"],
    },
    {
      says: "a role's overwrite doesn't touch who lacks the role, nor a member's another member",
      everyone: ["VIEW_CHANNEL"],
      overwrites: [
        ["role", "201", [], ["VIEW_CHANNEL"]],
        ["member", "3", [], ["VIEW_CHANNEL"]],
      ],
      may: ["VIEW_CHANNEL"],
    },
    {
      says: "an overwrite is of a role or of a member by its type, whatever its id",
      everyone: ["VIEW_CHANNEL"],
      roles: ["201"],
      overwrites: [
        ["member", "201", [], ["VIEW_CHANNEL"]],
        ["role", "2", [], ["VIEW_CHANNEL"]],
      ],
      may: ["VIEW_CHANNEL"],
    },
    {
      says: "without VIEW_CHANNEL nothing else on the channel counts",
      everyone: ["SEND_MESSAGES", "MANAGE_MESSAGES", "READ_MESSAGE_HISTORY"],
      overwrites: [["member", "2", ["SEND_MESSAGES", "MANAGE_CHANNELS"], []]],
      mayNot: DOCUMENTED.map(([, one]) => one),
    },
    {
      says: "without SEND_MESSAGES no mention of everyone, no TTS, no files, no embeds; other permissions stay",
      everyone: [
        "VIEW_CHANNEL",
        "MENTION_EVERYONE",
        "SEND_TTS_MESSAGES",
        "ATTACH_FILES",
        "EMBED_LINKS",
        "ADD_REACTIONS",
      ],
      may: ["VIEW_CHANNEL", "ADD_REACTIONS"],
      mayNot: ["MENTION_EVERYONE", "SEND_TTS_MESSAGES", "ATTACH_FILES", "EMBED_LINKS"],
    },
    {
      says: "in threads SEND_MESSAGES_IN_THREADS is what sending needs",
      channelType: ChannelType.PrivateThread,
      everyone: ["VIEW_CHANNEL", "SEND_MESSAGES_IN_THREADS", "ATTACH_FILES"],
      may: ["ATTACH_FILES", "SEND_MESSAGES_IN_THREADS"],
    },
    {
      says: "without CONNECT a voice channel can't be managed",
      channelType: ChannelType.GuildVoice,
      everyone: ["VIEW_CHANNEL", "SEND_MESSAGES", "MANAGE_CHANNELS", "SPEAK"],
      may: ["VIEW_CHANNEL", "SEND_MESSAGES"],
      mayNot: ["MANAGE_CHANNELS", "SPEAK"],
    },
    {
      says: "nor can a stage",
      channelType: ChannelType.GuildStageVoice,
      everyone: ["VIEW_CHANNEL", "MANAGE_CHANNELS"],
      mayNot: ["MANAGE_CHANNELS"],
    },
    {
      says: "a text channel can be managed without CONNECT",
      everyone: ["VIEW_CHANNEL", "MANAGE_CHANNELS"],
      may: ["MANAGE_CHANNELS"],
    },
    {
      says: "timed out members lose all but VIEW_CHANNEL and READ_MESSAGE_HISTORY",
      everyone: ["VIEW_CHANNEL", "READ_MESSAGE_HISTORY", "SEND_MESSAGES", "ADD_REACTIONS"],
      timedOutUntil: NOW + 1,
      overwrites: [["member", "2", ["SEND_MESSAGES"], []]],
      may: ["VIEW_CHANNEL", "READ_MESSAGE_HISTORY"],
      mayNot: ["SEND_MESSAGES", "ADD_REACTIONS"],
    },
    {
      says: "a timeout that has ended takes nothing",
      everyone: ["VIEW_CHANNEL", "SEND_MESSAGES"],
      timedOutUntil: NOW,
      may: ["VIEW_CHANNEL", "SEND_MESSAGES"],
    },
    {
      says: "administrators are exempt from timeouts",
      a: ["ADMINISTRATOR"],
      roles: ["201"],
      timedOutUntil: NOW + 1,
      may: ["SEND_MESSAGES", "BAN_MEMBERS"],
    },
    {
      says: "owners are exempt from timeouts",
      user: OWNER,
      timedOutUntil: NOW + 1,
      may: ["SEND_MESSAGES"],
    },
  ];

  test.each(examples)("$says", (example) => {
    const everyone = { id: GUILD, position: 0, permissions: bits(example.everyone ?? []) };
    const a = { id: "201", position: 2, permissions: bits(example.a ?? []) };
    const b = { id: "202", position: 1, permissions: bits(example.b ?? []) };
    const facts: WholeGuildFacts = {
      allRoles: true,
      id: GUILD,
      ownerId: OWNER,
      roles: new Map([everyone, a, b].map((role) => [role.id, role])),
    };
    const who = {
      userId: example.user ?? "2",
      roleIds: example.roles ?? [],
      timedOutUntil: example.timedOutUntil ?? null,
    };
    const list = (example.overwrites ?? []).map(
      ([kind, id, allow, deny]): OverwriteFacts => ({
        id,
        type: kind === "role" ? 0 : 1,
        allow: bits(allow),
        deny: bits(deny),
      }),
    );
    const got = channelPermissions(facts, who, list, NOW, example.channelType);
    for (const one of example.may ?? []) expect([one, has(got, bits([one]))]).toEqual([one, true]);
    for (const one of example.mayNot ?? []) expect([one, has(got, bits([one]))]).toEqual([one, false]);
  });

  test("roles of the same position are sorted by id, and @everyone is below all", () => {
    const role = (id: string, position: number): [string, RoleFacts] => [id, { id, position, permissions: 0n }];
    const facts: WholeGuildFacts = {
      allRoles: true,
      id: GUILD,
      ownerId: OWNER,
      roles: new Map([role(GUILD, 0), role("201", 0), role("202", 0)]),
    };
    const holder = (userId: string, ...roleIds: string[]) => ({ userId, roleIds, timedOutUntil: null });
    expect(highestRole(facts, holder("2", "201", "202")).id).toBe("201");
    expect(outranks(facts, holder("2", "201"), holder("3", "202"))).toBe(true);
    expect(outranks(facts, holder("2", "202"), holder("3"))).toBe(true);
    expect(outranks(facts, holder("2", "201"), holder("3", "201"))).toBe(false);
    expect(outranks(facts, holder("2"), holder("3"))).toBe(false);
    expect(canManageRole(facts, holder("2", "201"), { id: "201", position: 0, permissions: 0n })).toBe(false);
    expect(canManageRole(facts, holder(OWNER), { id: "201", position: 0, permissions: 0n })).toBe(true);
  });

  test("a channel's visibility differs from the guild's only when an overwrite touches VIEW_CHANNEL", () => {
    const one = (allow: string[], deny: string[]): OverwriteFacts => ({
      id: "201",
      type: 0,
      allow: bits(allow),
      deny: bits(deny),
    });
    expect(touchesView([])).toBe(false);
    expect(touchesView([one(["SEND_MESSAGES"], ["ADD_REACTIONS"])])).toBe(false);
    expect(touchesView([one(["VIEW_CHANNEL"], [])])).toBe(true);
    expect(touchesView([one([], []), one([], ["VIEW_CHANNEL"])])).toBe(true);
  });
});
