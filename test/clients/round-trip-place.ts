import type { Client } from "../harness/client.ts";
import { Site } from "../harness/oauth2.ts";
import type { Platform } from "../harness/platform.ts";
import { openRequestLog, type RequestLog } from "./request-log.ts";

/** What a library is tried with. Its requests go by the log's URL. */
export interface RoundTripPlace {
  log: RequestLog;
  bot: Client;
  owner: Client;
  guild: { id: string; channelId: string };
  /** Members. */
  target: Client;
  victim: Client;
  /** In no guild, and lets the application make them a member. */
  guest: { id: string; accessToken: string };
  /** A guild that the bot may leave. */
  otherGuildId: string;
  /** The owner's, to change who may use commands, and to see their guilds. */
  ownersToken: string;
  /** The owner uses a slash command. */
  invoke(command: { id: string; name: string }): Promise<void>;
  /** The owner forbids a command of the guild to somebody. */
  rule(commandId: string): Promise<void>;
  /** For a bot in a process of its own. */
  env: NodeJS.ProcessEnv;
}

export async function makeRoundTripPlace(platform: Platform): Promise<RoundTripPlace> {
  const owner = await platform.person("owner");
  const guild = await platform.guild(owner, "Round trip");
  const other = await platform.guild(owner, "Other");
  const [target, victim, leaver, guest] = [
    await platform.person("target"),
    await platform.person("victim"),
    await platform.person("victim"),
    await platform.person("guest"),
  ];
  for (const newcomer of [target, victim, leaver]) await platform.join(owner, guild, newcomer);
  const site = await Site.register(platform, owner);
  const { bot } = site;
  await bot.patch("/applications/@me", { flags: (1 << 13) | (1 << 15) | (1 << 19) });
  for (const { id } of [guild, other]) {
    await owner.post(`/oauth2/authorize?client_id=${bot.id}&scope=bot&permissions=8`, {
      guild_id: id,
      authorize: true,
    });
  }
  const { access_token: ownersToken } = await site.tokens(
    owner,
    "identify guilds guilds.members.read applications.commands.permissions.update",
  );
  const { access_token: accessToken } = await site.tokens(guest, "identify guilds.join");
  const socket = await platform.socket(owner);
  const log = await openRequestLog(platform.url());
  return {
    log,
    bot,
    owner,
    guild,
    target,
    victim,
    guest: { id: guest.id, accessToken },
    otherGuildId: other.id,
    ownersToken,
    invoke: ({ id, name }) =>
      owner.post("/interactions", {
        type: 2,
        application_id: bot.id,
        guild_id: guild.id,
        channel_id: guild.channelId,
        session_id: socket.sessionId,
        data: { id, name, type: 1 },
      }),
    rule: (commandId) =>
      owner.put(`/applications/${bot.id}/guilds/${guild.id}/commands/${commandId}/permissions`, {
        permissions: [{ id: target.id, type: 2, permission: false }],
      }),
    env: {
      GUILDHALL_URL: log.url,
      // For what the library itself does not ask.
      REST_URL: `${platform.url()}/api/v10`,
      BOT_TOKEN: bot.token?.replace("Bot ", ""),
      APPLICATION: bot.id,
      GUILD: guild.id,
      OTHER_GUILD: other.id,
      TARGET: target.id,
      VICTIM: victim.id,
      VICTIM2: leaver.id,
      GUEST: guest.id,
      GUESTS_TOKEN: accessToken,
      OWNERS_TOKEN: ownersToken,
    },
  };
}
