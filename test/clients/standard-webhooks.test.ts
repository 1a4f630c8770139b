import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  generateKeyPair,
  newSigningSecret,
  parseSigningSecret,
  signStandard,
  stamp,
} from "../../core/webhook-signing.ts";
import { startPlatform } from "../harness/platform.ts";
import { startReceiver } from "../webhooks/receiver.ts";
import { go, pythonWithStandardWebhooks } from "./toolchains.ts";

interface Given {
  secret: string;
  headers: Record<string, string>;
  body: string;
}

const dir = await mkdtemp(join(tmpdir(), "guildhall-standard-webhooks-"));
const goVerifier = join(dir, "verify");
const compiler = go();
const python = pythonWithStandardWebhooks();

beforeAll(() => {
  if (compiler === null) return;
  execFileSync(compiler, ["build", "-o", goVerifier, "."], { cwd: join(import.meta.dirname, "standard-webhooks-go") });
}, 300_000);

const platform = await startPlatform();
const sql = postgres(platform.stores.databaseUrl, { max: 1, onnotice: () => {} });
const receiver = await startReceiver();
afterAll(async () => {
  receiver.close();
  await sql.end();
  await rm(dir, { recursive: true, force: true });
});

/** Runs a program that answers a line for each line. */
function ask(program: string, args: readonly string[], given: readonly Given[]): boolean[] {
  const input = given.map((each) => `${JSON.stringify(each)}\n`).join("");
  return execFileSync(program, [...args], { input, encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line === "true");
}

const byJs = ({ secret, headers, body }: Given): boolean => {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
};

const script = join(import.meta.dirname, "verify_standard_webhooks.py");
const libraries: [name: string, verify: (given: Given[]) => boolean[]][] = [["JavaScript", (all) => all.map(byJs)]];
if (python !== null) libraries.push(["Python", (all) => ask(python, [script], all)]);
if (compiler !== null) libraries.push(["Go", (all) => ask(goVerifier, [], all)]);

/** Says something that nobody has said before, as deliveries may come again, and waits for the delivery of it. */
async function delivered(say: (content: string) => Promise<unknown>, content: string) {
  await say(content);
  const find = () => receiver.received.find(({ body }) => JSON.parse(body).event?.data.content === content);
  await expect.poll(find).toBeDefined();
  const { headers = {}, body = "" } = find() ?? {};
  return { headers, body };
}

const CONTENTS = ["plain", "žluťoučký kůň 🐎", 'quotes " and \\ and \u2028', "line\nline", "<&>"];

test.each(libraries)(
  "deliveries are verified by Standard Webhooks' unmodified library of %s, before, while and after a secret is replaced",
  async (name, verify) => {
    const owner = await platform.person();
    const guild = await platform.guild(owner);
    const base = `/guilds/${guild.id}/event-subscriptions`;
    const old = newSigningSecret();
    receiver.answer = ({ headers, body }, response) =>
      response.writeHead(body.includes('"type":0') && !byJs({ secret: old, headers, body }) ? 401 : 204).end();
    const { id } = await owner.post(base, { url: receiver.url, event_types: ["MESSAGE_CREATE"], secret: old });
    const say = (content: string) => owner.post(`/channels/${guild.channelId}/messages`, { content });

    for (const content of CONTENTS.map((content) => `${content}, for ${name}`)) {
      const { headers, body } = await delivered(say, content);
      const wrong = { ...headers, "webhook-id": `${headers["webhook-id"]}0` };
      const others = [
        { secret: newSigningSecret(), headers, body },
        { secret: old, headers: wrong, body },
      ];
      const altered = { secret: old, headers, body: body.replace('"type":1', '"type":2') };
      expect(verify([{ secret: old, headers, body }, ...others, altered])).toEqual([true, false, false, false]);
      receiver.received.length = 0;
    }

    const { secret: fresh } = await owner.post(`${base}/${id}/secret`);
    const both = await delivered(say, `signed twice, for ${name}`);
    expect(both.headers["webhook-signature"]?.split(" ")).toHaveLength(2);
    expect(verify([old, fresh, newSigningSecret()].map((secret) => ({ secret, ...both })))).toEqual([
      true,
      true,
      false,
    ]);

    await sql`update event_endpoints set previous_secret_until = now() where id = ${id}`;
    await expect
      .poll(async () => {
        const { headers } = await delivered(say, `signed once? ${Math.random()}`);
        return headers["webhook-signature"]?.split(" ").length;
      })
      .toBe(1);
    const one = await delivered(say, `signed once, for ${name}`);
    expect(verify([old, fresh].map((secret) => ({ secret, ...one })))).toEqual([false, true]);
    receiver.received.length = 0;
  },
);

test.each(libraries)(
  "the library of %s takes what is signed within five minutes, and refuses the second after, past or to come",
  (_name, verify) => {
    const secret = newSigningSecret();
    const keys = { seed: generateKeyPair().seed, secrets: [parseSigningSecret(secret) ?? Buffer.alloc(0)] };
    const now = Math.floor(Date.now() / 1000);
    // A minute's room on the near side, as the programs start after now.
    const shifts = [0, -240, 299, -301, 361];
    const given = shifts.map((shift) => ({
      secret,
      headers: signStandard(keys, "msg", stamp("{}", now + shift)),
      body: "{}",
    }));
    expect(verify(given)).toEqual([true, true, true, false, false]);
  },
);
