import type { Route } from "../route.ts";
import { announcementRoutes } from "./announcements.ts";
import { applicationRoutes } from "./applications.ts";
import { auditLogRoutes } from "./audit-log.ts";
import { authRoutes } from "./auth.ts";
import { banRoutes } from "./bans.ts";
import { channelRoutes } from "./channels.ts";
import { commandPermissionRoutes } from "./command-permissions.ts";
import { commandRoutes } from "./commands.ts";
import { eventSubscriptionRoutes } from "./event-subscriptions.ts";
import { eventWebhookRoutes } from "./event-webhooks.ts";
import { gatewayRoutes } from "./gateway.ts";
import { guildRoutes } from "./guilds.ts";
import { integrationRoutes } from "./integrations.ts";
import { interactionRoutes } from "./interactions.ts";
import { inviteRoutes } from "./invites.ts";
import { memberRoutes } from "./members.ts";
import { messageRoutes } from "./messages.ts";
import { oauth2Routes } from "./oauth2.ts";
import { pinRoutes } from "./pins.ts";
import { pollRoutes } from "./polls.ts";
import { reactionRoutes } from "./reactions.ts";
import { roleRoutes } from "./roles.ts";
import { threadRoutes } from "./threads.ts";
import { userRoutes } from "./users.ts";
import { webhookMessageRoutes } from "./webhook-messages.ts";
import { webhookRoutes } from "./webhooks.ts";

/** Every route of the API, as data: the server, the authorisation matrix and the conformance table read it. */
export const routes: readonly Route[] = [
  ...authRoutes,
  ...userRoutes,
  ...guildRoutes,
  ...channelRoutes,
  ...roleRoutes,
  ...memberRoutes,
  ...banRoutes,
  ...auditLogRoutes,
  ...inviteRoutes,
  ...messageRoutes,
  ...reactionRoutes,
  ...pinRoutes,
  ...pollRoutes,
  ...threadRoutes,
  ...announcementRoutes,
  ...applicationRoutes,
  ...commandRoutes,
  ...commandPermissionRoutes,
  ...eventWebhookRoutes,
  ...eventSubscriptionRoutes,
  ...oauth2Routes,
  ...interactionRoutes,
  ...integrationRoutes,
  ...webhookRoutes,
  ...webhookMessageRoutes,
  ...gatewayRoutes,
];
