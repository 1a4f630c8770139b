import fc from "fast-check";
import { expect, test } from "vitest";
import {
  DOCUMENTED,
  type ModelGuild,
  type ModelMember,
  type ModelOverwrite,
  modelInChannel,
} from "../core/permission-model.ts";
import type { Client, Json } from "../harness/client.ts";
import { startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";

/** Guilds of chance, with 500 steps in each: about 270 messages, 190 changes, 40 sockets that go or come back. */
const RUNS = Number(process.env.RUNS ?? 2);
/** A failure names its seed and path. */
const SEED =
  process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED), path: process.env.SEED_PATH ?? "" };

const GUILD_MESSAGES = 512;
const DIRECT_MESSAGES = 4096;
const CONTENT = 32_768;
const CHANNELS = 5;
const MEMBERS = 7;
const ROLES = 4;

const platform = await startPlatform({ gateways: 2 });
const owner = await platform.person("owner");
const everybody: Client[] = [];
for (let i = 0; i < MEMBERS; i++) everybody.push(await (i % 3 === 2 ? platform.bot(owner) : platform.person()));

const namesOf = (bits: string) =>
  new Set(DOCUMENTED.filter(([bit]) => (BigInt(bits) >> BigInt(bit)) & 1n).map(([, name]) => name));

/** A member and its client, whose sockets come and go, and who is kicked and comes back. */
interface Listener {
  client: Client;
  member: ModelMember;
  intents: number;
  socket: Socket;
  node: number;
  /** Its conversation with the owner. */
  dm: string;
  /** False while its socket is gone. */
  here: boolean;
  /** False while it is kicked. */
  isMember: boolean;
  /** Messages said while it was a member and away: due if it is one and may view the channel when it comes back. */
  missed: { id: string; channel: Channel }[];
  due: string[];
  got: string[];
}

interface Channel {
  id: string;
  overwrites: ModelOverwrite[];
}

/** A guild as REST made it, and the model's idea of it. */
class World {
  readonly id: string;
  readonly channels: Channel[] = [];
  readonly listeners: Listener[] = [];
  #roles: { id: string; position: number; permissions: ReadonlySet<string> }[] = [];

  private constructor(id: string) {
    this.id = id;
  }

  get model(): ModelGuild {
    return { id: this.id, owner: owner.id, roles: this.#roles };
  }

  static async make(intents: readonly boolean[]): Promise<World> {
    const guild = await platform.guild(owner);
    const world = new World(guild.id);
    for (let i = 0; i < CHANNELS; i++) {
      const channel = await owner.post(`/guilds/${guild.id}/channels`, { name: `channel-${i}` });
      world.channels.push({ id: channel.id, overwrites: [] });
    }
    for (let i = 0; i < ROLES; i++)
      await owner.post(`/guilds/${guild.id}/roles`, { name: `role ${i}`, permissions: "0" });
    const roles: Json[] = await owner.get(`/guilds/${guild.id}/roles`);
    world.#roles = roles.map(({ id, position, permissions }) => ({ id, position, permissions: namesOf(permissions) }));
    for (const [i, client] of everybody.entries()) {
      await world.#join(client);
      const { id: dm } = await owner.post("/users/@me/channels", { recipient_id: client.id });
      const asked = 1 | DIRECT_MESSAGES | (intents[i] === true ? GUILD_MESSAGES | CONTENT : 0);
      const node = i % 2;
      const socket = await platform.socket(client, { gateway: node, intents: asked });
      const member = { id: client.id, roles: [], timedOut: false };
      const now = { client, member, intents: asked, socket, node, dm, here: true, isMember: true };
      world.listeners.push({ ...now, missed: [], due: [], got: [] });
    }
    return world;
  }

  role(index: number) {
    const role = this.#roles[index % this.#roles.length];
    if (role === undefined) throw new RangeError("no such role");
    return role;
  }

  channel(index: number): Channel {
    const channel = this.channels[index % this.channels.length];
    if (channel === undefined) throw new RangeError("no such channel");
    return channel;
  }

  listener(index: number): Listener {
    const listener = this.listeners[index % this.listeners.length];
    if (listener === undefined) throw new RangeError("no such listener");
    return listener;
  }

  sees({ member, isMember }: Listener, { overwrites }: Channel): boolean {
    return isMember && modelInChannel(this.model, member, overwrites, "text").has("VIEW_CHANNEL");
  }

  async permit(index: number, bits: string): Promise<void> {
    const role = this.role(index);
    await owner.patch(`/guilds/${this.id}/roles/${role.id}`, { permissions: bits });
    this.#roles = this.#roles.map((each) => (each === role ? { ...each, permissions: namesOf(bits) } : each));
  }

  async giveOrTake(who: number, index: number): Promise<void> {
    const listener = this.listener(who);
    const { id } = this.role(index);
    if (id === this.id || !listener.isMember) return;
    const had = listener.member.roles.includes(id);
    const path = `/guilds/${this.id}/members/${listener.member.id}/roles/${id}`;
    await (had ? owner.delete(path) : owner.put(path));
    const roles = had ? listener.member.roles.filter((each) => each !== id) : [...listener.member.roles, id];
    listener.member = { ...listener.member, roles };
  }

  async overwrite(where: number, target: { kind: "role" | "member"; index: number }, effect: string): Promise<void> {
    const channel = this.channel(where);
    const { kind, index } = target;
    if (kind === "member" && !this.listener(index).isMember) return;
    const id = kind === "role" ? this.role(index).id : this.listener(index).member.id;
    const path = `/channels/${channel.id}/permissions/${id}`;
    const others = channel.overwrites.filter((each) => each.id !== id);
    if (effect === "gone") {
      if (others.length < channel.overwrites.length) await owner.delete(path);
      channel.overwrites = others;
      return;
    }
    const view = new Set(["VIEW_CHANNEL"]);
    const none = new Set<string>();
    const [allow, deny] = effect === "allow" ? [view, none] : effect === "deny" ? [none, view] : [none, none];
    const bits = (names: ReadonlySet<string>) => (names.size > 0 ? "1024" : "0");
    await owner.put(path, { type: kind === "role" ? 0 : 1, allow: bits(allow), deny: bits(deny) });
    channel.overwrites = [...others, { kind, id, allow, deny }];
  }

  async say(where: number): Promise<void> {
    const channel = this.channel(where);
    const { id } = await owner.post(`/channels/${channel.id}/messages`, { content: "hello" });
    for (const listener of this.listeners) {
      if ((listener.intents & GUILD_MESSAGES) === 0) continue;
      if (!listener.here && listener.isMember) listener.missed.push({ id, channel });
      else if (this.sees(listener, channel)) listener.due.push(id);
    }
  }

  /** A kick takes its roles, and leaves its overwrites. */
  async kickOrJoin(who: number): Promise<void> {
    const listener = this.listener(who);
    if (listener.isMember) {
      await owner.delete(`/guilds/${this.id}/members/${listener.member.id}`);
      listener.member = { ...listener.member, roles: [] };
      listener.isMember = false;
      return;
    }
    await this.#join(listener.client);
    listener.isMember = true;
    // Until it has the guild, what is said is judged by what it may see then.
    if (listener.here) await this.#upToDate(listener);
  }

  async #join(client: Client): Promise<void> {
    if (client.token?.startsWith("Bot ") === true) {
      await owner.post(`/oauth2/authorize?client_id=${client.id}&scope=bot`, { guild_id: this.id, authorize: true });
    } else await platform.join(owner, { channelId: this.channel(0).id }, client);
  }

