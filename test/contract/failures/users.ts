import {
  anonymous,
  BAD_LENGTH,
  CHOICES,
  type FailureTable,
  long,
  NOTHING,
  noGuild,
  only,
  stranger,
  TOO_LARGE,
  unknown,
  wrong,
  wrongQuery,
} from "./failure.ts";

export const userFailures: FailureTable = {
  get_my_user: only([anonymous], []),
  update_my_user: {
    forbidden: [anonymous],
    unknown: [],
    invalid: [wrong("username", long(33), BAD_LENGTH), wrong("accent_color", 0x1000000, TOO_LARGE)],
    limits: [],
  },
  get_user: only([anonymous], [unknown("user_id", 10013)]),
  list_my_guilds: {
    forbidden: [anonymous],
    unknown: [],
    invalid: [wrongQuery("limit", "201", TOO_LARGE), wrongQuery("with_counts", "maybe", CHOICES)],
    limits: [],
  },
  leave_guild: only([anonymous, stranger], [noGuild]),
  create_dm: {
    forbidden: [anonymous],
    unknown: [],
    invalid: [{ body: () => ({ recipient_id: NOTHING }), status: 400, code: 50033 }],
    limits: [],
  },
  get_gateway: only([], []),
  get_bot_gateway: only([anonymous, { as: "owner", status: 403, code: 20002 }], []),
};
