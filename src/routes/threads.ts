import { z } from "zod";
import type { Transaction } from "../../core/db.ts";
import { wireThreadMember } from "../../core/wire/thread.ts";
import {
  demand,
  demandThread,
  type InGuildChannel,
  type InThread,
  inGuild,
  inParentChannel,
  inThread,
  lockedChannel,
} from "../access.ts";
import type { App } from "../app.ts";
import type { Emit } from "../change.ts";
import { isForum } from "../channels/body.ts";
import { ApiError } from "../errors.ts";
import { limit, moment, queryFlag, snowflake } from "../fields.ts";
import { planAttachments, storeUploads } from "../messages/attachments.ts";
import { route } from "../route.ts";
import { listThreadMembers } from "../store/thread-members.ts";
import { listArchivedThreads, listJoinedArchivedThreads } from "../store/threads.ts";
import { threadCreate, threadFromMessage } from "../threads/body.ts";
import { startFromMessage, startWithoutMessage } from "../threads/create.ts";
import { activeThreads, archivedThreads } from "../threads/list.ts";
import { addToThread, demandActive, joinThread, leaveThread, removeFromThread } from "../threads/members.ts";
import { startPost } from "../threads/post.ts";

const PAGE = 50;
const MAX_PAGE = 100;
/** As many as a thread can have. */
const MAX_MEMBERS = 1000;

const archivedBefore = z.object({
  before: moment.optional(),
  limit: limit(MAX_PAGE, PAGE),
});

