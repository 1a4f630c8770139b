import { connect, createServer, type Socket } from "node:net";

/** A TCP proxy that passes each connection to one of several ports by turns, and can harm what it passes. */
export interface Relay {
  port: number;
  connections(): number;
  /** Connections stay open, nothing passes towards the client any more, or either way; new ones are served. */
  mute(how?: "answers" | "all"): void;
  /** From here on what passes arrives so many milliseconds later. */
  slow(ms: number): void;
  /** Ends this share of the connections, of those to a port if one is given. @returns how many */
  cut(how?: Cut, share?: number, target?: number): number;
  close(): void;
}

/** `end`: without a word. `reset`: with a TCP reset. `mid-frame`: after half of the next piece of data. */
export type Cut = "end" | "reset" | "mid-frame";

interface Pair {
  client: Socket;
  target: Socket;
  port: number;
  muted: "answers" | "all" | null;
  /** The next piece of data is the last, and only half of it passes. */
  cutNext: boolean;
}

const RETRY_MS = 100;
const GIVE_UP_MS = 20_000;

/** @param random numbers from 0 to 1, which choose what `cut` ends */
export async function openRelay(ports: () => readonly number[], random = Math.random): Promise<Relay> {
  const pairs = new Set<Pair>();
  let turn = 0;
  let delayMs = 0;
  const later = (work: () => void) => (delayMs === 0 ? work() : setTimeout(work, delayMs));
  const server = createServer({ pauseOnConnect: true }, (client) => {
    client.on("error", () => {});
    const giveUpAt = Date.now() + GIVE_UP_MS;
    const tryNext = () => {
      const all = ports();
      const port = all[turn++ % all.length];
      if (client.destroyed) return;
      if (port === undefined || Date.now() > giveUpAt) return void client.destroy();
      const target = connect(port, "127.0.0.1");
      const retry = () => setTimeout(tryNext, turn % all.length === 0 ? RETRY_MS : 0);
      target.once("error", retry).once("connect", () => {
        target.off("error", retry);
        const pair = { client, target, port, muted: null, cutNext: false };
        pairs.add(pair);
        join(pair, later, () => pairs.delete(pair));
      });
    };
    tryNext();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the relay has no port");
  return {
    port: address.port,
    connections: () => pairs.size,
    mute: (how = "answers") => {
      for (const pair of pairs) pair.muted = how;
    },
    slow: (ms) => {
      delayMs = ms;
    },
    cut: (how = "end", share = 1, target) => {
      const chosen = [...pairs].filter((pair) => (target === undefined || pair.port === target) && random() < share);
      for (const pair of chosen) harm(pair, how);
      return chosen.length;
    },
    close: () => {
      server.close();
      for (const pair of pairs) harm(pair, "end");
    },
  };
}

/** Passes bytes both ways, no faster than the slower side reads: a slow client must look slow to the server. */
function join(pair: Pair, later: (work: () => void) => void, forget: () => void): void {
  const { client, target } = pair;
  client.on("data", (chunk) => {
    if (pair.muted === "all") return;
    later(() => {
      if (!target.write(chunk)) client.pause();
    });
  });
  target.on("drain", () => client.resume());
  target.on("data", (chunk) => {
    if (pair.muted !== null) return;
    if (pair.cutNext) {
      client.end(chunk.subarray(0, Math.ceil(chunk.length / 2)));
      target.destroy();
      return;
    }
    later(() => {
      if (!client.write(chunk)) target.pause();
    });
  });
  client.on("drain", () => target.resume());
  // What the server has said still arrives, its close code too.
  target.on("end", () => client.end());
  target.on("error", () => client.destroy());
  target.on("close", () => {
    forget();
    if (!client.writableEnded) client.end();
  });
  client.on("close", () => {
    forget();
    target.destroy();
  });
  client.resume();
}

function harm(pair: Pair, how: Cut): void {
  if (how === "mid-frame") {
    pair.cutNext = true;
    return;
  }
  if (how === "reset") pair.client.resetAndDestroy();
  else pair.client.destroy();
  pair.target.destroy();
}
