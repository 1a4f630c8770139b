import {
  anonymous,
  BAD_LENGTH,
  BAD_TYPE,
  type Failure,
  type FailureTable,
  lacks,
  long,
  noGuild,
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
  get_my_oauth2_authorization: { forbidden: [anonymous, asPerson, asBot], unknown: [], invalid: [], limits: [] },
  get_openid_connect_userinfo: { forbidden: [anonymous, asPerson, asBot], unknown: [], invalid: [], limits: [] },
  get_public_keys: { forbidden: [], unknown: [], invalid: [], limits: [] },
  list_my_connections: { forbidden: [anonymous], unknown: [], invalid: [], limits: [] },
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
  list_guild_integrations: {
    forbidden: [anonymous, stranger, reader, lacks("MANAGE_GUILD")],
    unknown: [noGuild],
    invalid: [],
    limits: [],
  },
  delete_guild_integration: {
    forbidden: [anonymous, stranger, reader, lacks("MANAGE_GUILD")],
    unknown: [noGuild, unknown("integration_id", 10005)],
    invalid: [],
    limits: [],
  },
};
