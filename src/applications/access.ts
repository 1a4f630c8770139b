import { ApiError } from "../errors.ts";
import { type Access, bot, signedIn } from "../route.ts";
import { type ApplicationRow, findApplication, isInGuild } from "../store/applications.ts";

/** The owner of the application `:application_id`, or the application's own bot. */
export const ownApplication: Access<ApplicationRow> = {
  kind: "application owner",
  needs: [],
  resolve: async (request) => {
    const caller = signedIn(request.caller);
    const found = await findApplication(request.app.sql, request.params.get("application_id"));
    // To others it does not exist, so that ids can't be probed.
    if (found === undefined || (found.owner_id !== caller.user.id && found.bot_id !== caller.user.id)) {
      throw new ApiError("UNKNOWN_APPLICATION");
    }
    return found;
  },
};

/** The person who owns it alone: for what its bot's token must not be enough. */
export const applicationOwner: Access<ApplicationRow> = {
  ...ownApplication,
  resolve: async (request) => {
    const found = await ownApplication.resolve(request);
    if (found.owner_id !== request.caller?.user.id) throw new ApiError("BOTS_NOT_ALLOWED");
    return found;
  },
};

/** The owner or the bot, in the guild `:guild_id` that the application was added to. */
export const ownApplicationInGuild: Access<{ application: ApplicationRow; guildId: string }> = {
  ...ownApplication,
  resolve: async (request) => {
    const application = await ownApplication.resolve(request);
    const guildId = request.params.get("guild_id");
    if (!(await isInGuild(request.app.sql, application, guildId))) throw new ApiError("MISSING_ACCESS");
    return { application, guildId };
  },
};

/** The application of the bot that asks. */
export const callersApplication: Access<ApplicationRow> = {
  kind: "bot",
  needs: [],
  resolve: async (request) => {
    const caller = await bot.resolve(request);
    const found =
      caller.applicationId === null ? undefined : await findApplication(request.app.sql, caller.applicationId);
    if (found === undefined) throw new ApiError("UNKNOWN_APPLICATION");
    return found;
  },
};
