import { png } from "../../harness/forms.ts";
import type { Scenarios } from "../world.ts";

const IMAGE = `data:image/png;base64,${png(2, 2).toString("base64")}`;

export const applicationScenarios: Scenarios = {
  get_my_application: ({ bot }) => bot.request("GET", "/applications/@me"),
  update_my_application: async ({ bot }) => [
    await bot.request("PATCH", "/applications/@me", { description: "Says pong", tags: ["ping", "pong"] }),
    await bot.request("PATCH", "/applications/@me", { custom_install_url: "https://example.com/install" }),
    await bot.request("PATCH", "/applications/@me", {
      flags: 1 << 13,
      cover_image: IMAGE,
      install_params: { scopes: ["bot"], permissions: "8" },
      integration_types_config: { 0: { oauth2_install_params: { scopes: ["bot"], permissions: 8 } }, 1: null },
      terms_of_service_url: "https://example.com/terms",
      privacy_policy_url: "https://example.com/privacy",
    }),
  ],
  get_application: ({ bot }) => bot.request("GET", `/applications/${bot.id}`),
  update_application: ({ bot }) => bot.request("PATCH", `/applications/${bot.id}`, { description: "Says pong" }),
  get_my_oauth2_application: ({ bot }) => bot.request("GET", "/oauth2/applications/@me"),
};
