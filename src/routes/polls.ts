import { z } from "zod";
import { wireUser } from "../../core/wire/user.ts";
import { type InChannel, inChannel } from "../access.ts";
import type { App } from "../app.ts";
import { ApiError } from "../errors.ts";
import { limit, snowflake } from "../fields.ts";
import { placeOf } from "../messages/place.ts";
import { endPoll } from "../polls/end.ts";
import { vote } from "../polls/vote.ts";
import { route } from "../route.ts";
import { findMessage } from "../store/messages.ts";
import { listVoters } from "../store/polls.ts";
import { demandReactable } from "../threads/write.ts";

const POLL = "/channels/:channel_id/polls/:message_id";

/** As clients send it, in text or in numbers. */
const answerId = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^\d{1,3}$/)
      .transform(Number),
  ])
  .pipe(z.int().min(1).max(10));

export const pollRoutes = [
  route({
    method: "GET",
    path: `${POLL}/answers/:answer_id`,
    operation: "get_answer_voters",
    access: inChannel("READ_MESSAGE_HISTORY"),
    query: z.object({ after: snowflake.optional(), limit: limit(100, 25) }),
    handle: async ({ app, params, query }, where) => {
      const id = Number(params.get("answer_id"));
      const { poll } = await existing(app, where, params.get("message_id"));
      if (poll?.asked.answers.some((answer) => answer.answer_id === id) !== true) throw new ApiError("NOT_FOUND");
      const users = await listVoters(app.sql, params.get("message_id"), id, query);
      return { users: users.map(wireUser) };
    },
  }),
  route({
    method: "PUT",
    path: `${POLL}/answers/@me`,
    summary: "Vote in a poll, as a person",
    access: inChannel("READ_MESSAGE_HISTORY"),
    limit: { requests: 5, seconds: 5 },
    body: z.object({ answer_ids: z.array(answerId).max(10) }),
    handle: async ({ app, params, body }, where) => {
      if (where.caller.user.bot) throw new ApiError("BOTS_NOT_ALLOWED");
      demandReactable(where);
      await app.change((tx, emit) => vote(tx, emit, where, params.get("message_id"), body.answer_ids));
    },
  }),
  route({
    method: "POST",
    path: `${POLL}/expire`,
    operation: "poll_expire",
    access: inChannel(),
    limit: { requests: 5, seconds: 5 },
    handle: async ({ app, params }, where) => {
      const message = await existing(app, where, params.get("message_id"));
      if (message.author_id !== where.caller.user.id) throw new ApiError("NOT_AUTHOR");
      if (!message.poll) throw new ApiError("NOT_A_POLL");
      const told = where.type === "dm" ? where : ({ type: "webhook", guild: where.guild } as const);
      const scene = { place: placeOf(where), told };
      const ended = await app.change((tx, emit) => endPoll(app, tx, emit, scene, message.id));
      if (ended === undefined) throw new ApiError("POLL_EXPIRED");
      return ended;
    },
  }),
];

async function existing(app: App, where: InChannel, id: string) {
  const message = await findMessage(app.sql, placeOf(where), id, where.caller.user.id);
  if (message === undefined) throw new ApiError("UNKNOWN_MESSAGE");
  return message;
}
