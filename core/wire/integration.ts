import { type UserRow, wireUser } from "./user.ts";

export interface IntegrationRow {
  id: string;
  server_id: string;
  application_id: string;
  scopes: string[];
  user: UserRow | null;
  application: { name: string; icon: string | null; description: string; flags: string; bot: UserRow | null };
}

/** An application in a guild. https://discord.com/developers/docs/resources/guild#integration-object */
export function wireIntegration(row: IntegrationRow) {
  return { ...wireIntegrationWithoutUser(row), ...(row.user === null ? {} : { user: wireUser(row.user) }) };
}

/** The same as events tell of it. */
export function wireIntegrationWithoutUser({ id, application_id, scopes, application }: IntegrationRow) {
  const { name, icon, description, flags, bot } = application;
  return {
    id,
    type: "discord",
    name,
    enabled: true,
    account: { id: application_id, name },
    application: {
      id: application_id,
      name,
      icon,
      description,
      type: null,
      flags: Number(flags),
      flags_new: flags,
      ...(bot === null ? {} : { bot: wireUser(bot) }),
    },
    scopes,
  };
}

/** What a guild's audit log tells of it. */
export function wirePartialIntegration({ id, application_id, application: { name } }: IntegrationRow) {
  return { id, type: "discord", name, account: { id: application_id, name }, application_id };
}
