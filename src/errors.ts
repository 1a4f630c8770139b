import { RESTJSONErrorCodes as Code } from "discord-api-types/v10";

/**
 * The errors that the API answers with: Discord's numeric code, HTTP status and message.
 * https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
 */
const errors = {
  GENERAL: [0, 400, "Bad request"],
  UNAUTHORIZED: [0, 401, "401: Unauthorized"],
  NOT_FOUND: [0, 404, "404: Not Found"],
  METHOD_NOT_ALLOWED: [0, 405, "405: Method Not Allowed"],
  PAYLOAD_TOO_LARGE: [Code.RequestEntityTooLarge, 413, "Request entity too large"],
  UNAVAILABLE: [0, 503, "The service is restarting, try again in a moment"],
  INTERNAL: [0, 500, "500: Internal Server Error"],
  UNKNOWN_APPLICATION: [Code.UnknownApplication, 404, "Unknown Application"],
  UNKNOWN_CHANNEL: [Code.UnknownChannel, 404, "Unknown Channel"],
  UNKNOWN_GUILD: [Code.UnknownGuild, 404, "Unknown Guild"],
  UNKNOWN_INVITE: [Code.UnknownInvite, 404, "Unknown Invite"],
  UNKNOWN_MEMBER: [Code.UnknownMember, 404, "Unknown Member"],
  UNKNOWN_MESSAGE: [Code.UnknownMessage, 404, "Unknown Message"],
  UNKNOWN_OVERWRITE: [Code.UnknownPermissionOverwrite, 404, "Unknown Overwrite"],
  UNKNOWN_STICKER: [Code.UnknownSticker, 404, "Unknown Sticker"],
  UNKNOWN_ROLE: [Code.UnknownRole, 404, "Unknown Role"],
  UNKNOWN_USER: [Code.UnknownUser, 404, "Unknown User"],
  UNKNOWN_WEBHOOK: [Code.UnknownWebhook, 404, "Unknown Webhook"],
  UNKNOWN_SUBSCRIPTION: [Code.UnknownWebhook, 404, "Unknown Event Subscription"],
  UNKNOWN_DELIVERY: [0, 404, "Unknown Delivery"],
  UNKNOWN_BAN: [Code.UnknownBan, 404, "Unknown Ban"],
  UNKNOWN_EMOJI: [Code.UnknownEmoji, 404, "Unknown Emoji"],
  UNKNOWN_INTERACTION: [Code.UnknownInteraction, 404, "Unknown interaction"],
  ALREADY_ACKNOWLEDGED: [Code.InteractionHasAlreadyBeenAcknowledged, 400, "Interaction has already been acknowledged."],
  UNKNOWN_TAG: [Code.UnknownTag, 404, "Unknown Tag"],
  UNKNOWN_COMMAND: [Code.UnknownApplicationCommand, 404, "Unknown application command"],
  UNKNOWN_COMMAND_PERMISSIONS: [
    Code.UnknownApplicationCommandPermissions,
    404,
    "Unknown application command permissions",
  ],
  SLOWMODE: [
    Code.ActionCannotBePerformedDueToSlowmodeRateLimit,
    429,
    "This action cannot be performed due to slowmode rate limit",
  ],
  BOTS_NOT_ALLOWED: [Code.BotsCannotUseThisEndpoint, 403, "Bots cannot use this endpoint"],
  ONLY_BOTS: [Code.OnlyBotsCanUseThisEndpoint, 403, "Only bots can use this endpoint"],
  MAX_GUILDS: [Code.MaximumNumberOfGuildsReached, 400, "Maximum number of guilds reached"],
  MAX_ROLES: [Code.MaximumNumberOfGuildRolesReached, 400, "Maximum number of guild roles reached (250)"],
  MAX_ATTACHMENTS: [
    Code.MaximumNumberOfAttachmentsInAMessageReached,
    400,
    "Maximum number of attachments in a message reached (10)",
  ],
  MAX_REACTIONS: [Code.MaximumNumberOfReactionsReached, 400, "Maximum number of reactions reached (20)"],
  MAX_PINS: [Code.MaximumNumberOfPinsReachedForTheChannel, 400, "Maximum number of pins reached for the channel (250)"],
  ALREADY_CROSSPOSTED: [Code.ThisMessageWasAlreadyCrossposted, 400, "This message has already been crossposted"],
  MAX_WEBHOOKS: [Code.MaximumNumberOfWebhooksReached, 400, "Maximum number of webhooks reached (15)"],
  MAX_COMMANDS: [
    Code.MaximumNumberOfApplicationCommandsReached,
    400,
    "Maximum number of application commands reached (100)",
  ],
  MAX_COMMAND_CREATES: [
    Code.MaximumDailyApplicationCommandCreatesReached,
    400,
    "Maximum number of daily application command creates has been reached (200)",
  ],
  MAX_CHANNELS: [Code.MaximumNumberOfGuildChannelsReached, 400, "Maximum number of server channels reached (500)"],
  MAX_INVITES: [Code.MaximumNumberOfInvitesReached, 400, "Maximum number of invites reached (1000)"],
  MAX_OVERWRITES: [
    Code.MaximumNumberOfChannelPermissionOverwritesReached,
    400,
    "Maximum number of channel permission overwrites reached (1000)",
  ],
  MAX_THREAD_MEMBERS: [
    Code.MaximumThreadParticipantsReached,
    400,
    "Maximum number of thread participants has been reached (1000)",
  ],
  MAX_PINNED_THREADS: [
    Code.MaximumNumberOfPinnedThreadsInForumHasBeenReached,
    400,
    "Maximum number of pinned threads in a forum channel has been reached",
  ],
  COMMAND_NAME_TAKEN: [
    Code.ApplicationCommandWithThatNameAlreadyExists,
    400,
    "An application command with that name already exists",
  ],
  /** Not in discord-api-types. https://discord.com/developers/docs/topics/opcodes-and-status-codes#json */
  ENTRY_POINT_KEPT: [
    50240,
    400,
    "You cannot remove this app's Entry Point command in a bulk update operation. Please include the Entry Point command in your update request or delete it separately.",
  ],
  FORUM_CHANNEL: [Code.CannotSendAMessageInAForumChannel, 400, "Cannot send a message in a forum channel"],
  TAG_NAMES_NOT_UNIQUE: [Code.TagNamesMustBeUnique, 400, "Tag names must be unique"],
  NO_TAGS_FOR_MEMBERS: [
    Code.ThereAreNoTagsAvailableThatCanBeSetByNonModerators,
    400,
    "There are no tags available that can be set by non-moderators",
  ],
  TAG_REQUIRED: [
    Code.TagRequiredToCreateAForumPostInThisChannel,
    400,
    "A tag is required to create a forum post in this channel",
  ],
  THREAD_ARCHIVED: [Code.InvalidActionOnArchivedThread, 400, "Thread is archived"],
  THREAD_EXISTS: [Code.ThreadAlreadyCreatedForMessage, 400, "A thread has already been created for this message"],
  THREAD_LOCKED: [Code.ThreadLocked, 400, "Thread is locked"],
  MAX_ACTIVE_THREADS: [Code.MaximumActiveThreads, 400, "Maximum number of active threads reached"],
  FORUM_WEBHOOK_NEEDS_THREAD: [
    Code.WebhooksPostedToForumChannelsMustHaveAThreadNameOrThreadId,
    400,
    "Webhooks posted to forum channels must have a thread_name or thread_id",
  ],
  FORUM_WEBHOOK_HAS_BOTH: [
    Code.WebhooksPostedToForumChannelsCannotHaveBothAThreadNameAndThreadId,
    400,
    "Webhooks posted to forum channels cannot have both a thread_name and thread_id",
  ],
  WEBHOOK_NOT_OF_FORUM: [
    Code.WebhooksCanOnlyCreateThreadsInForumChannels,
    400,
    "Webhooks can only create threads in forum channels",
  ],
  FAILED_TO_BAN: [Code.FailedToBanUsers, 400, "Failed to ban users"],
  INVITES_PAUSED: [0, 403, "Invites are paused for this server"],
  NEEDED_BY_COMMUNITY: [
    Code.CannotDeleteChannelRequiredForCommunityGuilds,
    400,
    "Cannot delete a channel required for Community guilds",
  ],
  BANNED: [Code.UserBannedFromThisGuild, 403, "The user is banned from this guild"],
  MISSING_ACCESS: [Code.MissingAccess, 403, "Missing Access"],
  NOT_IN_DM: [Code.CannotExecuteActionOnDMChannel, 403, "Cannot execute action on a DM channel"],
  NOT_AUTHOR: [Code.CannotEditMessageAuthoredByAnotherUser, 403, "Cannot edit a message authored by another user"],
  EMPTY_MESSAGE: [Code.CannotSendAnEmptyMessage, 400, "Cannot send an empty message"],
  CANNOT_DM: [Code.CannotSendMessagesToThisUser, 403, "Cannot send messages to this user"],
  NOT_A_TEXT_CHANNEL: [Code.CannotSendMessagesInNonTextChannel, 400, "Cannot send messages in a non-text channel"],
  MISSING_PERMISSIONS: [Code.MissingPermissions, 403, "Missing Permissions"],
  INVALID_TOKEN: [Code.InvalidToken, 401, "Invalid authentication token provided"],
  INVALID_BEARER: [Code.InvalidOAuth2AccessToken, 403, "Invalid OAuth2 access token provided"],
  MISSING_SCOPE: [Code.MissingRequiredOAuth2Scope, 403, "Missing required OAuth2 scope"],
  UNKNOWN_AUTHORIZATION: [Code.UnknownToken, 404, "Unknown Token"],
  NO_BOT: [Code.OAuth2ApplicationDoesNotHaveBot, 400, "OAuth2 application does not have a bot"],
  UNKNOWN_INTEGRATION: [Code.UnknownIntegration, 404, "Unknown Integration"],
  INVALID_WEBHOOK_TOKEN: [Code.InvalidWebhookToken, 401, "Invalid Webhook Token"],
  BULK_DELETE_COUNT: [
    Code.ProvidedTooFewOrTooManyMessagesToDelete,
    400,
    "Provided too few or too many messages to delete. Must provide at least 2 and fewer than 100 messages to delete",
  ],
  MESSAGE_TOO_OLD: [
    Code.OneOfTheMessagesProvidedWasTooOldForBulkDelete,
    400,
    "A message provided was too old to bulk delete",
  ],
  INVALID_FORM: [Code.InvalidFormBodyOrContentType, 400, "Invalid Form Body"],
  INVALID_ROLE: [Code.InvalidRole, 400, "Invalid Role"],
  INVALID_RECIPIENTS: [Code.InvalidRecipients, 400, "Invalid Recipient(s)"],
  CANNOT_REPLY_WITHOUT_HISTORY: [
    Code.CannotReplyWithoutPermissionToReadMessageHistory,
    403,
    "Cannot reply without permission to read message history",
  ],
  INVALID_MESSAGE_TYPE: [Code.InvalidMessageType, 400, "Invalid message type"],
  SYSTEM_MESSAGE: [Code.CannotExecuteActionOnSystemMessage, 403, "Cannot execute action on a system message"],
  VOICE_MESSAGE_CONTENT: [
    Code.VoiceMessagesDoNotSupportAdditionalContent,
    400,
    "Voice messages do not support additional content",
  ],
  VOICE_MESSAGE_AUDIO: [
    Code.VoiceMessagesMustHaveASingleAudioAttachment,
    400,
    "Voice messages must have a single audio attachment",
  ],
  VOICE_MESSAGE_METADATA: [
    Code.VoiceMessagesMustHaveSupportingMetadata,
    400,
    "Voice messages must have supporting metadata",
  ],
  POLL_EXPIRED: [Code.PollExpired, 400, "Poll expired"],
  POLL_CHANNEL: [Code.InvalidChannelTypeForPollCreation, 400, "Invalid channel type for poll creation"],
  POLL_EDIT: [Code.CannotEditAPollMessage, 400, "Cannot edit a poll message"],
  POLL_EMOJI: [Code.CannotUseAnEmojiIncludedWithThePoll, 400, "Cannot use an emoji included with the poll"],
  NOT_A_POLL: [Code.CannotExpireANonPollMessage, 400, "Cannot expire a non-poll message"],
  VOICE_MESSAGE_EDIT: [Code.VoiceMessagesCannotBeEdited, 400, "Voice messages cannot be edited"],
  NO_VOICE_MESSAGES: [
    Code.YouCannotSendVoiceMessagesInThisChannel,
    400,
    "You cannot send voice messages in this channel",
  ],
  INVALID_GUILD: [Code.InvalidGuild, 400, "Invalid Guild"],
  WRONG_CHANNEL_TYPE: [Code.CannotExecuteActionOnThisChannelType, 400, "Cannot execute action on this channel type"],
  ONE_NEW_PARENT: [
    Code.OnlyOneChannelCanHaveAParentIdModifiedAtATime,
    400,
    "Only one channel can have a parent_id modified at a time",
  ],
  NOT_IN_VOICE: [Code.TargetUserIsNotConnectedToVoice, 400, "Target user is not connected to voice."],
  OWNER_IS_BOT: [Code.OwnershipCannotBeMovedToABotUser, 400, "Ownership cannot be moved to a bot user"],
  INVALID_JSON: [Code.RequestBodyContainsInvalidJSON, 400, "The request body contains invalid JSON."],
  OWNER_ONLY: [Code.MissingPermissions, 403, "Missing Permissions"],
  REGISTRATION_CLOSED: [0, 403, "Registration is closed on this server"],
  BAD_CREDENTIALS: [Code.InvalidFormBodyOrContentType, 400, "Login or password is invalid"],
  BUSY: [0, 503, "Too much to do at once, try again in a moment"],
  TOO_MANY_LOGINS: [0, 503, "Too many sign-ins at once, try again in a moment"],
} as const satisfies Record<string, readonly [number, number, string]>;

