import { ApplicationFlags } from "discord-api-types/v10";
import { z } from "zod";
import { httpUrl, imageData, permissionBits, trimmed } from "../fields.ts";

/** What a developer may turn on and off. https://discord.com/developers/docs/resources/application#edit-current-application */
const LIMITED_INTENTS =
  ApplicationFlags.GatewayPresenceLimited |
  ApplicationFlags.GatewayGuildMembersLimited |
  ApplicationFlags.GatewayMessageContentLimited;

const installParams = z
  .object({
    scopes: z
      .array(z.literal(["applications.commands", "bot"]))
      .min(1)
      .max(2)
      .nullish(),
    permissions: permissionBits.nullish(),
  })
  .transform(({ scopes, permissions }) => ({
    scopes: [...new Set(scopes ?? ["applications.commands" as const])],
    permissions: (permissions ?? 0n).toString(),
  }));

const integrationType = z
  .object({ oauth2_install_params: installParams.nullish() })
  .transform(({ oauth2_install_params: params }) => (params == null ? {} : { oauth2_install_params: params }));

/** A description may come with localizations, which nobody is shown. */
const description = z.union([
  z.string().max(400),
  z.object({ default: z.string().max(400) }).transform((texts) => texts.default),
]);

/** What an application says of itself, for whoever may change it. */
export const profileFields = {
  name: trimmed(1, 32).optional(),
  description: description.nullish().transform((text) => (text === null ? "" : text)),
  icon: imageData,
  cover_image: imageData,
  tags: z
    .array(trimmed(1, 20))
    .max(5)
    .nullish()
    .transform((tags) => tags && [...new Set(tags)])
    .transform((tags) => (tags === null ? [] : tags)),
  flags: z.int().nonnegative().nullish(),
  install_params: installParams.nullish(),
  integration_types_config: z
    .object({ 0: integrationType.nullish(), 1: integrationType.nullish() })
    .strict()
    .refine((types) => types[0] != null || types[1] != null, "At least one installation context is required.")
    .transform((types) => Object.fromEntries(Object.entries(types).filter(([, value]) => value != null)))
    .optional(),
  custom_install_url: httpUrl.nullish(),
  role_connections_verification_url: httpUrl.nullish(),
  terms_of_service_url: httpUrl.nullish(),
  privacy_policy_url: httpUrl.nullish(),
};

/** An application's flags when its developer asks for these: only the limited intents are theirs to set. */
export function flagsAfter(before: string, wanted: number): string {
  const own = BigInt(LIMITED_INTENTS);
  // What follows from its commands is told, and not kept.
  const kept = BigInt(before) & ~(own | BigInt(ApplicationFlags.ApplicationCommandBadge));
  return (kept | (BigInt(wanted) & own)).toString();
}
