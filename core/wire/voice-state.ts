import type { VoiceState } from "../voice-store.ts";
import { type MemberRow, wireMember } from "./member.ts";

/** https://discord.com/developers/docs/resources/voice#voice-state-object */
export function wireVoiceState(guildId: string, state: VoiceState, row: MemberRow | undefined) {
  return { guild_id: guildId, ...state, self_stream: false, ...(row === undefined ? {} : { member: wireMember(row) }) };
}
