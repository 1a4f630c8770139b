import type { Answer, Client, Json } from "../harness/client.ts";
import type { Platform } from "../harness/platform.ts";

const ADMINISTRATOR = "8";

/** One guild with who acts in it; what a scenario changes for good it makes for itself. */
export interface World {
  platform: Platform;
  /** A person who owns the guild and the bot's application. */
  owner: Client;
  /** The application's bot, administrator of the guild. */
  bot: Client;
  /** A person who is a member. */
  member: Client;
  guildId: string;
  channelId: string;
  /** Somebody who joins the guild now. */
  newMember(): Promise<Client>;
  newChannel(body?: object): Promise<Json>;
  newMessage(body?: object): Promise<Json>;
  newRole(): Promise<Json>;
  newWebhook(): Promise<Json>;
  newInvite(): Promise<Json>;
  /** The bot's conversation with the member. */
  dm(): Promise<Json>;
}

/** Does one operation as a client does it; each answer is checked against the operation's schema. */
type Scenario = (world: World) => Promise<Answer | Answer[]>;
/** By operation id. */
export type Scenarios = Readonly<Record<string, Scenario>>;

export async function makeWorld(platform: Platform): Promise<World> {
  const owner = await platform.person("owner");
  const { id: guildId, channelId } = await platform.guild(owner, "Contract");
  const bot = await platform.bot(owner, guildId, ADMINISTRATOR);
  const newMember = async () => {
    const newcomer = await platform.person("member");
    await platform.join(owner, { channelId }, newcomer);
    return newcomer;
  };
  const member = await newMember();
  return {
    platform,
    owner,
    bot,
    member,
    guildId,
    channelId,
    newMember,
    newChannel: (body = {}) => bot.post(`/guilds/${guildId}/channels`, { name: "made", ...body }),
    newMessage: (body = { content: "hello" }) => bot.post(`/channels/${channelId}/messages`, body),
    newRole: () => bot.post(`/guilds/${guildId}/roles`, { name: "made", permissions: "1024", color: 0x3498db }),
    newWebhook: () => bot.post(`/channels/${channelId}/webhooks`, { name: "made" }),
    newInvite: () => bot.post(`/channels/${channelId}/invites`, { max_age: 3600, max_uses: 5, unique: true }),
    dm: () => bot.post("/users/@me/channels", { recipient_id: member.id }),
  };
}
