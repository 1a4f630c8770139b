import {
  anonymous,
  BAD_LENGTH,
  CHOICES,
  type FailureTable,
  long,
  NOTHING,
  noGuild,
  stranger,
  TOO_LARGE,
  unknown,
  wrong,
  wrongQuery,
} from "./failure.ts";

export const userFailures: FailureTable = {
  get_my_user: { forbidden: [anonymous], unknown: [], invalid: [], limits: [] },
  update_my_user: {
    forbidden: [anonymous],
    unknown: [],
    invalid: [wrong("username", long(33), BAD_LENGTH), wrong("accent_color", 0x1000000, TOO_LARGE)],
    limits: [],
  },
  get_user: { forbidden: [anonymous], unknown: [unknown("user_id", 10013)], invalid: [], limits: [] },
  list_my_guilds: {
    forbidden: [anonymous],
    unknown: [],
    invalid: [wrongQuery("limit", "201", TOO_LARGE), wrongQuery("with_counts", "maybe", CHOICES)],
    limits: [],
  },
  leave_guild: {
    forbidden: [anonymous, stranger],
    unknown: [noGuild],
    invalid: [],
    limits: [],
  },
  create_dm: {
    forbidden: [anonymous],
    unknown: [],
    invalid: [{ body: () => ({ recipient_id: NOTHING }), status: 400, code: 50033 }],
    limits: [],
  },
  get_gateway: { forbidden: [], unknown: [], invalid: [], limits: [] },
  get_bot_gateway: {
    forbidden: [anonymous, { as: "owner", status: 403, code: 20002 }],
    unknown: [],
    invalid: [],
    limits: [],
  },
};
