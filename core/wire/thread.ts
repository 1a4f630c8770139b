/** What a thread has beyond a channel, as Postgres gives it inside JSON: times as text. */
export interface ThreadRow {
  owner_id: string;
  archived: boolean;
  archive_timestamp: string;
  auto_archive_duration: number;
  locked: boolean;
  invitable: boolean;
  applied_tags: string[];
  message_count: number;
  total_message_sent: number;
  member_count: number;
  created_at: string;
}

export interface ThreadMemberRow {
  thread_id: string;
  user_id: string;
  joined_at: Date;
  flags: number;
}
