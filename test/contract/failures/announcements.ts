import {
  channelLacking,
  type FailureTable,
  full,
  NOTHING,
  noChannel,
  noMessage,
  REQUIRED,
  wrongBody,
} from "./failure.ts";

/** Of a channel that is none for announcements. */
const otherKind = 50024;

export const announcementFailures: FailureTable = {
  follow_channel: {
    forbidden: channelLacking("MANAGE_WEBHOOKS"),
    unknown: [noChannel, { body: () => ({ webhook_channel_id: NOTHING }), status: 404, code: 10003 }],
    invalid: [
      wrongBody(() => ({}), "webhook_channel_id", REQUIRED),
      wrongBody((at) => ({ webhook_channel_id: at.news_id }), "webhook_channel_id", "BASE_TYPE_INVALID"),
      { body: (at) => ({ webhook_channel_id: at.voice_id }), status: 400, code: otherKind },
    ],
    limits: [
      full(30007, async ({ sql, at, freeId }) => {
        await sql`insert into webhooks (id, server_id, channel_id, name, token)
          select ${freeId}::bigint + n, ${at.guild_id}, ${at.channel_id}, 'many', '' from generate_series(1, 15) n`;
        return {};
      }),
    ],
  },
  crosspost_message: {
    forbidden: channelLacking("SEND_MESSAGES", "MANAGE_MESSAGES"),
    unknown: [noChannel, noMessage],
    invalid: [
      {
        status: 400,
        code: otherKind,
        prepare: async ({ at }) => ({ params: { channel_id: at.channel_id, message_id: at.message_id } }),
      },
    ],
    limits: [
      full(40033, async ({ at, owner }) => {
        await owner.post(`/channels/${at.news_id}/messages/${at.news_message_id}/crosspost`);
        return {};
      }),
    ],
  },
};
