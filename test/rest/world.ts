import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { connectDatabase } from "../../core/db.ts";
import { ALL_PERMISSIONS, Permission, type PermissionName } from "../../core/permissions.ts";
import { hashToken } from "../../src/auth/tokens.ts";
import { insertInteraction } from "../../src/store/interactions.ts";
import type { Client } from "../harness/client.ts";
import { bearerClient, REDIRECT_URI } from "../harness/oauth2.ts";
import type { Platform } from "../harness/platform.ts";

/** The ids of one guild and what is in it: path parameters and bodies are filled from here. */
export interface Places {
  guild_id: string;
  channel_id: string;
  voice_id: string;
  category_id: string;
  /** A public thread, with the reader as a member. */
  thread_id: string;
  forum_id: string;
  news_id: string;
  /** A message in it. */
  news_message_id: string;
  tag_id: string;
  message_id: string;
  second_message_id: string;
  /** A message with a poll, of the owner's. */
  poll_id: string;
  /** An answer of it. */
  answer_id: string;
  emoji_name: string;
  role_id: string;
  overwrite_id: string;
  /** A member who may only read. */
  user_id: string;
  banned_id: string;
  webhook_id: string;
  webhook_token: string;
  webhook_message_id: string;
  code: string;
  application_id: string;
  /** The application in the guild. */
  integration_id: string;
  /** The owner's consent to the application, and what the application got. */
  authorization_id: string;
  owner_id: string;
  access_token: string;
  subscription_id: string;
  /** Of the subscription. */
  delivery_id: string;
  /** Of the application's event webhooks. */
  application_delivery_id: string;
  /** A global command of the application; the other one is the guild's. */
  command_id: string;
  guild_command_id: string;
  /** Waits for its answer, and for longer than any test. */
  interaction_id: string;
  interaction_token: string;
  /** Of an interaction that was answered. */
  answered_token: string;
}

/** Who acts, and where. */
export interface World {
  owner: Client;
  /** A member of `here` who may only read. */
  reader: Client;
  /** In no guild. */
  stranger: Client;
  /** A member of `elsewhere`, which the owner owns too. */
  neighbour: Client;
  bot: Client;
  /** The bot's application, acting for the owner. */
  bearer: Client;
  /** Members of `here` with every permission but ADMINISTRATOR and this one. */
  lacking(permission: PermissionName): Promise<Client>;
  here: Places;
  elsewhere: Places;
  /** Ids of what was in `here`, or the owner's, and no longer is, by the name of its place. */
  gone: Readonly<Record<string, string>>;
  /** A conversation of the owner and the reader. */
  dmId: string;
  /** Another guild like `here`, with people and a bot of its own, for a request that changes it. */
  another(): Promise<{ places: Places; owner: Client; reader: Client; bot: Client; bearer: Client }>;
}

const READ = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY;

export async function makeWorld(platform: Platform): Promise<World> {
  const people = ["owner", "reader", "stranger", "neighbour", "outcast"].map((name) => platform.person(name));
  const [owner, reader, stranger, neighbour, outcast] = await Promise.all(people);
  if (!owner || !reader || !stranger || !neighbour || !outcast) throw new Error("somebody is missing");
  const { places: here, bot, bearer } = await makeGuild(platform, owner, reader, outcast);
  const { places: elsewhere } = await makeGuild(platform, owner, neighbour, outcast);
  const gone = await makeGone(platform, owner, here);
  const dm = await owner.post("/users/@me/channels", { recipient_id: reader.id });
  const known = new Map<PermissionName, Promise<Client>>();
  return {
    owner,
    reader,
    stranger,
    neighbour,
    bot,
    bearer,
    here,
    elsewhere,
    gone,
    dmId: dm.id,
    another: async () => {
      // A reader who is in all of them would reach the limit of guilds.
      const [another, itsReader] = await Promise.all([platform.person("owner"), platform.person("reader")]);
      return { owner: another, reader: itsReader, ...(await makeGuild(platform, another, itsReader, outcast)) };
    },
    lacking: (permission) => {
      const bits = ALL_PERMISSIONS & ~Permission.ADMINISTRATOR & ~Permission[permission];
      const member = known.get(permission) ?? newMember(platform, owner, here, bits);
      known.set(permission, member);
      return member;
    },
  };
}

