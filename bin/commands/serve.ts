/** One server of ours, running in this process. */
export interface Server {
  port: number;
  stop(): Promise<void>;
}

/**
 * Runs until a signal, then ends in good order. A process that `guildhall start` made also ends when that one is gone.
 */
export async function serveUntilStopped(server: Server): Promise<void> {
  await stopRequested();
  await server.stop();
  process.exit(0);
}

const REPEAT_MS = 1000;

/**
 * Resolves at the first SIGINT or SIGTERM. Whoever is in a hurry sends it again: the process then ends at once. Not
 * within the first second, as npm passes on the Ctrl-C that the terminal has sent to everybody already.
 */
export function stopRequested(): Promise<void> {
  return new Promise((resolve) => {
    let first: number | undefined;
    const onSignal = () => {
      if (first !== undefined && Date.now() - first > REPEAT_MS) process.exit(1);
      first ??= Date.now();
      resolve();
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
    process.once("disconnect", resolve);
  });
}
