import type { Scenarios } from "../world.ts";
import { announcementScenarios } from "./announcements.ts";
import { applicationScenarios } from "./applications.ts";
import { banScenarios } from "./bans.ts";
import { channelScenarios } from "./channels.ts";
import { commandScenarios } from "./commands.ts";
import { gatewayScenarios } from "./gateway.ts";
import { guildScenarios } from "./guilds.ts";
import { interactionScenarios } from "./interactions.ts";
import { inviteScenarios } from "./invites.ts";
import { memberScenarios } from "./members.ts";
import { messageScenarios } from "./messages.ts";
import { oauth2Scenarios } from "./oauth2.ts";
import { roleScenarios } from "./roles.ts";
import { threadScenarios } from "./threads.ts";
import { userScenarios } from "./users.ts";
import { webhookScenarios } from "./webhooks.ts";

/** How each operation is done that has a route. */
export const scenarios: Scenarios = {
  ...announcementScenarios,
  ...applicationScenarios,
  ...banScenarios,
  ...channelScenarios,
  ...commandScenarios,
  ...gatewayScenarios,
  ...guildScenarios,
  ...interactionScenarios,
  ...inviteScenarios,
  ...memberScenarios,
  ...messageScenarios,
  ...oauth2Scenarios,
  ...roleScenarios,
  ...threadScenarios,
  ...userScenarios,
  ...webhookScenarios,
};
