import type { Scenarios } from "../world.ts";

export const gatewayScenarios: Scenarios = {
  get_gateway: ({ platform }) => platform.anonymous().request("GET", "/gateway"),
  get_bot_gateway: ({ bot }) => bot.request("GET", "/gateway/bot"),
};
