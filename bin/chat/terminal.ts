import { stdin, stdout } from "node:process";
import { createInterface, type Interface } from "node:readline";

/** Lines in and out; what comes in meanwhile is shown above the line that is being typed. */
export interface Terminal {
  print(text: string): void;
  prompt(text: string): void;
  /** One answer; `hidden` for a password. */
  ask(question: string, hidden?: boolean): Promise<string>;
  onLine(listener: (line: string) => void): void;
  /** Input that is piped in rather than typed waits until here, and so does its end. */
  listen(): void;
  onClose(listener: () => void): void;
  close(): void;
}

export function openTerminal(): Terminal {
  const lines: Interface = createInterface({ input: stdin, output: stdout, terminal: stdout.isTTY === true });
  const isScreen = stdout.isTTY === true;
  // Read before anybody listens, lines and the end of input would be lost.
  const isPiped = stdin.isTTY !== true;
  const wait = () => {
    if (isPiped) lines.pause();
  };
  let typing = false;
  wait();
  return {
    print: (text) => {
      if (!isScreen || !typing) return void stdout.write(`${text}\n`);
      stdout.write(`\r\u001b[2K${text}\n`);
      lines.prompt(true);
    },
    prompt: (text) => {
      if (!isScreen) return;
      typing = true;
      lines.setPrompt(text);
      lines.prompt(true);
    },
    ask: (question, hidden = false) =>
      new Promise((resolve) => {
        lines.question(question, (answer) => {
          wait();
          unmute();
          resolve(answer);
        });
        const unmute = hidden && isScreen ? mute() : () => {};
      }),
    onLine: (listener) =>
      void lines.on("line", (line) => {
        // What was said comes back from the gateway like everybody's words: the typed line makes place for it.
        if (isScreen) {
          const rows = Math.ceil((lines.getPrompt().length + line.length + 1) / (stdout.columns || 80));
          stdout.write(`\u001b[${rows}A\u001b[J`);
        }
        listener(line);
      }),
    listen: () => {
      if (isPiped) lines.resume();
    },
    onClose: (listener) => void lines.once("close", listener),
    close: () => lines.close(),
  };
}

/** Readline has no hidden input: what it echoes is held back until the line is complete. */
function mute(): () => void {
  const { write } = stdout;
  stdout.write = () => true;
  return () => {
    stdout.write = write;
    stdout.write("\n");
  };
}

/** Text of other people, without the control characters that could move the cursor or write over what is shown. */
export function harmless(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) =>
    character === "\n" ? "\n    " : character === "\t" ? " " : "\u{fffd}",
  );
}
