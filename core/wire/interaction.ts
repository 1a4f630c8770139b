import { InteractionType } from "discord-api-types/v10";
import { type UserRow, wireUser } from "./user.ts";

/** What messages tell of the interaction that they answer, as it is stored. */
export interface InteractionAbout {
  id: string;
  type: number;
  user_id: string;
  /** A command's, with its subcommand. */
  name?: string;
  /** By integration type, who has added the application. */
  owners: Record<string, string>;
  /** A follow-up: the first answer. */
  original_id?: string;
  /** A component: the message it is on. */
  interacted_id?: string;
  target_user_id?: string;
  target_message_id?: string;
  /** A modal: the interaction that showed it. */
  triggering?: InteractionAbout;
}

/** Everybody whom it names. */
export const usersOf = (about: InteractionAbout): string[] => [
  about.user_id,
  ...(about.target_user_id === undefined ? [] : [about.target_user_id]),
  ...(about.triggering === undefined ? [] : usersOf(about.triggering)),
];

export type UsersById = Readonly<Record<string, UserRow>>;

/**
 * The fields of a message that answers an interaction.
 * https://discord.com/developers/docs/resources/message#message-interaction-metadata-object
 */
export function wireInteraction(about: InteractionAbout | null, users: UsersById) {
  if (about === null) return {};
  const { id, type, name } = about;
  return {
    interaction_metadata: wireMetadata(about, users),
    // Deprecated, and what libraries of some years ago read.
    ...(name === undefined ? {} : { interaction: { id, type, name, ...wireOne("user", about.user_id, users) } }),
  };
}

function wireMetadata(about: InteractionAbout, users: UsersById): object {
  return {
    id: about.id,
    type: about.type,
    ...wireOne("user", about.user_id, users),
    authorizing_integration_owners: about.owners,
    ...(about.original_id === undefined ? {} : { original_response_message_id: about.original_id }),
    ...(about.interacted_id === undefined ? {} : { interacted_message_id: about.interacted_id }),
    ...(about.target_user_id === undefined ? {} : wireOne("target_user", about.target_user_id, users)),
    ...(about.target_message_id === undefined ? {} : { target_message_id: about.target_message_id }),
    ...(about.type === InteractionType.ModalSubmit && about.triggering !== undefined
      ? { triggering_interaction_metadata: wireMetadata(about.triggering, users) }
      : {}),
  };
}

/** Nothing of an account that is gone. */
function wireOne(field: string, id: string, users: UsersById): object {
  const user = users[id];
  return user === undefined ? {} : { [field]: wireUser(user) };
}
