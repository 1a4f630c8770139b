import { createServer, request } from "node:http";
import { afterAll } from "vitest";
import { type Operation, operations } from "../../src/openapi/operations.ts";
import { listen } from "../webhooks/receiver.ts";

/** Stands before an API and notes which of Discord's operations went well. */
export interface RequestLog {
  /** Where clients find the API. */
  url: string;
  done: ReadonlySet<string>;
}

/** @param target `http://HOST:PORT` of an API */
export async function openRequestLog(target: string): Promise<RequestLog> {
  const done = new Set<string>();
  const server = createServer((from, to) => {
    const { method = "", url = "", headers } = from;
    const onward = request(target + url, { method, headers }, (answer) => {
      const operation = operationOf(method, url);
      if ((answer.statusCode ?? 500) < 300 && operation !== undefined) done.add(operation.operation);
      to.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(to);
    });
    onward.on("error", () => to.destroy());
    from.pipe(onward);
  });
  const url = `http://127.0.0.1:${await listen(server, "127.0.0.1")}`;
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url, done };
}

const parameters = ({ path }: Operation): number => path.split("{").length;
/** Literal segments before parameters. */
const inOrder = [...operations].sort((a, b) => parameters(a) - parameters(b));

function operationOf(method: string, url: string): Operation | undefined {
  const path = decodeURI(url)
    .replace(/\?.*/, "")
    .replace(/^\/api(\/v\d+)?/, "")
    .replaceAll(/%40(?=me|original)/g, "@");
  return inOrder.find(
    (each) => each.method === method && new RegExp(`^${each.path.replace(/\{\w+\}/g, "[^/]+")}$`).test(path),
  );
}
