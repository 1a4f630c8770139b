import { z } from "zod";

/** What a process of the bench can be asked, by name; `body` is JSON, and so is what it answers. */
type Handler = (body: unknown) => unknown;

const request = z.object({ id: z.number(), name: z.string(), body: z.unknown() });
const handlers = new Map<string, Handler>();
/** Questions that came before the program was loaded, by name. */
const early = new Map<string, (() => void)[]>();

/** Lets the bench ask this process something. It ends when the bench does. */
export function answer(name: string, handler: Handler): void {
  if (handlers.size === 0) listen();
  handlers.set(name, handler);
  for (const resume of early.get(name) ?? []) resume();
}

function listen(): void {
  process.on("disconnect", () => process.exit(0));
  process.on("message", async (message) => {
    const { id, name, body } = request.parse(message);
    try {
      if (!handlers.has(name))
        await new Promise<void>((resume) => early.set(name, [...(early.get(name) ?? []), resume]));
      process.send?.({ id, result: (await handlers.get(name)?.(body)) ?? null });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
}
