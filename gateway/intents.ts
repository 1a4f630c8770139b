import { ApplicationFlags, GatewayIntentBits } from "discord-api-types/v10";

export const ALL_INTENTS = Object.values(GatewayIntentBits).reduce<number>(
  (all, bit) => (typeof bit === "number" ? all | bit : all),
  0,
);

/** Intents that an application must have been given. https://discord.com/developers/docs/events/gateway#privileged-intents */
const PRIVILEGED: readonly [number, number][] = [
  [GatewayIntentBits.GuildPresences, ApplicationFlags.GatewayPresence | ApplicationFlags.GatewayPresenceLimited],
  [GatewayIntentBits.GuildMembers, ApplicationFlags.GatewayGuildMembers | ApplicationFlags.GatewayGuildMembersLimited],
  [
    GatewayIntentBits.MessageContent,
    ApplicationFlags.GatewayMessageContent | ApplicationFlags.GatewayMessageContentLimited,
  ],
];

/** All intents that an application with these flags may use. */
export const intentsOf = (flags: number): number =>
  PRIVILEGED.reduce((all, [intent, needed]) => ((flags & needed) === 0 ? all & ~intent : all), ALL_INTENTS);
