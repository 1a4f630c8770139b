import { createServer } from "node:net";

/** A TCP port that nothing listens on at the moment: `wanted` if that is free, else one the system picks. */
export async function freePort(wanted = 0, host = "127.0.0.1"): Promise<number> {
  const port = await tryListen(wanted, host);
  if (port !== undefined) return port;
  const other = await tryListen(0, host);
  if (other === undefined) throw new Error(`No free port on ${host}.`);
  return other;
}

export async function isPortFree(port: number, host?: string): Promise<boolean> {
  return (await tryListen(port, host)) !== undefined;
}

function tryListen(port: number, host: string | undefined): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? address?.port : undefined));
    });
  });
}
