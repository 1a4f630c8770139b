import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allChannels, type CommandRule, type CommandUse, mayUseCommand } from "../../core/command-permissions.ts";
import { Permission } from "../../core/permissions.ts";

const GUILD = "1000";
const EVERYONE = GUILD;
const ALL = "999";
const { USE_APPLICATION_COMMANDS, SEND_MESSAGES, BAN_MEMBERS, ADMINISTRATOR } = Permission;

const role = (id: string, permission: boolean): CommandRule => ({ id, type: 1, permission });
const user = (id: string, permission: boolean): CommandRule => ({ id, type: 2, permission });
const channel = (id: string, permission: boolean): CommandRule => ({ id, type: 3, permission });

const command = { server_id: null, type: 1, default_member_permissions: null, nsfw: false, contexts: null };
const base: CommandUse = {
  command,
  rules: [],
  applicationRules: [],
  guildId: GUILD,
  member: { userId: "7", roleIds: ["5", "6"] },
  permissions: USE_APPLICATION_COMMANDS,
  channel: { id: "3", nsfw: false },
};
const may = (change: Partial<CommandUse> = {}) => mayUseCommand({ ...base, ...change });
const ruled = (rules: CommandRule[], applicationRules: CommandRule[] = []) => may({ rules, applicationRules });

test("all channels are the number before the guild's", () => {
  expect(allChannels(GUILD)).toBe(ALL);
  expect(allChannels("1575122074492473344")).toBe("1575122074492473343");
});

describe("without rules", () => {
  test("members use what is for all, if they may use commands at all", () => {
    expect(may()).toBe(true);
    expect(may({ permissions: 0n })).toBe(false);
  });

  test("default_member_permissions must all be there; 0 is for administrators", () => {
    const needing = (default_member_permissions: string, permissions: bigint) =>
      may({ command: { ...command, default_member_permissions }, permissions });
    const both = String(BAN_MEMBERS | SEND_MESSAGES);
    expect(needing(both, USE_APPLICATION_COMMANDS | BAN_MEMBERS)).toBe(false);
    expect(needing(both, USE_APPLICATION_COMMANDS | BAN_MEMBERS | SEND_MESSAGES)).toBe(true);
    expect(needing("0", USE_APPLICATION_COMMANDS | BAN_MEMBERS)).toBe(false);
    expect(needing("0", ADMINISTRATOR)).toBe(true);
  });

  test("contexts say where, nsfw that the channel must be so, also to administrators", () => {
    for (const permissions of [USE_APPLICATION_COMMANDS, ADMINISTRATOR]) {
      expect(may({ permissions, command: { ...command, contexts: [0, 1] } })).toBe(true);
      expect(may({ permissions, command: { ...command, contexts: [1, 2] } })).toBe(false);
      const nsfw = { ...command, nsfw: true };
      expect(may({ permissions, command: nsfw })).toBe(false);
      expect(may({ permissions, command: nsfw, channel: { id: "3", nsfw: true } })).toBe(true);
      expect(may({ permissions, command: nsfw, channel: null })).toBe(true);
      expect(may({ permissions, command: { ...command, server_id: "1001" } })).toBe(false);
      // A guild's own has no contexts.
      expect(may({ permissions, command: { ...command, server_id: GUILD } })).toBe(true);
    }
  });

  test("commands on users need SEND_MESSAGES", () => {
    expect(may({ command: { ...command, type: 2 } })).toBe(false);
    expect(may({ command: { ...command, type: 2 }, permissions: USE_APPLICATION_COMMANDS | SEND_MESSAGES })).toBe(true);
    expect(may({ command: { ...command, type: 3 } })).toBe(true);
  });
});