/** Makes one of everything that can be deleted, and deletes it. */
async function makeGone(platform: Platform, owner: Client, at: Places): Promise<Record<string, string>> {
  const guild = await platform.guild(owner);
  const member = await platform.person("leaver");
  await member.post(`/invites/${at.code}`);
  const channel = await owner.post(`/guilds/${at.guild_id}/channels`, { name: "gone" });
  const news = await owner.post(`/guilds/${at.guild_id}/channels`, { name: "gone", type: 5 });
  const announced = await owner.post(`/channels/${at.news_id}/messages`, { content: "gone" });
  const thread = await owner.post(`/channels/${at.channel_id}/threads`, { name: "gone", type: 11 });
  const forum = await owner.post(`/guilds/${at.guild_id}/channels`, { name: "gone", type: 15 });
  const message = await owner.post(`/channels/${at.channel_id}/messages`, { content: "gone" });
  const posted = await platform
    .anonymous()
    .post(`/webhooks/${at.webhook_id}/${at.webhook_token}?wait=1`, { content: "gone" });
  const role = await owner.post(`/guilds/${at.guild_id}/roles`, { name: "gone" });
  const webhook = await owner.post(`/channels/${at.channel_id}/webhooks`, { name: "gone" });
  const invite = await owner.post(`/channels/${at.channel_id}/invites`, { unique: true });
  const subscription = await owner.post(`/guilds/${at.guild_id}/event-subscriptions`, SUBSCRIPTION);
  const bot = await platform.bot(owner, at.guild_id);
  const command = await bot.post(`/applications/${bot.id}/commands`, { name: "gone", description: "Is gone" });
  const { authorization_id } = await allow(platform, owner, bot.id);
  const integrations = await owner.get(`/guilds/${at.guild_id}/integrations`);
  const integration = integrations.find(({ account }: { account: { id: string } }) => account.id === bot.id);
  for (const path of [
    `/channels/${channel.id}`,
    `/channels/${news.id}`,
    `/channels/${thread.id}`,
    `/channels/${forum.id}`,
    `/channels/${at.channel_id}/messages/${message.id}`,
    `/channels/${at.news_id}/messages/${announced.id}`,
    `/webhooks/${at.webhook_id}/${at.webhook_token}/messages/${posted.id}`,
    `/guilds/${at.guild_id}/roles/${role.id}`,
    `/webhooks/${webhook.id}`,
    `/invites/${invite.code}`,
    `/guilds/${at.guild_id}/event-subscriptions/${subscription.id}`,
    `/oauth2/tokens/${authorization_id}`,
    `/guilds/${at.guild_id}/integrations/${integration.id}`,
    `/applications/${bot.id}`,
    `/guilds/${guild.id}`,
  ]) {
    await owner.delete(path);
  }
  await member.delete(`/users/@me/guilds/${at.guild_id}`);
  return {
    guild_id: guild.id,
    channel_id: channel.id,
    news_id: news.id,
    news_message_id: announced.id,
    thread_id: thread.id,
    forum_id: forum.id,
    message_id: message.id,
    poll_id: message.id,
    webhook_message_id: posted.id,
    user_id: member.id,
    role_id: role.id,
    application_id: bot.id,
    integration_id: integration.id,
    authorization_id,
    command_id: command.id,
    webhook_id: webhook.id,
    subscription_id: subscription.id,
    code: invite.code,
  };
}

async function newMember(platform: Platform, owner: Client, at: Places, permissions: bigint): Promise<Client> {
  const member = await platform.person("member");
  await member.post(`/invites/${at.code}`);
  await giveRole(owner, at.guild_id, member.id, permissions);
  return member;
}