export const threadRoutes = [
  route({
    method: "POST",
    path: "/channels/:channel_id/messages/:message_id/threads",
    operation: "create_thread_from_message",
    access: inParentChannel("CREATE_PUBLIC_THREADS"),
    status: 201,
    body: threadFromMessage,
    handle: ({ app, params, body }, found) =>
      starting(app, found, (tx, emit, where) => startFromMessage(tx, emit, where, params.get("message_id"), app, body)),
  }),
  route({
    method: "POST",
    path: "/channels/:channel_id/threads",
    operation: "create_thread",
    // What is needed depends on the type of thread, and on that of the channel.
    access: inParentChannel(),
    status: 201,
    body: threadCreate,
    files: (where) => {
      if (!isForum(where.channel.type)) throw new ApiError("WRONG_CHANNEL_TYPE");
      demand(where.permissions, ["SEND_MESSAGES", "ATTACH_FILES"]);
    },
    handle: async ({ app, body, files }, found) => {
      const plan = planAttachments(body.message?.attachments, files);
      const stored = await storeUploads(app, found.channel.id, plan.added);
      return starting(app, found, (tx, emit, where) =>
        isForum(where.channel.type)
          ? startPost(app, tx, emit, where, body, { plan, stored })
          : startWithoutMessage(tx, emit, where, app, body),
      );
    },
  }),
  route({
    method: "PUT",
    path: "/channels/:channel_id/thread-members/@me",
    operation: "join_thread",
    access: inThread(),
    handle: ({ app }, found) =>
      changing(app, found, async (tx, emit, where) => {
        demandActive(where);
        await joinThread(tx, emit, where.channel, where.me.userId);
      }),
  }),
  route({
    method: "DELETE",
    path: "/channels/:channel_id/thread-members/@me",
    operation: "leave_thread",
    access: inThread(),
    handle: ({ app }, found) =>
      changing(app, found, async (tx, emit, where) => {
        demandActive(where);
        await leaveThread(tx, emit, where, where.me.userId);
      }),
  }),
  route({
    method: "PUT",
    path: "/channels/:channel_id/thread-members/:user_id",
    operation: "add_thread_member",
    access: inThread("SEND_MESSAGES_IN_THREADS"),
    handle: ({ app, params }, found) =>
      changing(app, found, (tx, emit, where) => addToThread(tx, emit, where, params.get("user_id"), app)),
  }),
  route({
    method: "DELETE",
    path: "/channels/:channel_id/thread-members/:user_id",
    operation: "delete_thread_member",
    // Who started a private thread may as well.
    access: inThread(),
    handle: ({ app, params }, found) =>
      changing(app, found, (tx, emit, where) => removeFromThread(tx, emit, where, params.get("user_id"), app)),
  }),
  route({
    method: "GET",
    path: "/channels/:channel_id/thread-members/:user_id",
    operation: "get_thread_member",
    access: inThread(),
    query: z.object({ with_member: queryFlag.optional() }),
    handle: async ({ app, params, query }, { channel }) => {
      const [row] = await listThreadMembers(app.sql, channel.id, { userId: params.get("user_id"), limit: 1 });
      if (row === undefined) throw new ApiError("UNKNOWN_MEMBER");
      return wireThreadMember(row, query.with_member === true ? row.member : undefined);
    },
  }),
  route({
    method: "GET",
    path: "/channels/:channel_id/thread-members",
    operation: "list_thread_members",
    access: inThread(),
    query: z.object({
      with_member: queryFlag.optional(),
      after: snowflake.default("0"),
      limit: z.coerce.number().int().min(1).max(MAX_PAGE).optional(),
    }),
    handle: async ({ app, query }, { channel }) => {
      // Without the members of the guild there are no pages: all of them come at once.
      const all = query.with_member === true ? MAX_PAGE : MAX_MEMBERS;
      const rows = await listThreadMembers(app.sql, channel.id, { after: query.after, limit: query.limit ?? all });
      return rows.map((row) => wireThreadMember(row, query.with_member === true ? row.member : undefined));
    },
  }),
  route({
    method: "GET",
    path: "/channels/:channel_id/threads/archived/public",
    operation: "list_public_archived_threads",
    access: inParentChannel("READ_MESSAGE_HISTORY"),
    query: archivedBefore,
    handle: ({ app, query }, where) =>
      archivedThreads(app, where, query.limit, (most) =>
        listArchivedThreads(app.sql, where.channel.id, { private: false, before: query.before, limit: most }),
      ),
  }),
  route({
    method: "GET",
    path: "/channels/:channel_id/threads/archived/private",
    operation: "list_private_archived_threads",
    access: inParentChannel("READ_MESSAGE_HISTORY", "MANAGE_THREADS"),
    query: archivedBefore,
    handle: ({ app, query }, where) =>
      archivedThreads(app, where, query.limit, (most) =>
        listArchivedThreads(app.sql, where.channel.id, { private: true, before: query.before, limit: most }),
      ),
  }),
  route({
    method: "GET",
    path: "/channels/:channel_id/users/@me/threads/archived/private",
    operation: "list_my_private_archived_threads",
    access: inParentChannel("READ_MESSAGE_HISTORY"),
    query: z.object({ before: snowflake.optional(), limit: limit(MAX_PAGE, PAGE) }),
    handle: ({ app, query }, where) =>
      archivedThreads(app, where, query.limit, (most) =>
        listJoinedArchivedThreads(app.sql, where.channel.id, where.me.userId, { before: query.before, limit: most }),
      ),
  }),
  route({
    method: "GET",
    path: "/guilds/:guild_id/threads/active",
    operation: "get_active_guild_threads",
    access: inGuild(),
    handle: ({ app }, where) => activeThreads(app, where),
  }),
];

/** Starts a thread, at the pace that the channel's slowmode sets. */
async function starting<T>(
  app: App,
  found: InGuildChannel,
  start: (tx: Transaction, emit: Emit, where: InGuildChannel) => Promise<T>,
): Promise<T> {
  const giveBack = await app.slowmode.take(found, "thread");
  const change = app.change(async (tx, emit) => start(tx, emit, await lockedChannel(tx, found)));
  return change.catch(async (error) => {
    await giveBack();
    throw error;
  });
}

/** Changes something of a thread by the rights of now, and answers nothing. */
async function changing(
  app: App,
  found: InThread,
  work: (tx: Transaction, emit: Emit, where: InThread) => Promise<void>,
): Promise<void> {
  await app.change(async (tx, emit) => work(tx, emit, demandThread(await lockedChannel(tx, found))));
}