export type ErrorName = keyof typeof errors;

/** A refusal with Discord's body: `{code, message, errors?}`. */
export class ApiError extends Error {
  readonly code: number;
  readonly status: number;
  readonly details: FormErrors | undefined;
  /** When the same request may succeed, in seconds from now; only where the body tells. */
  retryAfter: number | undefined;

  constructor(name: ErrorName, details?: FormErrors, message?: string) {
    const [code, status, text] = errors[name];
    super(message ?? text);
    this.code = code;
    this.status = status;
    this.details = details;
  }
}

/** Discord's nested form: each field holds its own fields, or a list under `_errors`. */
export interface FormErrors {
  [field: string]: FormErrors | FieldError[];
}
interface FieldError {
  code: string;
  message: string;
}

/** 50035 for one field, e.g. `invalidField(["embeds", 0, "title"], "BASE_TYPE_REQUIRED", "This field is required")`. */
export function invalidField(path: readonly (string | number)[], code: string, message: string): ApiError {
  return new ApiError("INVALID_FORM", formErrors([{ path, code, message }]));
}

/** Nests a flat list of faults. */
export function formErrors(
  faults: readonly { path: readonly (string | number)[]; code: string; message: string }[],
): FormErrors {
  const root: FormErrors = {};
  for (const { path, code, message } of faults) {
    let node = root;
    for (const step of path) {
      const next = node[step];
      if (next === undefined || Array.isArray(next)) {
        const made: FormErrors = {};
        node[step] = made;
        node = made;
      } else node = next;
    }
    const list = node._errors;
    if (Array.isArray(list)) list.push({ code, message });
    else node._errors = [{ code, message }];
  }
  return root;
}
