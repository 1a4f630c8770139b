import { MessageType } from "discord-api-types/v10";
import { z } from "zod";
import type { Config } from "../../core/config.ts";
import { type Account, logIn } from "../chat/account.ts";
import { goLive, type Live, type LiveEvents, Message } from "../chat/live.ts";
import { type Place, Places } from "../chat/places.ts";
import { harmless, openTerminal, type Terminal } from "../chat/terminal.ts";
import { readDemoData } from "../demo-data.ts";
import { type RestClient, RestError, restClient } from "../rest-client.ts";
import { StartupError } from "../services/startup-error.ts";

const HELP = "/channels lists guilds and channels, /join 2 or /join NAME goes to one, /quit leaves; all else is said.";
const GatewayAddress = z.object({ url: z.string() });

/**
 * `guildhall chat [login]`: a terminal client for a person, over the public REST API and gateway of PUBLIC_URL alone.
 * Without a login it is the demo person, if there is one. The password is asked for, or taken from GUILDHALL_PASSWORD.
 */
export async function chat(config: Config, [login]: string[]): Promise<void> {
  const rest = restClient(config.publicUrl, config.tlsCert);
  const terminal = openTerminal();
  const account = await enter(config, rest, terminal, login);
  const { url } = GatewayAddress.parse(await account.call("GET", "/gateway"));
  await talk(terminal, account, (events) => goLive({ url, tlsCert: config.tlsCert, token: account.token, events }));
  process.exit(0);
}

async function enter(
  config: Config,
  rest: RestClient,
  terminal: Terminal,
  given: string | undefined,
): Promise<Account> {
  const demo = given === undefined ? (await readDemoData(config.dataDir)).person : undefined;
  const login = given ?? demo?.email ?? (await terminal.ask("Email or username: "));
  const password = demo?.password ?? process.env.GUILDHALL_PASSWORD ?? (await terminal.ask("Password: ", true));
  try {
    return await logIn(rest, login, password);
  } catch (error) {
    if (error instanceof RestError && error.status === 400) throw new StartupError("Login or password is wrong.");
    if (error instanceof RestError) throw new StartupError(error.message);
    throw new StartupError(`No API answers at ${config.publicUrl}; is Guildhall running, and PUBLIC_URL right?`);
  }
}

/** What the author of a message did that the platform tells of, by the message's type. */
const HAPPENINGS: Readonly<Record<number, string>> = {
  [MessageType.ChannelPinnedMessage]: " pinned a message",
  [MessageType.UserJoin]: " joined",
  [MessageType.ChannelFollowAdd]: " followed an announcement channel",
  [MessageType.ThreadCreated]: " started a thread",
};

/** Shows what is said and says what is typed, until the person leaves. */
function talk(terminal: Terminal, account: Account, connect: (events: LiveEvents) => Live) {
  const places = new Places();
  let here: Place | undefined;

  const show = (message: z.infer<typeof Message>) => {
    const name = harmless(message.author.global_name ?? message.author.username);
    const time = new Date(message.timestamp).toTimeString().slice(0, 5);
    const place = message.channel_id === here?.id ? "" : `#${harmless(places.find(message.channel_id)?.name ?? "?")} `;
    const who = `${name}${message.author.bot ? " (bot)" : ""}`;
    const happened = HAPPENINGS[message.type];
    terminal.print(`${time} ${place}${who}${happened ?? `: ${harmless(message.content)}`}`);
  };
  const list = () => {
    for (const [i, place] of places.list().entries()) {
      const mark = place.id === here?.id ? "*" : " ";
      terminal.print(`${mark} ${i + 1}  ${harmless(place.guildName)}  #${harmless(place.name)}`);
    }
  };
  const join = async (place: Place) => {
    here = place;
    const history = z.array(Message).parse(await account.call("GET", `/channels/${place.id}/messages?limit=20`));
    terminal.print(`— ${harmless(place.guildName)}  #${harmless(place.name)} —`);
    for (const message of history.reverse()) show(message);
    terminal.prompt(`#${harmless(place.name)}> `);
  };
  const onLine = async (line: string): Promise<void> => {
    const [command, ...rest] = line.trim().split(/\s+/);
    if (command === "/quit") return terminal.close();
    if (command === "/channels") list();
    else if (command === "/join") {
      const place = places.choose(rest.join(" "));
      if (place === undefined) terminal.print("There is no such channel; /channels lists them.");
      else await join(place);
    } else if (command?.startsWith("/")) terminal.print(HELP);
    else if (here === undefined) terminal.print("There is no channel to talk in yet.");
    else if (line.trim() !== "") await account.call("POST", `/channels/${here.id}/messages`, { content: line });
  };
  const failed = (error: unknown) => terminal.print(error instanceof Error ? error.message : String(error));

  const live = connect({
    guild: (guild) => places.putGuild(guild),
    guildGone: (id) => places.removeGuild(id),
    channel: (guildId, channel) => places.putChannel(guildId, channel),
    channelGone: (guildId, id) => places.removeChannel(guildId, id),
    message: show,
    trouble: (text) => terminal.print(text),
    ready: () => {
      list();
      terminal.print(HELP);
      const [first] = places.list();
      if (first === undefined) terminal.print("You are in no guild yet.");
      const joined = first === undefined ? Promise.resolve() : join(first).catch(failed);
      void joined.then(() => terminal.listen());
    },
  });
  return new Promise<void>((resolve) => {
    // One line after the other, and the last before leaving: what was said must have arrived.
    let handled = Promise.resolve();
    terminal.onLine((line) => {
      handled = handled
        .then(() => onLine(line))
        .catch(failed)
        .finally(() => terminal.prompt(`#${harmless(here?.name ?? "")}> `));
    });
    terminal.onClose(() => {
      void handled.then(() => {
        live.close();
        resolve();
      });
    });
  });
}
