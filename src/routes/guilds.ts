import { AuditLogEvent, ChannelType, Locale } from "discord-api-types/v10";
import { z } from "zod";
import type { Transaction } from "../../core/db.ts";
import { enqueueDeliveries } from "../../core/deliveries.ts";
import type { Event } from "../../core/event-log.ts";
import { bitsToNames, DEFAULT_EVERYONE_PERMISSIONS } from "../../core/permissions.ts";
import { wireGuild } from "../../core/wire/guild.ts";
import { guildOwner, type InGuild, inGuild, inShownGuild, lockedGuild } from "../access.ts";
import type { App } from "../app.ts";
import { auditChange } from "../audit/entry.ts";
import { guildFields } from "../audit/fields.ts";
import { ApiError } from "../errors.ts";
import { imageData, queryFlag, snowflake, text, trimmed } from "../fields.ts";
import { storeImages } from "../files/images.ts";
import { checkCommunity, featuresAfter, guildUpdate } from "../guilds.ts";
import { addMember } from "../membership.ts";
import { person, route } from "../route.ts";
import { sightsIn } from "../sights.ts";
import { findChannel, insertChannel } from "../store/channels.ts";
import { countGuildsOf, deleteGuild, findGuild, insertGuild, MAX_GUILDS, updateGuild } from "../store/guilds.ts";
import { findMember } from "../store/members.ts";
import { insertRole, listRoles } from "../store/roles.ts";

/** A setting that null brings back to its default. */
const setting = <T extends number | string | boolean>(schema: z.ZodType<T>, fallback: T) =>
  schema.nullish().transform((value) => (value === null ? fallback : value));

/** https://discord.com/developers/docs/resources/guild#modify-guild */
const guildPatch = z.object({
  name: trimmed(2, 100).optional(),
  description: text(0, 300).nullish(),
  icon: imageData,
  banner: imageData,
  splash: imageData,
  discovery_splash: imageData,
  owner_id: snowflake.optional(),
  verification_level: setting(z.literal([0, 1, 2, 3, 4]), 0),
  default_message_notifications: setting(z.literal([0, 1]), 0),
  explicit_content_filter: setting(z.literal([0, 1, 2]), 0),
  preferred_locale: setting(z.enum(Locale), Locale.EnglishUS),
  afk_timeout: setting(z.literal([60, 300, 900, 1800, 3600]), 300),
  afk_channel_id: snowflake.nullish(),
  system_channel_id: snowflake.nullish(),
  system_channel_flags: setting(z.int32().min(0).max(0x3f), 0),
  rules_channel_id: snowflake.nullish(),
  public_updates_channel_id: snowflake.nullish(),
  safety_alerts_channel_id: snowflake.nullish(),
  premium_progress_bar_enabled: setting(z.boolean(), false),
  features: z.array(text(1, 100)).max(100).optional(),
});

export const guildRoutes = [
  route({
    method: "POST",
    path: "/guilds",
    summary: "Create a guild, with a text channel named general",
    access: person,
    status: 201,
    images: true,
    body: z.object({ name: trimmed(2, 100), icon: imageData }),
    handle: async ({ app, body }, caller) => createGuild(app, caller.user.id, body.name, body.icon),
  }),
  route({
    method: "GET",
    path: "/guilds/:guild_id",
    operation: "get_guild",
    access: inShownGuild,
    query: z.object({ with_counts: queryFlag.optional() }),
    handle: async ({ app, query }, { guild, row, roles }) => {
      const shown = wireGuild(row, roles);
      if (query.with_counts !== true) return shown;
      const [online = 0] = await app.onlineIn([guild.id]);
      return { ...shown, approximate_member_count: row.member_count, approximate_presence_count: online };
    },
  }),
  route({
    method: "PATCH",
    path: "/guilds/:guild_id",
    operation: "update_guild",
    access: inGuild("MANAGE_GUILD"),
    images: true,
    body: guildPatch,
    handle: async ({ app, body }, found) => {
      const images = await storeImages(app, body, ["icon", "banner", "splash", "discovery_splash"]);
      return app.change(async (tx, emit) => patchGuild(tx, emit, await lockedGuild(tx, found), { ...body, ...images }));
    },
  }),
  route({
    method: "DELETE",
    path: "/guilds/:guild_id",
    summary: "Delete a guild; its owner only",
    access: guildOwner,
    handle: async ({ app }, { guild }) => {
      await app.change(async (tx, emit) => {
        // While there still are members to tell.
        const told = {
          type: "GUILD_DELETE",
          guildId: guild.id,
          channelId: null,
          data: JSON.stringify({ id: guild.id }),
        };
        await enqueueDeliveries(tx, [told]);
        await deleteGuild(tx, guild.id);
        emit({ t: "GUILD_DELETE", guildId: guild.id, data: { id: guild.id } });
      });
    },
  }),
];

