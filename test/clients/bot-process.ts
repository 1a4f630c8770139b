import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A bot running as a process of its own. */
export interface BotProcess {
  /** Resolves when the bot prints a line that holds `text`. */
  says(text: string): Promise<string>;
  /** Sends a signal; resolves when the bot has ended. */
  end(signal: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a bot; what it prints is kept for the error message of a failed wait. */
export function startBot(command: string, args: readonly string[], env: NodeJS.ProcessEnv, cwd?: string): BotProcess {
  const child: ChildProcess = spawn(command, [...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(cwd === undefined ? {} : { cwd }),
  });
  const lines: string[] = [];
  const waiting: ((line: string) => void)[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      for (const wait of waiting) wait(line);
    });
  }
  child.on("exit", (code) => {
    lines.push(`(exit ${code})`);
    for (const wait of waiting) wait(`(exit ${code})`);
  });
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await gone;
  };
  return {
    says: (text) =>
      new Promise((resolve, reject) => {
        const known = lines.find((line) => line.includes(text));
        if (known !== undefined) return resolve(known);
        const fail = () => reject(new Error(`the bot never said "${text}":\n${lines.join("\n")}`));
        const timer = setTimeout(fail, 45_000);
        waiting.push((line) => {
          if (line.includes(text)) {
            clearTimeout(timer);
            resolve(line);
          } else if (line.startsWith("(exit")) {
            clearTimeout(timer);
            fail();
          }
        });
      }),
    end,
    stop: () => end("SIGKILL"),
  };
}
