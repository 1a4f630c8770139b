import { GatewayCloseCodes } from "discord-api-types/v10";

/** Why a socket is closed. https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway */
export const closeReasons = {
  UNKNOWN_ERROR: [GatewayCloseCodes.UnknownError, "Unknown error."],
  UNKNOWN_OPCODE: [GatewayCloseCodes.UnknownOpcode, "Unknown opcode."],
  /** The opcode is known, its `d` is not of its shape: the documentation counts that with the unknown opcodes. */
  INVALID_PAYLOAD: [GatewayCloseCodes.UnknownOpcode, "Invalid payload for this opcode."],
  DECODE_ERROR: [GatewayCloseCodes.DecodeError, "Error while decoding payload."],
  NOT_AUTHENTICATED: [GatewayCloseCodes.NotAuthenticated, "Not authenticated."],
  AUTHENTICATION_FAILED: [GatewayCloseCodes.AuthenticationFailed, "Authentication failed."],
  /** A code on which libraries don't try again. Discord's is the same here: it takes the bot's token away. */
  STARTS_USED_UP: [GatewayCloseCodes.AuthenticationFailed, "No session starts left, see GET /gateway/bot."],
  ALREADY_AUTHENTICATED: [GatewayCloseCodes.AlreadyAuthenticated, "Already authenticated."],
  INVALID_SEQ: [GatewayCloseCodes.InvalidSeq, "Invalid seq."],
  RATE_LIMITED: [GatewayCloseCodes.RateLimited, "Rate limited."],
  SESSION_TIMED_OUT: [GatewayCloseCodes.SessionTimedOut, "Session timed out."],
  INVALID_SHARD: [GatewayCloseCodes.InvalidShard, "Invalid shard."],
  SHARDING_REQUIRED: [GatewayCloseCodes.ShardingRequired, "Sharding required."],
  INVALID_VERSION: [GatewayCloseCodes.InvalidAPIVersion, "Invalid API version."],
  INVALID_INTENTS: [GatewayCloseCodes.InvalidIntents, "Invalid intent(s)."],
  DISALLOWED_INTENTS: [GatewayCloseCodes.DisallowedIntents, "Disallowed intent(s)."],
  /** A client that reads too slowly: it may resume and gets what it missed. */
  TOO_SLOW: [GatewayCloseCodes.UnknownError, "Reading too slowly, resume to go on."],
  GOING_AWAY: [1001, "Going away."],
} as const satisfies Record<string, readonly [number, string]>;

export type CloseReason = keyof typeof closeReasons;
