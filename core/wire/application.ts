import { type UserRow, wireUser } from "./user.ts";

interface InstallParams {
  scopes: ("applications.commands" | "bot")[];
  /** A bit field. */
  permissions: string;
}

export interface WireableApplication {
  id: string;
  name: string;
  description: string;
  icon: string | null;
  flags: string;
  tags: string[];
  bot_public: boolean;
  bot_require_code_grant: boolean;
  cover_image: string | null;
  install_params: InstallParams | null;
  /** By integration type: 0 guilds, 1 users. */
  integration_types_config: Readonly<Record<string, { oauth2_install_params?: InstallParams }>>;
  terms_of_service_url: string | null;
  privacy_policy_url: string | null;
  redirect_uris: string[];
  custom_install_url: string | null;
  interactions_endpoint_url: string | null;
  role_connections_verification_url: string | null;
  event_webhooks_url: string | null;
  event_webhooks_status: number;
  event_webhooks_types: string[];
  public_key: Buffer;
  owner: UserRow;
  bot: UserRow | null;
  guild_count: number;
}

/** An application as anybody sees it who has to do with it. */
export function wirePublicApplication(row: WireableApplication) {
  return {
    id: row.id,
    name: row.name,
    icon: row.icon,
    description: row.description,
    type: null,
    flags: Number(row.flags),
    flags_new: row.flags,
    ...(row.bot === null ? {} : { bot: wireUser(row.bot) }),
    bot_public: row.bot_public,
    bot_require_code_grant: row.bot_require_code_grant,
    verify_key: row.public_key.toString("hex"),
    tags: row.tags,
    ...(row.custom_install_url === null ? {} : { custom_install_url: row.custom_install_url }),
    ...(row.cover_image === null ? {} : { cover_image: row.cover_image }),
    ...(row.install_params === null ? {} : { install_params: row.install_params }),
    integration_types_config: row.integration_types_config,
    ...(row.terms_of_service_url === null ? {} : { terms_of_service_url: row.terms_of_service_url }),
    ...(row.privacy_policy_url === null ? {} : { privacy_policy_url: row.privacy_policy_url }),
  };
}

/** An application as its owner and its bot see it. https://discord.com/developers/docs/resources/application */
export function wireApplication(row: WireableApplication) {
  return {
    ...wirePublicApplication(row),
    redirect_uris: row.redirect_uris,
    interactions_endpoint_url: row.interactions_endpoint_url,
    role_connections_verification_url: row.role_connections_verification_url,
    owner: wireUser(row.owner),
    approximate_guild_count: row.guild_count,
    approximate_user_install_count: 0,
    approximate_user_authorization_count: 0,
    event_webhooks_url: row.event_webhooks_url,
    event_webhooks_status: row.event_webhooks_status,
    event_webhooks_types: row.event_webhooks_types,
    explicit_content_filter: 0,
    team: null,
    eligible_oauth2_scopes: [],
  };
}
