import type { Client, Json } from "./client.ts";
import type { Platform } from "./platform.ts";
import type { Socket } from "./socket.ts";

/** A guild with an application in it, whose bot is on a socket, and a member on another who uses it. */
export interface Stage {
  owner: Client;
  member: Client;
  bot: Client;
  guildId: string;
  channelId: string;
  botSocket: Socket;
  memberSocket: Socket;
  /** Registers a command of the guild's own. */
  command(body: object): Promise<Json>;
  /** Does something with the application as the member, and resolves with what its bot gets. */
  use(type: number, data: object, more?: object): Promise<Json>;
  /** The same, as it was answered. */
  tries(type: number, data: object, more?: object, as?: Client): ReturnType<Client["request"]>;
  /** Answers an interaction. */
  answer(interaction: Json, body: unknown, query?: string): ReturnType<Client["request"]>;
}

let nonces = 0;

export async function makeStage(platform: Platform, permissions = "8"): Promise<Stage> {
  const owner = await platform.person("owner");
  const member = await platform.person("member");
  const { id: guildId, channelId } = await platform.guild(owner);
  const bot = await platform.bot(owner, guildId, permissions);
  await platform.join(owner, { channelId }, member);
  const botSocket = await platform.socket(bot);
  const memberSocket = await platform.socket(member);
  const invocation = (type: number, data: object, more: object) => ({
    type,
    application_id: bot.id,
    guild_id: guildId,
    channel_id: channelId,
    session_id: memberSocket.sessionId,
    nonce: String(++nonces),
    data,
    ...more,
  });
  const tries: Stage["tries"] = (type, data, more = {}, as = member) =>
    as.request("POST", "/interactions", invocation(type, data, more));
  return {
    owner,
    member,
    bot,
    guildId,
    channelId,
    botSocket,
    memberSocket,
    command: (body) =>
      bot.post(`/applications/${bot.id}/guilds/${guildId}/commands`, { description: "A command", ...body }),
    tries,
    use: async (type, data, more = {}) => {
      const body = invocation(type, data, more);
      const { status, body: refusal } = await member.request("POST", "/interactions", body);
      if (status !== 204) throw new Error(`not taken: ${status} ${JSON.stringify(refusal)}`);
      const { d } = await memberSocket.event("INTERACTION_CREATE", (one) => one.nonce === body.nonce);
      const { d: told } = await botSocket.event("INTERACTION_CREATE", (one) => one.id === d.id);
      return { ...told, nonce: body.nonce };
    },
    answer: (interaction, body, query = "") =>
      platform
        .anonymous()
        .request("POST", `/interactions/${interaction.id}/${interaction.token}/callback${query}`, body),
  };
}
