import { announcementFailures } from "./announcements.ts";
import { applicationFailures } from "./applications.ts";
import { channelFailures } from "./channels.ts";
import type { FailureTable } from "./failure.ts";
import { guildFailures } from "./guilds.ts";
import { messageFailures } from "./messages.ts";
import { oauth2Failures } from "./oauth2.ts";
import { userFailures } from "./users.ts";
import { interactionFailures, webhookFailures } from "./webhooks.ts";

/** How each operation is refused that has a route. */
export const failures: FailureTable = {
  ...announcementFailures,
  ...applicationFailures,
  ...channelFailures,
  ...guildFailures,
  ...messageFailures,
  ...oauth2Failures,
  ...userFailures,
  ...interactionFailures,
  ...webhookFailures,
};
