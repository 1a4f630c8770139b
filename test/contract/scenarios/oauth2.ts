import { bearerClient, REDIRECT_URI, Site } from "../../harness/oauth2.ts";
import type { Scenarios, World } from "../world.ts";

/** A site with the bot's owner's consent to all of it. */
async function granted({ platform, owner }: World) {
  const site = await Site.register(platform, owner, [REDIRECT_URI]);
  const scope = "identify email openid connections guilds guilds.members.read";
  return { site, client: bearerClient(platform, (await site.tokens(owner, scope)).access_token, owner.id) };
}

export const oauth2Scenarios: Scenarios = {
  get_my_oauth2_authorization: async (world) => (await granted(world)).client.request("GET", "/oauth2/@me"),
  get_openid_connect_userinfo: async (world) => (await granted(world)).client.request("GET", "/oauth2/userinfo"),
  get_public_keys: ({ platform }) => platform.anonymous().request("GET", "/oauth2/keys"),
  list_my_connections: async (world) => (await granted(world)).client.request("GET", "/users/@me/connections"),
  add_guild_member: async ({ platform, owner, bot, guildId }) => {
    await owner.patch(`/applications/${bot.id}`, { redirect_uris: [REDIRECT_URI] });
    const { client_secret: secret } = await owner.post(`/applications/${bot.id}/secret`);
    const site = new Site(platform, bot.id, secret, bot);
    const joiner = await platform.person("joiner");
    const { access_token } = await site.tokens(joiner, "guilds.join");
    const put = () => bot.request("PUT", `/guilds/${guildId}/members/${joiner.id}`, { access_token, nick: "Joined" });
    return [await put(), await put()];
  },
  list_guild_integrations: ({ bot, guildId }) => bot.request("GET", `/guilds/${guildId}/integrations`),
  delete_guild_integration: async ({ platform, owner, bot, guildId }) => {
    const other = await platform.bot(owner, guildId);
    const list = await bot.get(`/guilds/${guildId}/integrations`);
    const { id } = list.find((each: { application: { id: string } }) => each.application.id === other.id);
    return bot.request("DELETE", `/guilds/${guildId}/integrations/${id}`);
  },
};