async function giveRole(owner: Client, guildId: string, userId: string, permissions: bigint): Promise<void> {
  const role = await owner.post(`/guilds/${guildId}/roles`, { name: "given", permissions: String(permissions) });
  await owner.put(`/guilds/${guildId}/members/${userId}/roles/${role.id}`);
}

/** Nobody listens there; it begins switched off. */
const POLL = { question: { text: "?" }, answers: [{ poll_media: { text: "!" } }] };
const SUBSCRIPTION = { url: "http://127.0.0.1:2/hook", event_types: ["GUILD_DELETE"] };

/** Deliveries that are settled, as dispatchers leave them. */
async function makeDeliveries(platform: Platform, subscriptionId: string, applicationId: string) {
  const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
  const settled = async (endpointId: string) => {
    const [row] = await sql<[{ id: string }]>`
      insert into webhook_deliveries (id, endpoint_id, event_id, event_type, server_id, state, attempts, created_at)
      values (nextval('webhook_delivery_id'), ${endpointId}, 1, 'GUILD_UPDATE', 0, 'dead', 1, now()) returning id`;
    return row.id;
  };
  await sql`
    insert into event_endpoints (id, application_id, url)
    values (${applicationId}, ${applicationId}, ${SUBSCRIPTION.url})`;
  const made = { delivery_id: await settled(subscriptionId), application_delivery_id: await settled(applicationId) };
  await sql.end();
  return made;
}

/** A guild with one of everything, where a member has only the permissions that its roles give. */
async function makeGuild(
  platform: Platform,
  owner: Client,
  reader: Client,
  outcast: Client,
): Promise<{ places: Places; bot: Client; bearer: Client }> {
  const { id, channelId } = await platform.guild(owner);
  const bot = await platform.bot(owner, id, String(Permission.ADMINISTRATOR));
  await owner.patch(`/guilds/${id}/roles/${id}`, { permissions: "0" });
  const voice = await owner.post(`/guilds/${id}/channels`, { name: "voice", type: 2 });
  const category = await owner.post(`/guilds/${id}/channels`, { name: "category", type: 4 });
  const thread = await owner.post(`/channels/${channelId}/threads`, { name: "thread", type: 11 });
  const forum = await owner.post(`/guilds/${id}/channels`, {
    name: "forum",
    type: 15,
    available_tags: [{ name: "tag" }],
  });
  const news = await owner.post(`/guilds/${id}/channels`, { name: "news", type: 5 });
  const announced = await owner.post(`/channels/${news.id}/messages`, { content: "news" });
  const message = await owner.post(`/channels/${channelId}/messages`, { content: "one" });
  const second = await owner.post(`/channels/${channelId}/messages`, { content: "two" });
  const poll = await owner.post(`/channels/${channelId}/messages`, { poll: POLL });
  const role = await owner.post(`/guilds/${id}/roles`, { name: "role", permissions: "0" });
  const webhook = await owner.post(`/channels/${channelId}/webhooks`, { name: "hook" });
  const posted = await platform
    .anonymous()
    .post(`/webhooks/${webhook.id}/${webhook.token}?wait=1`, { content: "hook" });
  const invite = await owner.post(`/channels/${channelId}/invites`, { max_age: 0, max_uses: 0 });
  await reader.post(`/invites/${invite.code}`);
  await giveRole(owner, id, reader.id, READ);
  await owner.put(`/channels/${thread.id}/thread-members/${reader.id}`);
  await owner.put(`/channels/${channelId}/permissions/${role.id}`, { type: 0, allow: "0", deny: "2048" });
  await owner.put(`/guilds/${id}/bans/${outcast.id}`, {});
  const ping = { name: "ping", description: "Says pong" };
  const command = await bot.post(`/applications/${bot.id}/commands`, ping);
  const guildCommand = await bot.post(`/applications/${bot.id}/guilds/${id}/commands`, ping);
  await owner.put(`/applications/${bot.id}/guilds/${id}/commands/${guildCommand.id}/permissions`, {
    permissions: [{ id: role.id, type: 1, permission: true }],
  });
  const asked = { guildId: id, channelId, applicationId: bot.id, userId: owner.id };
  const [waiting, answered] = [await askBot(platform, asked), await askBot(platform, asked)];
  await platform.anonymous().post(`/interactions/${answered.id}/${answered.token}/callback`, {
    type: 4,
    data: { content: "answer" },
  });
  const { authorization_id, access_token, bearer } = await allow(platform, owner, bot.id);
  const [integration] = await owner.get(`/guilds/${id}/integrations`);
  const subscription = await owner.post(`/guilds/${id}/event-subscriptions`, SUBSCRIPTION);
  const places: Places = {
    guild_id: id,
    channel_id: channelId,
    voice_id: voice.id,
    category_id: category.id,
    thread_id: thread.id,
    forum_id: forum.id,
    news_id: news.id,
    news_message_id: announced.id,
    tag_id: forum.available_tags[0].id,
    message_id: message.id,
    second_message_id: second.id,
    poll_id: poll.id,
    answer_id: "1",
    emoji_name: "👍",
    role_id: role.id,
    overwrite_id: role.id,
    user_id: reader.id,
    banned_id: outcast.id,
    webhook_id: webhook.id,
    webhook_token: webhook.token,
    webhook_message_id: posted.id,
    code: invite.code,
    application_id: bot.id,
    subscription_id: subscription.id,
    ...(await makeDeliveries(platform, subscription.id, bot.id)),
    command_id: command.id,
    guild_command_id: guildCommand.id,
    interaction_id: waiting.id,
    interaction_token: waiting.token,
    answered_token: answered.token,
    integration_id: integration.id,
    authorization_id,
    owner_id: owner.id,
    access_token,
  };
  return { places, bot, bearer };
}

