import { afterAll } from "vitest";
import { openRelay, type Relay } from "./relay.ts";

/** A TCP proxy between two processes of a test, closed when the test file ends. */
export async function startTcpProxy(targetPort: number): Promise<Relay> {
  const relay = await openRelay(() => [targetPort]);
  afterAll(() => relay.close());
  return relay;
}
