import type { Json } from "../../harness/client.ts";
import { pick, shuffled } from "./random.ts";
import type { Rest } from "./rest.ts";

/** One guild of the drill: what is in it, and who is who. */
export interface DrillGuild {
  id: string;
  /** Without the role `insider` nothing can be seen but what an overwrite shows. */
  closed: boolean;
  channels: {
    /** No overwrite touches it. */
    general: string;
    /** For `insider` alone. */
    private: string;
    /** For the bots in `staff` alone, by overwrites of their own. */
    staff: string;
    /** For the role `key`, while an overwrite says so: both change during the drill. */
    door: string;
  };
  roles: { insider: string; key: string; banner: string };
  admins: Set<string>;
  insiders: Set<string>;
  staff: Set<string>;
  /** Who has the role `key` at the start. */
  keyHolders: Set<string>;
}

export interface DrillBot {
  id: string;
  token: string;
  guilds: DrillGuild[];
}

export interface World {
  guilds: DrillGuild[];
  bots: DrillBot[];
  /** A bot alone in the last guild: it is flooded, and nobody else has to read that. */
  flooded: DrillBot;
  /** The bot that writes, an administrator everywhere. */
  scribe: DrillBot;
  /** A token of the person who owns the guilds, renewed before it expires. */
  keeper(): Promise<string>;
}

const VIEW_CHANNEL = 1n << 10n;
const ADMINISTRATOR = "8";
const AT_ONCE = 8;
/** A person's token lives for 15 minutes. */
const RENEW_MS = 5 * 60_000;

export async function makeWorld(
  rest: Rest,
  counts: { guilds: number; bots: number },
  random: () => number,
): Promise<World> {
  const account = { username: "keeper", email: "keeper@example.com", password: "correct horse battery" };
  const { token } = await rest.must(null, "POST", "/auth/register", account);
  const guilds = await inTurns(counts.guilds, (i) => makeGuild(rest, token, i));
  const well = await makeGuild(rest, token, 0);
  const flooded = await makeBot(rest, token, "Flooded");
  await enter(rest, token, flooded, well, false);
  const scribe = await makeBot(rest, token, "Scribe");
  for (const guild of [...guilds, well]) await enter(rest, token, scribe, guild, true);
  const bots = await inTurns(counts.bots, (i) => makeBot(rest, token, `Reader ${i}`));
  await inTurns(counts.bots, async (i) => {
    const bot = bots[i];
    if (bot === undefined) return;
    const count = Math.max(1, Math.round(counts.guilds / 4));
    for (const guild of shuffled(guilds, random).slice(0, count)) await settle(rest, token, bot, guild, random);
  });
  let renewed = { at: Date.now(), token };
  const keeper = async () => {
    if (Date.now() - renewed.at > RENEW_MS) {
      const answer = await rest.must(null, "POST", "/auth/login", { login: account.email, password: account.password });
      renewed = { at: Date.now(), token: answer.token };
    }
    return renewed.token;
  };
  return { guilds: [...guilds, well], bots: [...bots, flooded], flooded, scribe, keeper };
}

async function makeGuild(rest: Rest, token: string, i: number): Promise<DrillGuild> {
  const guild = await rest.must(token, "POST", "/guilds", { name: `Drill ${i}` });
  const closed = i % 5 === 4;
  if (closed) {
    const everyone = guild.roles.find(({ id }: Json) => id === guild.id);
    const permissions = String(BigInt(everyone.permissions) & ~VIEW_CHANNEL);
    await rest.must(token, "PATCH", `/guilds/${guild.id}/roles/${guild.id}`, { permissions });
  }
  const role = async (name: string, permissions: bigint): Promise<string> =>
    (await rest.must(token, "POST", `/guilds/${guild.id}/roles`, { name, permissions: String(permissions) })).id;
  const roles = {
    insider: await role("insider", VIEW_CHANNEL),
    key: await role("key", 0n),
    banner: await role("banner 0", 0n),
  };
  const view = String(VIEW_CHANNEL);
  const hidden = { id: guild.id, type: 0, allow: "0", deny: view };
  const channel = async (name: string, permission_overwrites: object[]): Promise<string> =>
    (await rest.must(token, "POST", `/guilds/${guild.id}/channels`, { name, permission_overwrites })).id;
  const channels = {
    general: guild.system_channel_id,
    private: await channel("private", [hidden, { id: roles.insider, type: 0, allow: view, deny: "0" }]),
    staff: await channel("staff", [hidden]),
    door: await channel("door", [hidden, { id: roles.key, type: 0, allow: view, deny: "0" }]),
  };
  const nobody = () => new Set<string>();
  return {
    id: guild.id,
    closed,
    channels,
    roles,
    admins: nobody(),
    insiders: nobody(),
    staff: nobody(),
    keyHolders: nobody(),
  };
}

async function makeBot(rest: Rest, owner: string, name: string): Promise<DrillBot> {
  const application = await rest.must(owner, "POST", "/applications", { name });
  const { token } = await rest.must(owner, "POST", `/applications/${application.id}/bot`, {});
  return { id: application.id, token, guilds: [] };
}

async function enter(rest: Rest, owner: string, bot: DrillBot, guild: DrillGuild, admin: boolean): Promise<void> {
  const permissions = admin ? ADMINISTRATOR : "0";
  const body = { guild_id: guild.id, authorize: true };
  await rest.must(owner, "POST", `/oauth2/authorize?client_id=${bot.id}&scope=bot&permissions=${permissions}`, body);
  if (admin) guild.admins.add(bot.id);
  bot.guilds.push(guild);
}

/** Makes a bot a member, as one of several kinds. */
async function settle(rest: Rest, owner: string, bot: DrillBot, guild: DrillGuild, random: () => number) {
  const kind = pick(["admin", "insider", "insider", "staff", "key", "key", "plain", "plain"], random);
  await enter(rest, owner, bot, guild, kind === "admin");
  const give = (role: string) =>
    rest.must(owner, "PUT", `/guilds/${guild.id}/members/${bot.id}/roles/${role}`, undefined);
  if (kind === "insider") {
    await give(guild.roles.insider);
    guild.insiders.add(bot.id);
  } else if (kind === "key") {
    await give(guild.roles.key);
    guild.keyHolders.add(bot.id);
  } else if (kind === "staff") {
    const overwrite = { type: 1, allow: String(VIEW_CHANNEL), deny: "0" };
    await rest.must(owner, "PUT", `/channels/${guild.channels.staff}/permissions/${bot.id}`, overwrite);
    guild.staff.add(bot.id);
  }
}

/**
 * Whether a bot may view a channel that never changes. Written from the documentation, not from the code under test:
 * https://discord.com/developers/docs/topics/permissions#permission-overwrites
 */
export function viewsFixed(guild: DrillGuild, bot: string, channelId: string): boolean {
  if (guild.admins.has(bot)) return true;
  if (channelId === guild.channels.general) return !guild.closed || guild.insiders.has(bot);
  if (channelId === guild.channels.private) return guild.insiders.has(bot);
  if (channelId === guild.channels.staff) return guild.staff.has(bot);
  throw new RangeError(`channel ${channelId} changes, or is none of the drill's`);
}

/** Runs `work` for 0, 1, … `count` - 1, a few at a time. @returns what each gave, in order */
async function inTurns<T>(count: number, work: (i: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let at = 0; at < count; at += AT_ONCE) {
    const group = Array.from({ length: Math.min(AT_ONCE, count - at) }, (_, i) => work(at + i));
    results.push(...(await Promise.all(group)));
  }
  return results;
}
