import { pick } from "./random.ts";
import { keyOf } from "./record.ts";
import type { Rest } from "./rest.ts";
import type { DrillGuild, World } from "./world.ts";

/** What was written, as far as the writers know. */
export interface Ledger {
  /** Keys of what was acknowledged, in the order of each writer: its next request waits for the answer. */
  acknowledged: string[][];
  /** Texts of messages that may exist or not, and ids of those that may be edited or deleted or not. */
  unknown: Set<string>;
  /** When each change of a lock was asked for, in ms since 1970: the first, the second … by lockName. */
  changes: Map<string, number[]>;
}

export interface Writers {
  ledger: Ledger;
  /** Resolves when each has finished what it was doing. */
  stop(): Promise<void>;
}

/** What decides who sees a guild's channel `door`: whether the role `key` opens it, and whether a bot has that role. */
export const lockName = (guildId: string, bot?: string): string => `${guildId} ${bot ?? "door"}`;

const WRITERS = 8;
const LOCKSMITHS = 2;
const LOCKSMITH_PAUSE_MS = 400;

/** Starts writers that make `perSecond` changes together, and locksmiths who change who may see what now and then. */
export function startWriters(rest: Rest, world: World, perSecond: number, random: () => number): Writers {
  const ledger: Ledger = { acknowledged: [], unknown: new Set(), changes: new Map() };
  const state = { over: false };
  const pauseMs = (WRITERS / perSecond) * 1000;
  const work = [
    ...Array.from({ length: WRITERS }, (_, i) => write(rest, world, ledger, i, pauseMs, state, random)),
    // Each has guilds of its own: the state that it sets is then the state that is.
    ...Array.from({ length: LOCKSMITHS }, (_, i) => {
      const own = world.guilds.filter((_, at) => at % LOCKSMITHS === i);
      return changeLocks(rest, world, own, ledger, state, random);
    }),
  ];
  return {
    ledger,
    stop: async () => {
      state.over = true;
      await Promise.all(work);
    },
  };
}

interface Running {
  over: boolean;
}

/** Posts, edits and deletes messages, one request at a time. */
async function write(
  rest: Rest,
  { guilds, bots, scribe }: World,
  ledger: Ledger,
  writer: number,
  pauseMs: number,
  state: Running,
  random: () => number,
): Promise<void> {
  const acknowledged: string[] = [];
  ledger.acknowledged.push(acknowledged);
  const own: { id: string; path: string }[] = [];
  const token = `Bot ${scribe.token}`;
  for (let n = 0; !state.over; n++) {
    const dueAt = Date.now() + pauseMs * (0.5 + random());
    const kind = own.length < 5 ? 0 : random();
    if (kind < 0.65) {
      const guild = pick(guilds, random);
      const path = `/channels/${pick(Object.values(guild.channels), random)}/messages`;
      const content = `${writer}.${n}${random() < 0.05 ? ` <@${pick(bots, random).id}>` : ""}`;
      const message = await rest.send(token, "POST", path, { content });
      if (message === null) ledger.unknown.add(content);
      else {
        acknowledged.push(keyOf("MESSAGE_CREATE", message) ?? "");
        own.push({ id: message.id, path: `${path}/${message.id}` });
        if (own.length > 50) own.shift();
      }
    } else {
      const message = pick(own, random);
      const edits = kind < 0.9;
      if (!edits) own.splice(own.indexOf(message), 1);
      const answer = edits
        ? await rest.send(token, "PATCH", message.path, { content: `${writer}.${n} edited` })
        : await rest.send(token, "DELETE", message.path, undefined);
      if (answer === null) {
        ledger.unknown.add(message.id);
        if (own.includes(message)) own.splice(own.indexOf(message), 1);
      } else {
        const event = edits ? answer : { id: message.id };
        acknowledged.push(keyOf(edits ? "MESSAGE_UPDATE" : "MESSAGE_DELETE", event) ?? "");
      }
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueAt - Date.now())));
  }
}

/** Characters of three bytes each, so chosen that no compression helps. */
const fatText = (length: number, random: () => number) =>
  String.fromCharCode(...Array.from({ length }, () => 0x4e00 + Math.floor(random() * 20_000)));

/** Posts large messages, of about 20 KB each, in one channel: more than the buffers of a client that doesn't read hold. */
export async function burst(
  rest: Rest,
  { scribe }: World,
  ledger: Ledger,
  channelId: string,
  count: number,
  random: () => number,
): Promise<void> {
  const post = async (share: number) => {
    const acknowledged: string[] = [];
    ledger.acknowledged.push(acknowledged);
    for (let n = 0; n < share; n++) {
      const content = `burst ${channelId} ${n} ${fatText(1900, random)}`;
      const body = {
        content,
        embeds: [{ description: fatText(4000, random), footer: { text: fatText(1900, random) } }],
      };
      const message = await rest.send(`Bot ${scribe.token}`, "POST", `/channels/${channelId}/messages`, body);
      if (message === null) ledger.unknown.add(content);
      else acknowledged.push(keyOf("MESSAGE_CREATE", message) ?? "");
    }
  };
  await Promise.all([1, 2, 3, 4].map(() => post(Math.ceil(count / 4))));
}

const VIEW_CHANNEL = String(1n << 10n);

/**
 * Changes, guild after guild, whether the role `key` opens the channel `door`, and who has it; and gives the role
 * `banner` new names, which every member is told.
 */
async function changeLocks(
  rest: Rest,
  { keeper, bots }: World,
  guilds: readonly DrillGuild[],
  ledger: Ledger,
  state: Running,
  random: () => number,
): Promise<void> {
  const acknowledged: string[] = [];
  ledger.acknowledged.push(acknowledged);
  const shut = new Set<string>();
  const note = (lock: string) => {
    const times = ledger.changes.get(lock) ?? [];
    ledger.changes.set(lock, [...times, Date.now()]);
  };
  for (let n = 1; !state.over && guilds.length > 0; n++) {
    const guild = pick(guilds, random);
    const kind = random();
    if (kind < 0.4) {
      const role = { id: guild.roles.banner, name: `banner ${n}` };
      await rest.must(await keeper(), "PATCH", `/guilds/${guild.id}/roles/${role.id}`, { name: role.name });
      acknowledged.push(keyOf("GUILD_ROLE_UPDATE", { role }) ?? "");
    } else if (kind < 0.7) {
      const lock = lockName(guild.id);
      if (!shut.delete(lock)) shut.add(lock);
      note(lock);
      const overwrite = shut.has(lock)
        ? { type: 0, allow: "0", deny: "0" }
        : { type: 0, allow: VIEW_CHANNEL, deny: "0" };
      const path = `/channels/${guild.channels.door}/permissions/${guild.roles.key}`;
      await rest.must(await keeper(), "PUT", path, overwrite);
    } else {
      const members = bots.filter((bot) => bot.guilds.includes(guild) && !guild.admins.has(bot.id));
      if (members.length > 0) {
        const { id } = pick(members, random);
        const has = guild.keyHolders.has(id) !== isOdd(ledger.changes.get(lockName(guild.id, id))?.length);
        note(lockName(guild.id, id));
        const path = `/guilds/${guild.id}/members/${id}/roles/${guild.roles.key}`;
        await rest.must(await keeper(), has ? "DELETE" : "PUT", path, undefined);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, LOCKSMITH_PAUSE_MS * (0.5 + random())));
  }
}

const isOdd = (count = 0) => count % 2 === 1;
