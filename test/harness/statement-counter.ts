import { connect, createServer } from "node:net";
import { afterAll } from "vitest";

/** A way to a database that counts the Sync messages of its clients: each ends a statement. */
export async function countStatements(databaseUrl: string): Promise<{ url: string; statements(): number }> {
  const url = new URL(databaseUrl);
  const target = Number(url.port);
  let count = 0;
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    let unread: Buffer = Buffer.alloc(0);
    // The first message has no type.
    let header = 0;
    client.on("data", (chunk) => {
      upstream.write(chunk);
      unread = Buffer.concat([unread, chunk]);
      while (unread.length >= header + 4) {
        const end = header + unread.readInt32BE(header);
        if (unread.length < end) break;
        if (header === 1 && unread[0] === "S".charCodeAt(0)) count += 1;
        unread = unread.subarray(end);
        header = 1;
      }
    });
    upstream.on("data", (chunk) => client.write(chunk));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on("close", () => other.destroy());
      one.on("error", () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterAll(() => server.close());
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the counter has no port");
  url.port = String(address.port);
  return { url: url.href, statements: () => count };
}
