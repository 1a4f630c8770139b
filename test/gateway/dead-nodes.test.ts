import { Redis } from "ioredis";
import { afterAll, expect, test } from "vitest";
import { redisKeys } from "../../core/redis-keys.ts";
import { type GatewayProcess, startGatewayProcess } from "../harness/gateway-process.ts";
import { startPlatform } from "../harness/platform.ts";
import { Socket } from "../harness/socket.ts";

const ENV = { NODE_TIMEOUT_SECONDS: "4" };
const PRESENCES = 1 << 8;
const VOICE_STATES = 1 << 7;
const VOICE_CHANNEL = 2;
const SOON = { timeout: 50_000 };

const platform = await startPlatform({ gateways: 2, env: ENV });
const redis = new Redis(platform.stores.redisUrl);
afterAll(() => redis.disconnect());
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const voice = await owner.post(`/guilds/${guild.id}/channels`, { name: "Voice", type: VOICE_CHANNEL });
const bot = await platform.bot(owner, guild.id, "8");
// One to be lost for each test.
const gateways = await Promise.all([0, 1, 2, 3].map(() => startGatewayProcess(platform.stores, ENV)));
const watcher = await platform.socket(owner, { gateway: 1, intents: 1 | PRESENCES | VOICE_STATES });

const statuses = (userId: string) =>
  watcher.dispatches
    .filter(({ t, d }) => t === "PRESENCE_UPDATE" && d.user.id === userId)
    .map(({ d }) => [d.status, d.activities[0]?.name]);

const inVoice = (userId: string) =>
  watcher.dispatches
    .filter(({ t, d }) => t === "VOICE_STATE_UPDATE" && d.user_id === userId)
    .map((e) => e.d.channel_id);

function next(): GatewayProcess {
  const gateway = gateways.shift();
  if (gateway === undefined) throw new RangeError("more gateways are needed");
  return gateway;
}

const online = { presence: { status: "dnd", activities: [{ name: "Digging", type: 0 }] } };

test("who was on a node that is killed -9 is shown offline and leaves its voice channel, and comes back as it was", async () => {
  const gateway = next();
  const socket = await Socket.open(gateway.url);
  await socket.identify(bot.token ?? "", 1, online);
  socket.send(4, { guild_id: guild.id, channel_id: voice.id, self_mute: false, self_deaf: false });
  await expect.poll(() => inVoice(bot.id), SOON).toEqual([voice.id]);
  gateway.signal("SIGKILL");
  await expect.poll(() => statuses(bot.id).at(-1), SOON).toEqual(["offline", undefined]);
  await expect.poll(() => inVoice(bot.id), SOON).toEqual([voice.id, null]);
  // One of the others did it, once, and nothing of the dead node is left.
  await expect.poll(() => redis.zcard(redisKeys.deadNodes), SOON).toBe(0);
  expect(await redis.zcard(redisKeys.nodes)).toBe(platform.gateways.length + gateways.length);
  expect(statuses(bot.id)).toEqual([
    ["dnd", "Digging"],
    ["offline", undefined],
  ]);

  const again = await Socket.open(platform.gatewayUrl(0));
  expect((await again.resume(bot.token ?? "", socket.sessionId, socket.seq)).t).toBe("RESUMED");
  await expect.poll(() => statuses(bot.id).at(-1), SOON).toEqual(["dnd", "Digging"]);
  again.close(1000);
  await expect.poll(() => statuses(bot.id).at(-1), SOON).toEqual(["offline", undefined]);
});

test("who resumes elsewhere before the dead node is swept is never shown offline, and stays in its voice channel", async () => {
  const gateway = next();
  const [quick, slow] = [await platform.bot(owner, guild.id, "8"), await platform.bot(owner, guild.id, "8")];
  const [first, other] = [await Socket.open(gateway.url), await Socket.open(gateway.url)];
  await first.identify(quick.token ?? "", 1, online);
  await other.identify(slow.token ?? "", 1, online);
  first.send(4, { guild_id: guild.id, channel_id: voice.id, self_mute: false, self_deaf: false });
  await expect.poll(() => inVoice(quick.id), SOON).toEqual([voice.id]);
  gateway.signal("SIGKILL");
  const resumed = await Socket.open(platform.gatewayUrl(0));
  expect((await resumed.resume(quick.token ?? "", first.sessionId, first.seq)).t).toBe("RESUMED");
  await expect.poll(() => statuses(slow.id).at(-1), SOON).toEqual(["offline", undefined]);
  await expect.poll(() => redis.zcard(redisKeys.deadNodes), SOON).toBe(0);
  expect(statuses(quick.id)).toEqual([["dnd", "Digging"]]);
  expect(inVoice(quick.id)).toEqual([voice.id]);
  resumed.close(1000);
});

test("a node that was stopped, taken for dead and goes on shows its sessions again", async () => {
  const gateway = next();
  const stopped = await platform.bot(owner, guild.id);
  const socket = await Socket.open(gateway.url);
  await socket.identify(stopped.token ?? "", 1, online);
  await expect.poll(() => statuses(stopped.id), SOON).toEqual([["dnd", "Digging"]]);
  gateway.signal("SIGSTOP");
  await expect.poll(() => statuses(stopped.id).at(-1), SOON).toEqual(["offline", undefined]);
  gateway.signal("SIGCONT");
  await expect.poll(() => statuses(stopped.id).at(-1), SOON).toEqual(["dnd", "Digging"]);
  socket.send(3, { status: "idle", activities: [], since: null, afk: false });
  await expect.poll(() => statuses(stopped.id).at(-1), SOON).toEqual(["idle", undefined]);
  socket.close(1000);
  await expect.poll(() => statuses(stopped.id).at(-1), SOON).toEqual(["offline", undefined]);
});

test("when Redis was away nobody is taken for dead who has only been late, but who is dead is found", async () => {
  const gateway = next();
  const [late, dead] = [await platform.bot(owner, guild.id), await platform.bot(owner, guild.id)];
  const [there, gone] = [await Socket.open(platform.gatewayUrl(0)), await Socket.open(gateway.url)];
  await there.identify(late.token ?? "", 1, online);
  await gone.identify(dead.token ?? "", 1, online);
  await expect.poll(() => statuses(dead.id), SOON).toHaveLength(1);
  gateway.signal("SIGKILL");
  const ownBefore = statuses(owner.id).length;
  // Longer than a node may be silent.
  await redis.call("CLIENT", "PAUSE", "9000", "ALL");
  await expect.poll(() => statuses(dead.id).at(-1), SOON).toEqual(["offline", undefined]);
  await expect.poll(() => redis.zcard(redisKeys.deadNodes), SOON).toBe(0);
  expect(statuses(late.id)).toEqual([["dnd", "Digging"]]);
  // The watcher itself is on the other of the two.
  expect(statuses(owner.id)).toHaveLength(ownBefore);
  there.close(1000);
});
