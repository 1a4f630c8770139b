import type { Scenarios } from "../world.ts";

export const applicationScenarios: Scenarios = {
  get_my_application: ({ bot }) => bot.request("GET", "/applications/@me"),
  update_my_application: async ({ bot }) => [
    await bot.request("PATCH", "/applications/@me", { description: "Says pong", tags: ["ping", "pong"] }),
    await bot.request("PATCH", "/applications/@me", { custom_install_url: "https://example.com/install" }),
  ],
  get_application: ({ bot }) => bot.request("GET", `/applications/${bot.id}`),
  update_application: ({ bot }) => bot.request("PATCH", `/applications/${bot.id}`, { description: "Says pong" }),
  get_my_oauth2_application: ({ bot }) => bot.request("GET", "/oauth2/applications/@me"),
};
