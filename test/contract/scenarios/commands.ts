import type { Json } from "../../harness/client.ts";
import type { Scenarios, World } from "../world.ts";

const named = { name: "option", description: "An option" };
const choice = { name: "Cat", name_localizations: { de: "Katze" } };
/** Every type of option, with every field it can have. */
const parameters = [
  {
    ...named,
    name: "text",
    type: 3,
    required: true,
    choices: [{ ...choice, value: "cat" }],
    min_length: 1,
    max_length: 9,
  },
  { ...named, name: "guess", type: 3, autocomplete: true, name_localizations: { de: "raten" } },
  { ...named, name: "whole", type: 4, choices: [{ ...choice, value: 2 ** 53 - 1 }], min_value: -1, max_value: 1 },
  { ...named, name: "flag", type: 5, description_localizations: { de: "Ja oder nein" } },
  { ...named, name: "user", type: 6 },
  { ...named, name: "channel", type: 7, channel_types: [0, 5, 15] },
  { ...named, name: "role", type: 8 },
  { ...named, name: "mentionable", type: 9 },
  { ...named, name: "number", type: 10, choices: [{ ...choice, value: 0.5 }], min_value: -0.5, max_value: 1.5 },
  { ...named, name: "file", type: 11, file_types: ["image", ".pdf"] },
];
const subcommand = { ...named, name: "sub", type: 1, options: parameters };
const flat = { name: "flat", description: "A command", options: parameters, nsfw: true };
const deep = {
  name: "deep",
  name_localizations: { de: "tief", "zh-CN": "深" },
  description: "A command",
  description_localizations: { de: "Ein Befehl" },
  options: [subcommand, { ...named, name: "group", type: 2, options: [subcommand] }],
  default_member_permissions: "8",
  contexts: [0, 1],
  integration_types: [0],
};
const all = [flat, deep, { name: "High five", type: 2 }, { name: "Bookmark", type: 3, dm_permission: false }];

const places = [
  { what: "application_command", path: ({ bot }: World) => `/applications/${bot.id}/commands` },
  {
    what: "guild_application_command",
    path: ({ bot, guildId }: World) => `/applications/${bot.id}/guilds/${guildId}/commands`,
  },
];

async function made(world: World, path: string): Promise<Json> {
  return world.bot.post(path, deep);
}

function scenariosOf({ what, path }: (typeof places)[number]): Scenarios {
  return {
    [`list_${what}s`]: async (world) => {
      await world.bot.put(path(world), all);
      return [
        await world.bot.request("GET", path(world)),
        await world.bot.request("GET", path(world), undefined, { "accept-language": "de-AT,en;q=0.5" }),
        await world.bot.request("GET", `${path(world)}?with_localizations=true`),
      ];
    },
    [`bulk_set_${what}s`]: (world) => world.bot.request("PUT", path(world), all),
    [`create_${what}`]: async (world) => [
      await world.bot.request("POST", path(world), { ...flat, name: "once" }),
      await world.bot.request("POST", path(world), { ...deep, name: "once" }),
      await world.bot.request("POST", path(world), { name: "Once", type: 2 }),
    ],
    [`get_${what}`]: async (world) => world.bot.request("GET", `${path(world)}/${(await made(world, path(world))).id}`),
    [`update_${what}`]: async (world) =>
      world.bot.request("PATCH", `${path(world)}/${(await made(world, path(world))).id}`, { description: "Changed" }),
    [`delete_${what}`]: async (world) =>
      world.bot.request("DELETE", `${path(world)}/${(await made(world, path(world))).id}`),
  };
}

/** Rules of every type for a command of the guild. */
async function ruled({ owner, bot, guildId, channelId, member, newRole }: World) {
  const base = `/applications/${bot.id}/guilds/${guildId}/commands`;
  const { id } = await bot.post(base, { name: "ruled", description: "A command" });
  const permissions = [
    { id: (await newRole()).id, type: 1, permission: true },
    { id: member.id, type: 2, permission: false },
    { id: channelId, type: 3, permission: false },
  ];
  return {
    path: `${base}/${id}/permissions`,
    list: `${base}/permissions`,
    answer: await owner.request("PUT", `${base}/${id}/permissions`, { permissions }),
  };
}

const permissionScenarios: Scenarios = {
  set_guild_application_command_permissions: async (world) => (await ruled(world)).answer,
  get_guild_application_command_permissions: async (world) => world.bot.request("GET", (await ruled(world)).path),
  list_guild_application_command_permissions: async (world) => world.bot.request("GET", (await ruled(world)).list),
};

export const commandScenarios: Scenarios = Object.assign({}, ...places.map(scenariosOf), permissionScenarios);
