import {
  anonymous,
  BAD_LENGTH,
  BAD_TYPE,
  type Failure,
  type FailureTable,
  guildLacking,
  lacks,
  long,
  noGuild,
  only,
  REQUIRED,
  reader,
  stranger,
  unknown,
  wrong,
  wrongBody,
} from "./failure.ts";

/** Only applications that act for a user have an authorization. */
const asPerson: Failure = { as: "owner", status: 403, code: 50025 };
const asBot: Failure = { as: "bot", status: 403, code: 50025 };
const token = { access_token: "go_nonsense" };

export const oauth2Failures: FailureTable = {
  get_my_oauth2_authorization: only([anonymous, asPerson, asBot], []),
  get_openid_connect_userinfo: only([anonymous, asPerson, asBot], []),
  get_public_keys: only([], []),
  list_my_connections: only([anonymous], []),
  add_guild_member: {
    forbidden: [
      anonymous,
      stranger,
      reader,
      lacks("CREATE_INSTANT_INVITE"),
      { as: "owner", status: 403, code: 20002 },
      { body: () => token, status: 403, code: 50025 },
    ],
    unknown: [noGuild, unknown("user_id", 10013)],
    invalid: [
      wrong("nick", long(33), BAD_LENGTH),
      wrong("mute", "yes", BAD_TYPE),
      wrongBody(() => ({ nick: "nick" }), "access_token", REQUIRED),
    ],
    limits: [],
  },
  list_guild_integrations: only(guildLacking("MANAGE_GUILD"), [noGuild]),
  delete_guild_integration: only(guildLacking("MANAGE_GUILD"), [noGuild, unknown("integration_id", 10005)]),
};
