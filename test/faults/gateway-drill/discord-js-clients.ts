/**
 * Several discord.js clients in a process of their own, as bots have them. What each gets over the gateway is reported
 * to the parent. Takes its task from the environment, as JSON.
 */
import { Client, Events } from "discord.js";
import { type LibraryReport, libraryTask } from "./library-readers.ts";
import { essence } from "./record.ts";

const { api, clients } = libraryTask.parse(JSON.parse(process.env.DRILL_TASK ?? ""));
// The parent is gone, however it ended.
process.once("disconnect", () => process.exit());
const report = (message: LibraryReport) => process.send?.(message);

for (const [client, { token, intents, shard }] of clients.entries()) {
  const bot = new Client({
    intents,
    rest: { api: `${api}/api` },
    shards: [shard[0]],
    shardCount: shard[1],
    // Nothing of what comes is kept: the parent looks at all of it.
    sweepers: { messages: { interval: 10, lifetime: 1 } },
  });
  bot.on(Events.Raw, ({ t, s, d }) => {
    report({ client, kind: "dispatch", at: Date.now(), t, s, d: essence(t, d) });
  });
  bot.on(Events.ShardReconnecting, () => report({ client, kind: "reconnecting", at: Date.now() }));
  bot.on(Events.Debug, (text) => {
    if (text.includes("Invalid session; will attempt to resume: false")) {
      report({ client, kind: "invalid", at: Date.now() });
    }
  });
  // A client that throws what it meets on its connection would end them all.
  bot.on(Events.Error, () => {});
  bot.on(Events.ShardError, () => {});
  report({ client, kind: "reconnecting", at: Date.now() });
  void bot.login(token);
}
