import { readFileSync } from "node:fs";
import { GatewayIntentBits } from "discord-api-types/v10";
import { beforeAll, describe, expect, test } from "vitest";
import { EVENTS, isEventName } from "../../core/events.ts";
import { ALL_PERMISSIONS, Permission } from "../../core/permissions.ts";
import { startPlatform } from "../harness/platform.ts";
import { type Payload, Socket } from "../harness/socket.ts";
import { changeConversation, changeEverything, hiddenFrom } from "./everything.ts";

const platform = await startPlatform();

/** Events of the platform's bots and endpoints, for one user each; the tests named here make them happen. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  INTERACTION_CREATE: "../interactions/commands.test.ts",
  INTERACTION_SUCCESS: "../interactions/commands.test.ts",
  INTERACTION_FAILURE: "../interactions/timing.test.ts",
  INTERACTION_MODAL_CREATE: "../interactions/components.test.ts",
  APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE: "../interactions/commands.test.ts",
  EVENT_ENDPOINT_DISABLED: "../webhooks/application-events.test.ts",
};
const told = Object.entries(EVENTS).filter(([name]) => !name.startsWith("$") && ELSEWHERE[name] === undefined);

test.each(Object.entries(ELSEWHERE))("%s is for one user alone, and is awaited in %s", (name, file) => {
  expect(isEventName(name) && EVENTS[name]).toMatchObject({ sees: "user", intent: 0 });
  expect(readFileSync(new URL(file, import.meta.url), "utf8")).toContain(`"${name}"`);
});

const ofReactions = ["MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE"];
const ofPolls = ["MESSAGE_POLL_VOTE_ADD", "MESSAGE_POLL_VOTE_REMOVE"];
/**
 * The events of each intent that there are here, by https://discord.com/developers/docs/events/gateway#list-of-intents;
 * in conversations nobody can remove the reactions of others.
 */
