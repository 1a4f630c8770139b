import { batchedStatement } from "../../core/batched.ts";
import { type Db, isDatabaseAway, isGivenUp } from "../../core/db.ts";
import { type DeliverableEvent, deliveriesOf } from "../../core/deliveries.ts";
import type { Fragment } from "../../core/store/fragments.ts";
import type { AttachmentRow } from "../../core/wire/attachment.ts";
import type { InteractionAbout } from "../../core/wire/interaction.ts";
import type { MessageSnapshot } from "../../core/wire/message.ts";
import type { NewPoll } from "../polls/body.ts";
import { attachTo } from "./files.ts";
import type { Place } from "./messages.ts";
import { openPollOf } from "./polls.ts";

export interface NewMessage {
  id: string;
  place: Place;
  /** Whether it is in a thread, and not its first message: it counts there. */
  inThread?: boolean;
  authorId: string | null;
  webhookId?: string;
  webhookName?: string;
  webhookAvatar?: string | null;
  applicationId?: string | null;
  /** The interaction that it answers. */
  interaction?: InteractionAbout | null;
  type: number;
  flags: number;
  content: string;
  embeds: unknown[];
  /** Files that are in the file store. */
  attachments?: readonly AttachmentRow[];
  components: unknown[];
  tts: boolean;
  mentionEveryone: boolean;
  mentions: readonly string[];
  mentionRoles: readonly string[];
  reference: { messageId: string | null; channelId: string; guildId: string | null } | null;
  /** A forward: what is forwarded. */
  snapshots?: readonly MessageSnapshot[];
  poll?: NewPoll;
  createdAt: Date;
  /** Set when the nonce is enforced: a message of the past minutes with the same one wins. */
  enforcedNonce: string | null;
}

export interface Inserted {
  /** False when an enforced nonce was used before: the message is then the earlier one's id. */
  made: boolean;
  id: string;
  /** Whether an event of this log waits in the outbox: see EventLog.publish. */
  outboxPending: boolean;
}

/** How long a nonce is remembered. https://discord.com/developers/docs/resources/message#create-message (enforce_nonce) */
const NONCE_WINDOW = "5 minutes";

/** A message to store, the log that its event goes to, and what outgoing webhooks are told. */
interface Insertion {
  message: NewMessage;
  log: string;
  deliveries: readonly DeliverableEvent[];
}

/**
 * Stores a message in one statement, which also claims its nonce, writes rows for outgoing webhooks, and looks
 * whether the outbox has rows of the log that the event goes to. Plain messages of one turn share a statement.
 */
export async function insertMessage(
  sql: Db,
  message: NewMessage,
  log: string,
  deliveries: readonly DeliverableEvent[],
): Promise<Inserted> {
  const insertion = { message, log, deliveries };
  return isPlain(message) ? insertPlain(sql, insertion) : insertAlone(sql, insertion);
}

/** What locks no row but its own: threads and nonces that two statements took in different order would wait for each other. */
const isPlain = (m: NewMessage): boolean =>
  m.enforcedNonce === null &&
  m.inThread !== true &&
  m.poll === undefined &&
  (m.attachments === undefined || m.attachments.length === 0);

const insertPlain = batchedStatement(50, async (sql, insertions: readonly Insertion[]) => {
  try {
    const rows = await insertRows(sql, insertions, { before: sql``, made: sql``, after: sql``, deliveries: sql`` });
    return rows.map(({ id, outbox_pending }) => ({ made: true, id, outboxPending: outbox_pending }));
  } catch (error) {
    if (insertions.length === 1 || (isDatabaseAway(error) && !isGivenUp(error))) throw error;
    // One of them can't be stored, as its channel is gone by now, or waits in a circle. The others shall not fail with it.
    return insertions.map((insertion) => insertAlone(sql, insertion));
  }
});

async function insertAlone(sql: Db, insertion: Insertion): Promise<Inserted> {
  const m = insertion.message;
  const { enforcedNonce: nonce, attachments = [] } = m;
  const [row] = await insertRows(sql, [insertion], {
    before: nonce === null ? sql`` : claimNonce(sql, m, nonce),
    made: nonce === null ? sql`` : sql`where exists (select 1 from claimed)`,
    after: sql`
      ${m.inThread === true ? countInThread(sql, m.place.id) : sql``}
      ${m.poll === undefined ? sql`` : openPollOf(sql, m.poll)}
      ${attachments.length === 0 ? sql`` : attachTo(sql, attachments)}`,
    deliveries: sql`, made`,
  });
  if (row === undefined) throw new Error("select returned no row");
  if (row.made) return { made: true, id: row.id, outboxPending: row.outbox_pending };
  const [earlier] = await sql<{ message_id: string }[]>`
    select message_id from message_nonces
    where author_id = ${m.authorId} and channel_id = ${m.place.id} and nonce = ${nonce}`;
  if (earlier === undefined) throw new Error("neither a message nor its nonce is there");
  return { made: false, id: earlier.message_id, outboxPending: row.outbox_pending };
}