/** The owner lets the application act for them. */
async function allow(platform: Platform, owner: Client, applicationId: string) {
  await owner.patch(`/applications/${applicationId}`, { redirect_uris: [REDIRECT_URI] });
  const { client_secret } = await owner.post(`/applications/${applicationId}/secret`);
  const query = { client_id: applicationId, response_type: "code", scope: "identify" };
  await owner.post(`/oauth2/authorize?${new URLSearchParams(query)}`, { authorize: true });
  const [authorization] = await owner.get("/oauth2/tokens");
  const scope = "identify email openid connections guilds guilds.join guilds.members.read";
  const form = { client_id: applicationId, client_secret, grant_type: "client_credentials", scope };
  const { body } = await platform.anonymous().request("POST", "/oauth2/token", String(new URLSearchParams(form)), {
    "content-type": "application/x-www-form-urlencoded",
  });
  const bearer = bearerClient(platform, body.access_token, owner.id);
  return { authorization_id: String(authorization.id), access_token: String(body.access_token), bearer };
}

/** An interaction of a time to come, so that its deadline is far; its token comes from nowhere but here. */
async function askBot(
  platform: Platform,
  { guildId, channelId, applicationId, userId }: Record<"guildId" | "channelId" | "applicationId" | "userId", string>,
): Promise<{ id: string; token: string }> {
  const id = String((BigInt(channelId) + BigInt(++asked)).toString());
  const token = randomBytes(48).toString("base64url");
  const sql = connectDatabase(platform.stores.databaseUrl, { name: "world" });
  await insertInteraction(sql, {
    id,
    tokenHash: hashToken(token),
    applicationId,
    userId,
    guildId,
    place: { type: "guild", id: channelId },
    type: 2,
    about: { id, type: 2, user_id: userId, name: "ping", owners: { "0": guildId } },
    nonce: null,
    appPermissions: 0n,
    focusedType: null,
    source: null,
    createdAt: new Date(Date.now() + 600_000),
  });
  await sql.end();
  return { id, token };
}
let asked = 0;