const DOCUMENTED: Readonly<Record<string, readonly string[]>> = {
  Guilds: [
    ...["GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE", "GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE", "GUILD_ROLE_DELETE"],
    ...["CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE", "CHANNEL_PINS_UPDATE"],
    ...["THREAD_CREATE", "THREAD_UPDATE", "THREAD_DELETE", "THREAD_LIST_SYNC", "THREAD_MEMBER_UPDATE"],
    "THREAD_MEMBERS_UPDATE of its own",
  ],
  GuildMembers: [
    ...["GUILD_MEMBER_ADD", "GUILD_MEMBER_UPDATE", "GUILD_MEMBER_REMOVE"],
    ...["THREAD_MEMBERS_UPDATE", "THREAD_MEMBERS_UPDATE of its own"],
  ],
  GuildModeration: ["GUILD_AUDIT_LOG_ENTRY_CREATE", "GUILD_BAN_ADD", "GUILD_BAN_REMOVE"],
  GuildIntegrations: ["GUILD_INTEGRATIONS_UPDATE", "INTEGRATION_CREATE", "INTEGRATION_UPDATE", "INTEGRATION_DELETE"],
  GuildWebhooks: ["WEBHOOKS_UPDATE"],
  GuildInvites: ["INVITE_CREATE", "INVITE_DELETE"],
  GuildVoiceStates: ["VOICE_STATE_UPDATE"],
  GuildPresences: ["PRESENCE_UPDATE"],
  GuildMessages: ["MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK"],
  GuildMessageReactions: [...ofReactions, "MESSAGE_REACTION_REMOVE_ALL", "MESSAGE_REACTION_REMOVE_EMOJI"],
  GuildMessagePolls: ofPolls,
  GuildMessageTyping: ["TYPING_START"],
  DirectMessages: direct("MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "CHANNEL_PINS_UPDATE"),
  DirectMessageReactions: direct(...ofReactions),
  DirectMessagePolls: direct(...ofPolls),
  DirectMessageTyping: direct("TYPING_START"),
};
/** What has no intent; and by https://discord.com/developers/docs/events/gateway#caveats. */
const ALWAYS = ["READY", "USER_UPDATE", "APPLICATION_COMMAND_PERMISSIONS_UPDATE", "GUILD_MEMBER_UPDATE of its own"];
const bits = Object.entries(GatewayIntentBits).filter(
  (entry): entry is [string, number] => typeof entry[1] === "number",
);
/** Older names of a bit come later. */
const INTENTS = new Map(bits.filter(([, bit], at) => bits.findIndex((other) => other[1] === bit) === at));
const ALL = bits.reduce((all, [, bit]) => all | bit, 0);

function direct(...names: string[]): string[] {
  return names.map((name) => `${name} of a conversation`);
}

/** An event's name, with what its intent depends on beside it. */
function kindOf({ t, d }: Payload, bot: string): string {
  const ofMessages = /^(MESSAGE_|TYPING_|CHANNEL_PINS_)/.test(t ?? "");
  if (ofMessages && d.guild_id === undefined) return `${t} of a conversation`;
  const users: unknown[] = [
    ...(t === "GUILD_MEMBER_UPDATE" ? [d.user.id] : []),
    ...(t === "THREAD_MEMBERS_UPDATE" ? (d.removed_member_ids ?? []) : []),
    ...(t === "THREAD_MEMBERS_UPDATE" ? (d.added_members ?? []).map((each: { user_id: string }) => each.user_id) : []),
  ];
  return users.includes(bot) ? `${t} of its own` : String(t);
}

const kindsOf = (socket: Socket | undefined, bot: string) =>
  [...new Set(socket?.dispatches.map((payload) => kindOf(payload, bot)))].sort();
const documented = (fits: (intent: string) => boolean) =>
  [...new Set([...ALWAYS, ...[...INTENTS.keys()].filter(fits).flatMap((intent) => DOCUMENTED[intent] ?? [])])].sort();

describe("everything that changes is told to those who asked, and to nobody who did not", async () => {
  const owner = await platform.person("owner");
  const member = await platform.person("member");
  const guild = await platform.guild(owner);
  await platform.join(owner, guild, member);
  const blind = await platform.person("blind");
  await platform.join(owner, guild, blind);
  const bot = await platform.bot(owner, guild.id, String(ALL_PERMISSIONS & ~Permission.ADMINISTRATOR));
  const blindBot = await platform.bot(owner, guild.id);
  let all: Socket;
  let unseeing: Socket;
  const only = new Map<string, Socket>();
  const without = new Map<string, Socket>();
  const blindOnly = new Map<string, Socket>();

  beforeAll(async () => {
    for (const each of [blind, blindBot])
      await owner.put(`/channels/${guild.channelId}/permissions/${each.id}`, hiddenFrom(each));
    all = await platform.socket(owner);
    unseeing = await platform.socket(blind);
    for (const [name, bit] of [...INTENTS, ["nothing", 0] as const]) {
      only.set(name, await platform.socket(bot, { intents: bit }));
      without.set(name, await platform.socket(bot, { intents: ALL & ~bit }));
      blindOnly.set(name, await platform.socket(blindBot, { intents: bit }));
    }
    await changeEverything(platform, { owner, member, bot, blind: [blind, blindBot] }, guild);
    await changeConversation(owner, bot);
    const command = await bot.post(`/applications/${bot.id}/commands`, { name: "ping", description: "Says pong" });
    await owner.put(`/applications/${bot.id}/guilds/${guild.id}/commands/${command.id}/permissions`, {
      permissions: [{ id: member.id, type: 2, permission: false }],
    });
    const sockets = [...only.values(), ...without.values(), ...blindOnly.values(), unseeing];
    // Who was joining the other guild is back from it.
    for (const socket of sockets) await socket.event("APPLICATION_COMMAND_PERMISSIONS_UPDATE");
    await owner.delete(`/guilds/${guild.id}`);
    await all.event("GUILD_DELETE", (d) => d.id === guild.id);
    for (const socket of sockets) await socket.settled();
  });

  test("each row of the table, a new one as well, has happened", () => {
    const seen = new Set(all.dispatches.map(({ t }) => t));
    expect(told.map(([name]) => name).filter((name) => !seen.has(name))).toEqual([]);
  });

  test.each([...INTENTS.keys(), "nothing"])(
    "who asked for %s alone gets what is documented for it, and nothing else",
    (name) => {
      expect(kindsOf(only.get(name), bot.id)).toEqual(documented((intent) => intent === name));
    },
  );

  test.each([...INTENTS.keys(), "nothing"])(
    "who asked for all but %s gets all but what is documented for it",
    (name) => {
      expect(kindsOf(without.get(name), bot.id)).toEqual(documented((intent) => intent !== name));
    },
  );

  const namesBy = (...sees: string[]) => told.filter(([, rule]) => sees.includes(rule.sees)).map(([name]) => name);

  test("of what needs the view of a channel, or a permission, nothing comes to who has none, of the rest all", () => {
    const unseen = new Set(unseeing.dispatches.map(({ t }) => t));
    expect(namesBy("channel", "holders").filter((name) => unseen.has(name))).toEqual([]);
    expect(namesBy("guild").filter((name) => !unseen.has(name))).toEqual([]);
  });

  test.each([...INTENTS.keys()])("who sees no channel gets none of its events by asking for %s", (name) => {
    const got = kindsOf(blindOnly.get(name), blindBot.id);
    expect(got).toContain("APPLICATION_COMMAND_PERMISSIONS_UPDATE");
    expect(got.filter((kind) => namesBy("channel", "holders").some((each) => kind.startsWith(each)))).toEqual([]);
  });
});

test("a RESUME brings of a bot's own membership what a socket that stayed open has had", async () => {
  const owner = await platform.person();
  const guild = await platform.guild(owner);
  const bot = await platform.bot(owner, guild.id);
  const { Guilds, GuildMembers, GuildMessages } = GatewayIntentBits;
  const away = await Promise.all(
    [Guilds, GuildMembers, GuildMessages].map((intents) => platform.socket(bot, { intents })),
  );
  for (const socket of away) socket.cut();
  const role = await owner.post(`/guilds/${guild.id}/roles`, { name: "role" });
  await owner.put(`/guilds/${guild.id}/members/${bot.id}/roles/${role.id}`);
  const back = async (from: Socket) => {
    const socket = await Socket.open(platform.gatewayUrl());
    expect((await socket.resume(bot.token ?? "", from.sessionId, from.seq)).t).toBe("RESUMED");
    return socket;
  };
  const resumed = await Promise.all(away.map(back));
  for (const socket of resumed) expect(kindsOf(socket, bot.id)).toContain("GUILD_MEMBER_UPDATE of its own");
  await owner.delete(`/guilds/${guild.id}/members/${bot.id}`);
  await bot.patch("/users/@me", { username: "Gone" });
  for (const socket of resumed) await socket.event("USER_UPDATE");
  expect(resumed.map((socket) => kindsOf(socket, bot.id).includes("GUILD_DELETE"))).toEqual([true, false, false]);
});

test("a direct conversation's events go to the two of it", async () => {
  const one = await platform.person();
  const other = await platform.person();
  const sockets = [await platform.socket(one), await platform.socket(other)];
  const dm = await one.post("/users/@me/channels", { recipient_id: other.id });
  await one.post(`/channels/${dm.id}/typing`);
  const message = await one.post(`/channels/${dm.id}/messages`, { content: "hello" });
  await one.patch(`/channels/${dm.id}/messages/${message.id}`, { content: "edited" });
  await one.delete(`/channels/${dm.id}/messages/${message.id}`);
  for (const socket of sockets) await socket.event("MESSAGE_DELETE", (d) => d.id === message.id);
  const names = sockets.map((socket) => socket.dispatches.slice(1).map(({ t }) => t));
  const both = ["MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE"];
  expect(names).toEqual([
    ["CHANNEL_CREATE", ...both],
    ["TYPING_START", ...both],
  ]);
});