async function createGuild(app: App, ownerId: string, name: string, icon: string | null | undefined) {
  if ((await countGuildsOf(app.sql, ownerId)) >= MAX_GUILDS) throw new ApiError("MAX_GUILDS");
  const images = await storeImages(app, { icon }, ["icon"]);
  const id = app.nextId();
  const channelId = app.nextId();
  return app.change(async (tx, emit) => {
    await insertGuild(tx, { id, name, ownerId });
    const permissions = bitsToNames(DEFAULT_EVERYONE_PERMISSIONS);
    const everyoneRole = await insertRole(tx, { id, guildId: id, name: "@everyone", permissions, position: 0 });
    await insertChannel(tx, { id: channelId, server_id: id, name: "general", type: ChannelType.GuildText });
    const row = await updateGuild(tx, id, { system_channel_id: channelId, ...images });
    await addMember(app, tx, emit, id, ownerId);
    if (row === undefined) throw new Error("the guild just made is not there");
    return wireGuild(row, [everyoneRole]);
  });
}

async function patchGuild(
  tx: Transaction,
  emit: (event: Event) => void,
  where: InGuild,
  body: z.infer<typeof guildPatch>,
) {
  const { guild, me } = where;
  const text = ChannelType.GuildText;
  await demandChannel(tx, guild.id, body.afk_channel_id, ChannelType.GuildVoice);
  await demandChannel(tx, guild.id, body.system_channel_id, text);
  await demandChannel(tx, guild.id, body.rules_channel_id, text);
  await demandChannel(tx, guild.id, body.public_updates_channel_id, text);
  await demandChannel(tx, guild.id, body.safety_alerts_channel_id, text);
  const handedOver = body.owner_id !== undefined && body.owner_id !== guild.ownerId;
  if (handedOver) {
    if (me.userId !== guild.ownerId) throw new ApiError("OWNER_ONLY");
    const heir = await findMember(tx, guild.id, body.owner_id ?? "");
    if (heir === undefined) throw new ApiError("UNKNOWN_MEMBER");
    if (heir.user.bot) throw new ApiError("OWNER_IS_BOT");
  }
  const before = await findGuild(tx, guild.id);
  if (before === undefined) throw new ApiError("UNKNOWN_GUILD");
  const features = body.features && featuresAfter(where, before.features, body.features);
  const seen = handedOver ? await sightsIn(tx, guild.id) : undefined;
  const row = await updateGuild(tx, guild.id, { ...body, features });
  if (row === undefined) throw new ApiError("UNKNOWN_GUILD");
  checkCommunity(row);
  emit(await guildUpdate(tx, row, seen));
  emit(auditChange(guild.id, AuditLogEvent.GuildUpdate, guild.id, guildFields(before), guildFields(row)));
  return wireGuild(row, await listRoles(tx, guild.id));
}

/** A guild's settings name only its own channels. */
async function demandChannel(tx: Transaction, guildId: string, id: string | null | undefined, type: ChannelType) {
  if (!id) return;
  const channel = await findChannel(tx, id);
  if (channel?.server_id !== guildId) throw new ApiError("UNKNOWN_CHANNEL");
  if (channel.type !== type) throw new ApiError("WRONG_CHANNEL_TYPE");
}
