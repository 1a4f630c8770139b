import {
  anonymous,
  BAD_LENGTH,
  BAD_TYPE,
  CHOICES,
  type Failure,
  type Failures,
  type FailureTable,
  lacks,
  long,
  NOTHING,
  noApplication,
  only,
  stranger as outsider,
  REQUIRED,
  reader,
  stranger,
  unknown,
  wrong,
  wrongBody,
  wrongQuery,
} from "./failure.ts";

const person = { as: "owner", status: 403, code: 20002 } as const;
/** An application is nobody else's to see. */
const anothers = { as: "stranger", status: 404, code: 10002 } as const;
const application: Failures = {
  forbidden: [anonymous, person],
  unknown: [],
  invalid: [wrong("description", long(401), BAD_LENGTH), wrong("tags", ["a", "b", "c", "d", "e", "f"], BAD_LENGTH)],
  limits: [],
};

const noCommand = unknown("command_id", 10063);
/** The guild is unknown to an application that isn't in it. */
const notAdded = unknown("guild_id", 50001);
const commandFailures = (scope: "global" | "guild"): Pick<Failures, "forbidden" | "unknown"> => ({
  forbidden: [anonymous, anothers, ...(scope === "guild" ? [{ ...notAdded, status: 403 }] : [])],
  unknown: [noApplication],
});
const asks = (scope: "global" | "guild", more: Partial<Failures>): Failures => {
  const { forbidden, unknown: missing } = commandFailures(scope);
  return {
    forbidden,
    unknown: [...missing, ...(more.unknown ?? [])],
    invalid: more.invalid ?? [],
    limits: more.limits ?? [],
  };
};

const commandForm = [
  wrong("name", "Has Spaces", "STRING_TYPE_REGEX"),
  wrong("description", long(101), BAD_LENGTH),
  wrong("options.0.type", 99, CHOICES),
];
const RULE = () => ({ id: NOTHING, type: 1, permission: true });
const newCommandForm = [...commandForm, wrongBody(() => ({ description: "x" }), "name", REQUIRED)];

const commandTable = (scope: "global" | "guild", of: string): FailureTable => ({
  [`list_${of}s`]: asks(scope, { invalid: [wrongQuery("with_localizations", "maybe", CHOICES)] }),
  [`create_${of}`]: asks(scope, { invalid: newCommandForm }),
  [`bulk_set_${of}s`]: asks(scope, { invalid: [wrong("0.name", "Has Spaces", "STRING_TYPE_REGEX")] }),
  [`get_${of}`]: asks(scope, { unknown: [noCommand] }),
  [`update_${of}`]: asks(scope, { unknown: [noCommand], invalid: commandForm }),
  [`delete_${of}`]: asks(scope, { unknown: [noCommand] }),
});

const rule = { id: "1", type: 1, permission: true };
const noRules: Failure = {
  status: 404,
  code: 10066,
  prepare: async ({ at }) => ({ params: { command_id: at.command_id } }),
};
const rulesTable: FailureTable = {
  list_guild_application_command_permissions: asks("guild", {}),
  get_guild_application_command_permissions: asks("guild", { unknown: [noCommand, noRules] }),
  set_guild_application_command_permissions: {
    forbidden: [
      anonymous,
      stranger,
      reader,
      lacks("MANAGE_GUILD"),
      lacks("MANAGE_ROLES"),
      { as: "bot", status: 403, code: 20001 },
      { ...notAdded, status: 403 },
    ],
    unknown: [noApplication, noCommand],
    invalid: [
      wrong("permissions.0.type", 9, CHOICES),
      wrong("permissions.0.permission", "yes", BAD_TYPE),
      wrongBody(() => ({ permissions: Array(101).fill(rule) }), "permissions", BAD_LENGTH),
      wrongBody(() => ({ permissions: [rule] }), "permissions.0.id", "BASE_TYPE_INVALID"),
    ],
    limits: [],
  },
};

export const applicationFailures: FailureTable = {
  ...rulesTable,
  get_my_application: { ...application, invalid: [] },
  update_my_application: application,
  get_my_oauth2_application: { ...application, invalid: [] },
  get_application: only([anonymous, anothers], [noApplication]),
  update_application: {
    forbidden: [anonymous, anothers],
    unknown: [noApplication],
    invalid: [...application.invalid, wrong("event_webhooks_types.0", 1, BAD_TYPE)],
    limits: [],
  },
  ...commandTable("global", "application_command"),
  ...commandTable("guild", "guild_application_command"),
  list_guild_application_command_permissions: asks("guild", {}),
  get_guild_application_command_permissions: asks("guild", { unknown: [noCommand] }),
  set_guild_application_command_permissions: {
    forbidden: [
      anonymous,
      outsider,
      lacks("MANAGE_GUILD"),
      lacks("MANAGE_ROLES"),
      { as: "bot", status: 403, code: 20001 },
    ],
    unknown: [noApplication, noCommand],
    invalid: [wrong("permissions.0.type", 9, CHOICES), wrong("permissions.0.id", NOTHING, "BASE_TYPE_INVALID")],
    limits: [wrong("permissions", Array.from({ length: 101 }, RULE), BAD_LENGTH)],
  },
};