/**
 * @param parts of the statement: CTEs before the one that makes the messages, what it asks, CTEs after it, and without
 *   what there are no deliveries
 * @returns in the order of the insertions, which were made
 */
function insertRows(
  sql: Db,
  insertions: readonly Insertion[],
  parts: Record<"before" | "made" | "after" | "deliveries", Fragment>,
) {
  const deliveries = insertions.flatMap((insertion) => insertion.deliveries);
  return sql<{ id: string; made: boolean; outbox_pending: boolean }[]>`
    with ${parts.before}
    given as materialized (
      select * from json_to_recordset(${JSON.stringify(insertions.map(toGiven))}::text::json) as g (
        nth int, log text, id bigint, channel_id bigint, dm_channel_id bigint, author_id bigint, webhook_id bigint,
        webhook_name text, webhook_avatar text, application_id bigint, interaction jsonb, type smallint, flags int,
        content text, embeds jsonb, components jsonb, tts boolean, mention_everyone boolean, mentions bigint[],
        mention_roles bigint[], reference_message_id bigint, reference_channel_id bigint, reference_server_id bigint,
        snapshots jsonb, poll jsonb, created_at timestamptz)
    ),
    made as (
      insert into messages (id, channel_id, dm_channel_id, author_id, webhook_id, webhook_name, webhook_avatar,
        application_id, interaction, type, flags, content, embeds, components, tts, mention_everyone, mentions,
        mention_roles, reference_message_id, reference_channel_id, reference_server_id, snapshots, poll, created_at)
      select id, channel_id, dm_channel_id, author_id, webhook_id, webhook_name, webhook_avatar,
        application_id, interaction, type, flags, content, embeds, components, tts, mention_everyone, mentions,
        mention_roles, reference_message_id, reference_channel_id, reference_server_id, snapshots, poll, created_at
      from given ${parts.made} order by nth
      returning id
    )
    ${parts.after}
    ${deliveries.length === 0 ? sql`` : sql`, ${deliveriesOf(sql, deliveries, parts.deliveries)}`}
    select g.id, exists (select 1 from made where made.id = g.id) as made,
      exists (select 1 from event_outbox where key = g.log) as outbox_pending
    from given g order by g.nth`;
}

/** As insertRows reads it. */
function toGiven({ message: m, log }: Insertion, nth: number) {
  return {
    nth,
    log,
    id: m.id,
    [m.place.type === "guild" ? "channel_id" : "dm_channel_id"]: m.place.id,
    author_id: m.authorId,
    webhook_id: m.webhookId,
    webhook_name: m.webhookName,
    webhook_avatar: m.webhookAvatar,
    application_id: m.applicationId,
    interaction: m.interaction,
    type: m.type,
    flags: m.flags,
    content: m.content,
    embeds: m.embeds,
    components: m.components,
    tts: m.tts,
    mention_everyone: m.mentionEveryone,
    mentions: m.mentions,
    mention_roles: m.mentionRoles,
    reference_message_id: m.reference?.messageId,
    reference_channel_id: m.reference?.channelId,
    reference_server_id: m.reference?.guildId,
    snapshots: m.snapshots,
    poll: m.poll?.asked,
    created_at: m.createdAt,
  };
}

const countInThread = (sql: Db, threadId: string) => sql`
  , counted as (
    update threads set message_count = message_count + 1, total_message_sent = total_message_sent + 1
    where channel_id = ${threadId} and exists (select 1 from made)
  )`;

const claimNonce = (sql: Db, m: NewMessage, nonce: string) => sql`
  claimed as (
    insert into message_nonces (author_id, channel_id, nonce, message_id)
    values (${m.authorId}, ${m.place.id}, ${nonce}, ${m.id})
    on conflict (author_id, channel_id, nonce) do update
      set message_id = excluded.message_id, created_at = now()
      where message_nonces.created_at < now() - ${NONCE_WINDOW}::interval
    returning message_id
  ),`;

export async function deleteOldNonces(sql: Db): Promise<void> {
  await sql`delete from message_nonces where created_at < now() - ${NONCE_WINDOW}::interval`;
}
