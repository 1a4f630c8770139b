/**
 * Every Redis key of Guildhall. The hash tag names the partition: all keys of one partition stay on one node of a
 * cluster, which the publish script needs. Today there is one partition.
 */
const partition = "{p0}";
const CHANNELS = `${partition}:ev:`;

export const redisKeys = {
  /** The number of the latest event. */
  seq: `${partition}:seq`,
  /** Names the sequence; changes when it starts anew. A session of another epoch can't be resumed. */
  epoch: `${partition}:epoch`,
  /** The number of the last kept event of a log. */
  last: (epoch: string, log: string) => `${partition}:last:${epoch}:${log}`,
  /** The stream of a log's kept events. */
  log: (epoch: string, log: string) => `${partition}:log:${epoch}:${log}`,
  /** Marks an event id as published. */
  done: (epoch: string, eventId: string) => `${partition}:done:${epoch}:${eventId}`,
  /** The newest version of a thing that has been published. */
  version: (entity: string) => `${partition}:ver:${entity}`,
  /** The pub/sub channel of a log. */
  channel: (epoch: string, log: string) => `${CHANNELS}${epoch}:${log}`,
  /** The epoch and the log of a channel. */
  splitChannel: (channel: string): [epoch: string, log: string] => {
    const end = channel.indexOf(":", CHANNELS.length);
    return [channel.slice(CHANNELS.length, end), channel.slice(end + 1)];
  },
  /** A gateway session that can be resumed. */
  session: (id: string) => `${partition}:session:${id}`,
  /** Sessions that an account has started in its present day of 24 hours. */
  starts: (userId: string) => `${partition}:starts:${userId}`,
  /** Sessions that it has just started, of the shards of one bucket. */
  identify: (userId: string, bucket: number) => `${partition}:identify:${userId}:${bucket}`,
  /** Stands while a user has to wait before the next message, or thread, in a channel. */
  slowmode: (kind: "message" | "thread", channelId: string, userId: string) =>
    `${partition}:slow:${kind}:${channelId}:${userId}`,
  /** Requests that a caller has made lately, of one kind. */
  rateLimit: (counter: string) => `${partition}:rate:${counter}`,
  /** A user's sessions, each with its presence. */
  sessionsOf: (userId: string) => `${partition}:sessions:${userId}`,
  /** The presence of a session that ended without a goodbye, for one that resumes it. */
  parked: (sessionId: string) => `${partition}:parked:${sessionId}`,
  /** The guilds that see a user as other than offline. */
  shownIn: (userId: string) => `${partition}:shown:${userId}`,
  /** What a guild sees of each user who is not offline. */
  online: (guildId: string) => `${partition}:online:${guildId}`,
  /** Users whose presence a guild saw change lately, by the number of the event. */
  presenceChanges: (epoch: string, guildId: string) => `${partition}:presence-changes:${epoch}:${guildId}`,
  /** Who is in a guild's voice channels. */
  voice: (guildId: string) => `${partition}:voice:${guildId}`,
  /** Since when a guild's voice channels have had users. */
  voiceStarts: (guildId: string) => `${partition}:voice-starts:${guildId}`,
  /** The guilds in whose voice channels a user is. */
  voiceOf: (userId: string) => `${partition}:voice-of:${userId}`,
  /** Gateway nodes, by their last beat. */
  nodes: `${partition}:nodes`,
  /** Gateway nodes that beat no more, and whose sessions are being ended. */
  deadNodes: `${partition}:dead-nodes`,
  /** The sessions of a gateway node. */
  nodeSessions: (node: string) => `${partition}:node-sessions:${node}`,
  /** Set while a bot has to wait before it may ask for all members of a guild again. */
  allMembers: (userId: string, guildId: string) => `${partition}:all-members:${userId}:${guildId}`,
  /** Who holds a snowflake worker number. */
  worker: (n: number) => `${partition}:worker:${n}`,
  /** The latest millisecond in which a worker number was in use. */
  workerClock: (n: number) => `${partition}:worker-clock:${n}`,
  /** Counts up to spread leases over all worker numbers. */
  workerNext: `${partition}:worker-next`,
  /** Where API processes tell each other to forget a cached token. */
  revocations: `${partition}:revocations`,
  /** Where a gateway node hears its own probes. */
  probe: (node: string) => `${partition}:probe:${node}`,
} as const;

/** The log of a guild. */
export const guildLog = (guildId: string): string => `g:${guildId}`;
/** The log of a user: direct messages, joins, revoked sessions. */
export const userLog = (userId: string): string => `u:${userId}`;
