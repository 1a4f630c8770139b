import { connect, createServer, type Socket } from "node:net";
import { afterAll } from "vitest";

/** A TCP proxy between two processes of a test, that can go mute or cut what passes. */
export interface TcpProxy {
  port: number;
  /** Connections stay open, nothing passes towards the client any more; new ones are served. */
  mute(): void;
  /** Closes every connection without a word. */
  cut(): void;
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<{ client: Socket; target: Socket; muted: boolean }>();
  const server = createServer((client) => {
    const target = connect(targetPort, "127.0.0.1");
    const pair = { client, target, muted: false };
    pairs.add(pair);
    client.pipe(target);
    target.on("data", (chunk) => {
      if (!pair.muted) client.write(chunk);
    });
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      target.destroy();
    };
    for (const socket of [client, target]) socket.on("close", end).on("error", end);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = () => {
    for (const { client, target } of pairs) {
      client.destroy();
      target.destroy();
    }
  };
  afterAll(() => {
    cut();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return {
    port: address.port,
    mute: () => {
      for (const pair of pairs) pair.muted = true;
    },
    cut,
  };
}
