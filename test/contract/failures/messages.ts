import {
  anonymous,
  BAD_LENGTH,
  CHOICES,
  channelLacking,
  type Failure,
  type FailureTable,
  full,
  hidden,
  lacks,
  long,
  NOTHING,
  noChannel,
  noMessage,
  only,
  REQUIRED,
  stranger,
  TOO_LARGE,
  TOO_SMALL,
  unknown,
  wrong,
  wrongBody,
  wrongQuery,
} from "./failure.ts";

const noEmoji = unknown("emoji_name", 10014);
const inChannel = [anonymous, stranger, hidden];
const page = [wrongQuery("limit", "101", TOO_LARGE), wrongQuery("limit", "0", TOO_SMALL)];

/** https://discord.com/developers/docs/resources/message#embed-object-embed-limits */
export const embedLimits: readonly Failure[] = [
  wrong("embeds.0.title", long(257), BAD_LENGTH),
  wrong("embeds.0.description", long(4097), BAD_LENGTH),
  wrong("embeds.0.footer.text", long(2049), BAD_LENGTH),
  wrong("embeds.0.author.name", long(257), BAD_LENGTH),
  wrong(
    "embeds.0.fields",
    Array.from({ length: 26 }, () => ({ name: "n", value: "v" })),
    BAD_LENGTH,
  ),
  wrong("embeds.0.fields.0.name", long(257), BAD_LENGTH),
  wrong("embeds.0.fields.0.value", long(1025), BAD_LENGTH),
  wrong(
    "embeds",
    Array.from({ length: 11 }, () => ({ title: "t" })),
    BAD_LENGTH,
  ),
  wrong("embeds", [{ description: long(4000) }, { description: long(2001) }], "BASE_TYPE_INVALID"),
];
export const messageForm: readonly Failure[] = [
  wrong("content", long(2001), BAD_LENGTH),
  wrong("allowed_mentions.parse.0", "all", CHOICES),
  wrong("embeds.0.color", 0x1000000, TOO_LARGE),
];
export const empty: Failure = { body: () => ({}), status: 400, code: 50006 };
const pinning = only(channelLacking("PIN_MESSAGES"), [noChannel, noMessage]);
const pins = full(30003, async ({ sql, at, freeId }) => {
  await sql`
    insert into messages (id, channel_id, author_id, content, pinned_at)
    select ${freeId}::bigint + n, ${at.channel_id}, ${at.user_id}, 'pinned', now() - n * interval '1 s'
    from generate_series(1, 250) n`;
  return {};
});

export const messageFailures: FailureTable = {
  create_message: {
    forbidden: channelLacking("SEND_MESSAGES"),
    unknown: [noChannel],
    invalid: [
      ...messageForm,
      empty,
      wrong("nonce", long(26), BAD_LENGTH),
      wrongBody(
        () => ({ content: "x", message_reference: { message_id: NOTHING } }),
        "message_reference",
        "REPLIES_UNKNOWN_MESSAGE",
      ),
      { body: () => ({ content: "x", message_reference: { channel_id: NOTHING } }), status: 400, code: 50035 },
    ],
    limits: embedLimits,
  },
  list_messages: { forbidden: inChannel, unknown: [noChannel], invalid: page, limits: [] },
  get_message: only([...inChannel, lacks("READ_MESSAGE_HISTORY")], [noChannel, noMessage]),
  update_message: {
    forbidden: [...inChannel, { as: "reader", status: 403, code: 50005 }],
    unknown: [noChannel, noMessage],
    invalid: [...messageForm, { ...empty, body: () => ({ content: "", embeds: [] }) }],
    limits: embedLimits,
  },
  delete_message: only(channelLacking("MANAGE_MESSAGES"), [noChannel, noMessage]),
  bulk_delete_messages: {
    forbidden: channelLacking("MANAGE_MESSAGES"),
    unknown: [noChannel],
    invalid: [
      wrongBody(() => ({}), "messages", REQUIRED),
      { body: (at) => ({ messages: [at.message_id] }), status: 400, code: 50016 },
      // Of 2016, long past the fourteen days.
      { body: (at) => ({ messages: [at.message_id, "175928847299117063"] }), status: 400, code: 50034 },
    ],
    limits: [
      {
        body: () => ({ messages: Array.from({ length: 101 }, (_, i) => String(2n ** 62n + BigInt(i))) }),
        status: 400,
        code: 50016,
      },
    ],
  },
  trigger_typing_indicator: only(channelLacking("SEND_MESSAGES"), [noChannel]),
  add_my_message_reaction: {
    forbidden: [
      ...inChannel,
      lacks("READ_MESSAGE_HISTORY"),
      { ...lacks("ADD_REACTIONS"), params: { emoji_name: "🔥" } },
    ],
    unknown: [noChannel, noMessage, noEmoji],
    invalid: [],
    limits: [
      full(30010, async ({ sql, at }) => {
        await sql`insert into message_reactions (message_id, emoji, emoji_name, place, count)
          select ${at.message_id}, n, n, n, 1 from generate_series(1, 20) n`;
        return {};
      }),
    ],
  },
  delete_my_message_reaction: only(inChannel, [noChannel, noMessage, noEmoji]),
  delete_user_message_reaction: only(channelLacking("MANAGE_MESSAGES"), [
    noChannel,
    noMessage,
    noEmoji,
    unknown("user_id", 10013),
  ]),
  list_message_reactions_by_emoji: {
    forbidden: inChannel,
    unknown: [noChannel, noMessage, noEmoji],
    invalid: [...page, wrongQuery("type", "2", CHOICES)],
    limits: [],
  },
  delete_all_message_reactions: only(channelLacking("MANAGE_MESSAGES"), [noChannel, noMessage]),
  delete_all_message_reactions_by_emoji: only(channelLacking("MANAGE_MESSAGES"), [noChannel, noMessage, noEmoji]),
  get_answer_voters: {
    forbidden: [...inChannel, lacks("READ_MESSAGE_HISTORY")],
    unknown: [noChannel, noMessage],
    invalid: page,
    limits: [],
  },
  poll_expire: {
    forbidden: [...inChannel, { as: "reader", status: 403, code: 50005 }],
    unknown: [noChannel, noMessage],
    invalid: [
      {
        status: 400,
        code: 520006,
        prepare: async ({ at }) => ({ params: { message_id: at.message_id } }),
      },
    ],
    limits: [],
  },
  list_pins: {
    forbidden: inChannel,
    unknown: [noChannel],
    invalid: [wrongQuery("limit", "51", TOO_LARGE), wrongQuery("before", "yesterday", "DATE_TIME_TYPE_PARSE")],
    limits: [],
  },
  create_pin: { ...pinning, limits: [pins] },
  delete_pin: pinning,
  deprecated_list_pins: only(inChannel, [noChannel]),
  deprecated_create_pin: { ...pinning, limits: [pins] },
  deprecated_delete_pin: pinning,
};