describe("Discord's flowchart", () => {
  // Each line: the command's rules, the application's, and whether the command can be run.
  test.each<[string, CommandRule[], CommandRule[], boolean]>([
    ["a channel denied for the command", [channel("3", false)], [], false],
    ["another channel denied", [channel("4", false)], [], true],
    ["all channels denied, this one allowed", [channel(ALL, false), channel("3", true)], [], true],
    ["all channels denied", [channel(ALL, false)], [], false],
    ["the command's channel goes before the application's", [channel("3", true)], [channel("3", false)], true],
    [
      "the command's all channels go before the application's channel",
      [channel(ALL, true)],
      [channel("3", false)],
      true,
    ],
    ["the application's channel denied", [], [channel("3", false)], false],
    ["the application's all channels denied, this one allowed", [], [channel(ALL, false), channel("3", true)], true],
    ["the application's all channels denied", [], [channel(ALL, false)], false],
    ["an allowed channel lets nobody in who is denied", [channel("3", true), user("7", false)], [], false],
    ["a user's rule goes before those of roles", [user("7", true), role("5", false)], [], true],
    ["a user denied though a role is allowed", [user("7", false), role("5", true)], [], false],
    ["another user's rule", [user("8", false)], [], true],
    ["one role that is allowed is enough", [role("5", false), role("6", true)], [], true],
    ["roles denied go before @everyone", [role("5", false), role(EVERYONE, true)], [], false],
    ["a role of others", [role("9", false)], [], true],
    ["@everyone denied", [role(EVERYONE, false)], [], false],
    ["@everyone denied, a role allowed", [role(EVERYONE, false), role("5", true)], [], true],
    ["the command's user goes before the application's", [user("7", true)], [user("7", false)], true],
    ["the command's @everyone goes before the application's user", [role(EVERYONE, true)], [user("7", false)], true],
    ["the application's user denied", [], [user("7", false)], false],
    ["the application's role denied", [], [role("5", false)], false],
    ["the application's user allowed, its role denied", [], [user("7", true), role("5", false)], true],
    ["the application's @everyone denied", [], [role(EVERYONE, false)], false],
    ["a user's id is no role's", [role("7", false)], [], true],
  ])("%s", (_, rules, applicationRules, expected) => {
    expect(ruled(rules, applicationRules)).toBe(expected);
  });

  test("the command's rules go before default_member_permissions, the application's don't", () => {
    const strict = { ...command, default_member_permissions: "0" };
    expect(may({ command: strict, rules: [user("7", true)] })).toBe(true);
    expect(may({ command: strict, rules: [role(EVERYONE, true)] })).toBe(true);
    expect(may({ command: strict, rules: [channel("3", true)] })).toBe(false);
    expect(may({ command: strict, applicationRules: [user("7", true)] })).toBe(false);
  });

  test("where no channel is asked about, rules of channels count for nothing", () => {
    expect(may({ rules: [channel(ALL, false)], channel: null })).toBe(true);
    expect(may({ rules: [user("7", false)], channel: null })).toBe(false);
  });
});

const rules = fc.array(
  fc.record({
    id: fc.constantFrom("3", "5", "6", "7", ALL, EVERYONE),
    type: fc.constantFrom(1 as const, 2 as const, 3 as const),
    permission: fc.boolean(),
  }),
  { maxLength: 8 },
);

test("whatever the rules, administrators may and members who may use no commands may not", () => {
  fc.assert(
    fc.property(rules, rules, (own, applicationRules) => {
      expect(may({ rules: own, applicationRules, permissions: ADMINISTRATOR })).toBe(true);
      expect(may({ rules: own, applicationRules, permissions: SEND_MESSAGES })).toBe(false);
    }),
  );
});

test("the order of rules doesn't matter", () => {
  const unique = (list: CommandRule[]) => [...new Map(list.map((rule) => [`${rule.type} ${rule.id}`, rule])).values()];
  fc.assert(
    fc.property(rules, rules, (own, ofApplication) => {
      const [a, b] = [unique(own), unique(ofApplication)];
      expect(ruled(a, b)).toBe(ruled(a.toReversed(), b.toReversed()));
    }),
  );
});