  /** Its socket is cut; the next time, it comes back, to the other node. */
  async leaveOrReturn(who: number): Promise<void> {
    const listener = this.listener(who);
    const { client, socket } = listener;
    if (listener.here) {
      // What was on its way to it is missed or not; so that the model knows, it gets all before.
      await this.#upToDate(listener);
      socket.cut();
      listener.got.push(...heard(socket));
      listener.here = false;
      return;
    }
    listener.node = 1 - listener.node;
    listener.socket = await Socket.open(platform.gatewayUrl(listener.node));
    const answer = await listener.socket.resume(client.token ?? "", socket.sessionId, socket.seq);
    expect(answer.t).toBe("RESUMED");
    listener.here = true;
    for (const { id, channel } of listener.missed) if (this.sees(listener, channel)) listener.due.push(id);
    listener.missed = [];
  }

  /** Everybody is back and has got all; compares it with what was due. */
  async check(): Promise<void> {
    for (const [i, listener] of this.listeners.entries()) if (!listener.here) await this.leaveOrReturn(i);
    for (const listener of this.listeners) {
      await this.#upToDate(listener);
      const got = [...listener.got, ...heard(listener.socket)];
      listener.socket.close();
      expect(got).toEqual(listener.due);
    }
  }

  async #upToDate({ socket, dm }: Listener): Promise<void> {
    const { id } = await owner.post(`/channels/${dm}/messages`, { content: "mark" });
    await socket.event("MESSAGE_CREATE", (d) => d.id === id);
  }
}

const heard = (socket: Socket): string[] =>
  socket.dispatches.filter(({ t, d }) => t === "MESSAGE_CREATE" && d.content === "hello").map(({ d }) => String(d.id));

const any = fc.nat({ max: 999 });
const step = fc.oneof(
  { weight: 14, arbitrary: fc.record({ do: fc.constant("say" as const), where: any }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("permit" as const),
      role: any,
      // VIEW_CHANNEL, SEND_MESSAGES, both, none, ADMINISTRATOR.
      bits: fc.constantFrom("1024", "2048", "3072", "0", "8"),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("give or take" as const), who: any, role: any }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("overwrite" as const),
      where: any,
      target: fc.record({ kind: fc.constantFrom("role" as const, "member" as const), index: any }),
      effect: fc.constantFrom("allow", "deny", "neither", "gone"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("leave or return" as const), who: any }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("kick or join" as const), who: any }) },
);

test(
  "every session gets exactly the messages that the model of permissions lets it see, in order",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.boolean(), { minLength: MEMBERS, maxLength: MEMBERS }),
        fc.array(step, { minLength: 500, maxLength: 500 }),
        async (intents, steps) => {
          const world = await World.make(intents);
          for (const each of steps) {
            if (each.do === "say") await world.say(each.where);
            else if (each.do === "permit") await world.permit(each.role, each.bits);
            else if (each.do === "give or take") await world.giveOrTake(each.who, each.role);
            else if (each.do === "overwrite") await world.overwrite(each.where, each.target, each.effect);
            else if (each.do === "leave or return") await world.leaveOrReturn(each.who);
            else await world.kickOrJoin(each.who);
          }
          await world.check();
        },
      ),
      // Running hundreds of smaller worlds to shrink it would take too long.
      { numRuns: RUNS, ...SEED, endOnFailure: true },
    );
  },
  240_000 + RUNS * 60_000,
);
