import { operations } from "../../src/openapi/operations.ts";

const OWN = "a bot has its own application at /applications/@me";
const OWN_OAUTH2 = "Application reads /oauth2/applications/ID";
const OLD_PINS = "pins are set by /pins";
const PINS = "pins are set by /messages/pins";
const BEARER = "it knows tokens of bots alone";
const WHOLE = "CommandTree.sync sets the whole list";
const RULES = "AppCommand.fetch_permissions alone is about rules";
const GITHUB = "for GitHub, not for bots";

/** What a library has no method for, by its own source, and why. */
const WITHOUT: Record<string, Record<string, string>> = {
  "discord.js": {
    get_application: OWN,
    update_application: OWN,
    deprecated_create_pin: PINS,
    deprecated_delete_pin: PINS,
    get_gateway: "its shards ask for GET /gateway/bot",
    get_my_user: "READY has it; users.fetch takes an id",
    get_my_guild_member: BEARER,
    get_my_oauth2_authorization: BEARER,
    get_my_oauth2_application: "ClientApplication.fetch reads /applications/@me",
    execute_github_compatible_webhook: GITHUB,
  },
  "discord.py": {
    get_application: OWN,
    update_application: OWN,
    get_my_application: "application_info reads /oauth2/applications/@me",
    create_application_command: WHOLE,
    create_guild_application_command: WHOLE,
    list_guild_application_command_permissions: RULES,
    set_guild_application_command_permissions: RULES,
    deprecated_list_pins: PINS,
    deprecated_create_pin: PINS,
    deprecated_delete_pin: PINS,
    get_gateway: "it knows where Discord's is; sharded clients ask for GET /gateway/bot",
    add_guild_member: BEARER,
    get_my_guild_member: BEARER,
    get_my_oauth2_authorization: BEARER,
    execute_github_compatible_webhook: GITHUB,
    execute_slack_compatible_webhook: "none of its webhook methods is Slack's",
  },
  discordgo: {
    get_application: OWN_OAUTH2,
    update_application: OWN_OAUTH2,
    get_my_application: OWN_OAUTH2,
    update_my_application: OWN_OAUTH2,
    list_pins: OLD_PINS,
    create_pin: OLD_PINS,
    delete_pin: OLD_PINS,
    bulk_ban_users_from_guild: "it bans one by one",
    get_guild_role: "GuildRoles reads all",
    get_my_oauth2_authorization: "none of its methods asks for /oauth2/@me",
    execute_github_compatible_webhook: GITHUB,
    execute_slack_compatible_webhook: "none of its webhook methods is Slack's",
  },
};

/** Operations of tier 1 that were not called though the library can, or were though it is said that it can't. */
export function missingFrom(library: string, done: ReadonlySet<string>): string[] {
  const without = WITHOUT[library] ?? {};
  const tier1 = operations.filter(({ tier }) => tier === 1).map(({ operation }) => operation);
  return tier1.filter((operation) => done.has(operation) === operation in without);
}
