// A mix as on a platform in use: people chat and read, bots answer over the gateway, webhooks post, sockets listen.
// Runs against any platform that lifts its rate limits: k6 run -e BASE_URL=http://localhost:3000 loadtest/k6/mix.js
// Sizes: PEOPLE, BOTS, LISTENERS, WEBHOOK_RATE (posts a second), SECONDS.
import { check, sleep } from "k6";
import http from "k6/http";
import { Counter, Rate, Trend } from "k6/metrics";
import { WebSocket } from "k6/websockets";

const env = (name, otherwise) => Number(__ENV[name] ?? otherwise);
const API = `${__ENV.BASE_URL ?? "http://localhost:3000"}/api/v10`;
const PEOPLE = env("PEOPLE", 40);
const BOTS = env("BOTS", 8);
const LISTENERS = env("LISTENERS", 100);
const WEBHOOK_RATE = env("WEBHOOK_RATE", 20);
const SECONDS = env("SECONDS", 60);
const GUILDS = 8;
/** Accounts are few, whatever the number of sockets: making one costs a password hash. */
const ACCOUNTS = 24;

const eventsReceived = new Counter("gateway_events");
const gatewayCloses = new Counter("gateway_closes");
const outOfOrder = new Counter("gateway_out_of_order");
const answered = new Rate("bot_answered");
const answerTime = new Trend("bot_answer_time", true);

const during = { startTime: "0s", gracefulStop: "15s" };
export const options = {
  setupTimeout: "120s",
  discardResponseBodies: false,
  scenarios: {
    people: { ...during, executor: "constant-vus", exec: "person", vus: PEOPLE, duration: `${SECONDS}s` },
    bots: { ...during, executor: "per-vu-iterations", exec: "bot", vus: BOTS, iterations: 1 },
    listeners: { ...during, executor: "per-vu-iterations", exec: "listener", vus: LISTENERS, iterations: 1 },
    webhooks: {
      ...during,
      executor: "constant-arrival-rate",
      exec: "webhook",
      rate: WEBHOOK_RATE,
      duration: `${SECONDS}s`,
      preAllocatedVUs: 20,
    },
  },
  // Of errors and order, not of time: times depend on the machine.
  thresholds: {
    http_req_failed: ["rate<0.001"],
    checks: ["rate>0.999"],
    bot_answered: ["rate>0.99"],
    gateway_events: ["count>0"],
    gateway_closes: ["count==0"],
    gateway_out_of_order: ["count==0"],
  },
};

function call(method, path, token, body, name = path) {
  const headers = { "content-type": "application/json", ...(token ? { authorization: token } : {}) };
  const response = http.request(method, API + path, body === undefined ? null : JSON.stringify(body), {
    headers,
    tags: { name: `${method} ${name}` },
  });
  check(response, { "answered with success": (r) => r.status >= 200 && r.status < 300 });
  return response.status === 204 ? null : response.json();
}

/** Makes guilds, people in them, bots and webhooks by the public API alone. */
export function setup() {
  const run = `${Date.now().toString(36)}`;
  const people = Array.from({ length: ACCOUNTS }, (_, i) => {
    const username = `k6_${run}_${i}`;
    const body = { username, email: `${username}@example.com`, password: "correct horse battery" };
    return call("POST", "/auth/register", null, body).token;
  });
  const owner = people[0];
  const guilds = Array.from({ length: GUILDS }, (_, i) => {
    const guild = call("POST", "/guilds", owner, { name: `Load ${i}` });
    const invite = call("POST", `/channels/${guild.system_channel_id}/invites`, owner, {}, "/channels/:id/invites");
    for (const person of people.slice(1)) call("POST", `/invites/${invite.code}`, person, {}, "/invites/:code");
    const hook = call(
      "POST",
      `/channels/${guild.system_channel_id}/webhooks`,
      owner,
      { name: "builds" },
      "/channels/:id/webhooks",
    );
    return { id: guild.id, channelId: guild.system_channel_id, hook: `/webhooks/${hook.id}/${hook.token}` };
  });
  const bots = Array.from({ length: BOTS }, (_, i) => {
    const application = call("POST", "/applications", owner, { name: `Bot ${i}` });
    const { token } = call("POST", `/applications/${application.id}/bot`, owner, {}, "/applications/:id/bot");
    const { id } = guilds[i % GUILDS];
    const query = `client_id=${application.id}&scope=bot&permissions=3072`;
    call("POST", `/oauth2/authorize?${query}`, owner, { guild_id: id, authorize: true }, "/oauth2/authorize");
    return { id: application.id, token, guild: guilds[i % GUILDS] };
  });
  return { people, guilds, bots, gateway: call("GET", "/gateway", null).url };
}

const pick = (list) => list[Math.floor(Math.random() * list.length)];

/** Somebody who reads, thinks and writes. */
export function person({ people, guilds }) {
  const token = people[__VU % people.length];
  const { channelId } = pick(guilds);
  const path = `/channels/${channelId}/messages`;
  call("GET", `${path}?limit=50`, token, undefined, "/channels/:id/messages");
  sleep(0.3 + Math.random());
  call("POST", `/channels/${channelId}/typing`, token, undefined, "/channels/:id/typing");
  sleep(0.2 + Math.random());
  const message = call("POST", path, token, { content: `Message ${__VU} ${__ITER}` }, "/channels/:id/messages");
  if (__ITER % 5 === 0 && message !== null) {
    call("PATCH", `${path}/${message.id}`, token, { content: "Corrected" }, "/channels/:id/messages/:id");
  }
}

export function webhook({ guilds }) {
  call("POST", pick(guilds).hook, null, { content: "Build passed" }, "/webhooks/:id/:token");
}

/** A bot that answers, and is asked by the person who shares its virtual user. */
export function bot({ bots, people, gateway }) {
  const { id, token, guild } = bots[(__VU - 1) % bots.length];
  const asked = new Map();
  const path = `/channels/${guild.channelId}/messages`;
  const ask = () => {
    const content = `<@${id}> ping ${Math.random()}`;
    asked.set(content, Date.now());
    call("POST", path, people[0], { content }, "/channels/:id/messages");
  };
  connect(
    gateway,
    token,
    (t, d) => {
      if (t === "READY") {
        const timer = setInterval(ask, 1000);
        setTimeout(() => clearInterval(timer), SECONDS * 1000);
      }
      if (t !== "MESSAGE_CREATE" || !asked.has(d.content)) return;
      const since = asked.get(d.content);
      asked.delete(d.content);
      call("POST", path, `Bot ${token}`, { content: "pong" }, "/channels/:id/messages");
      answerTime.add(Date.now() - since);
      answered.add(true);
    },
    () => {
      for (const _ of asked) answered.add(false);
    },
  );
}

/** A client that only listens. */
export function listener({ people, gateway }) {
  connect(
    gateway,
    people[__VU % people.length],
    () => {},
    () => {},
  );
}

/** A gateway session for as long as the test runs. */
function connect(url, token, onDispatch, onEnd) {
  const socket = new WebSocket(`${url}/?v=10&encoding=json`);
  let seq = 0;
  let ending = false;
  const timers = [];
  socket.addEventListener("message", ({ data }) => {
    const { op, s, t, d } = JSON.parse(data);
    if (op === 10) {
      timers.push(setInterval(() => socket.send(JSON.stringify({ op: 1, d: seq })), d.heartbeat_interval));
      const properties = { os: "linux", browser: "k6", device: "k6" };
      // GUILDS, GUILD_MESSAGES, GUILD_MESSAGE_TYPING
      socket.send(JSON.stringify({ op: 2, d: { token, intents: 1 | 512 | 2048, properties } }));
    }
    if (op !== 0) return;
    if (s < seq) outOfOrder.add(1);
    seq = s;
    eventsReceived.add(1);
    onDispatch(t, d);
  });
  socket.addEventListener("close", () => {
    for (const timer of timers) clearInterval(timer);
    if (!ending) gatewayCloses.add(1);
  });
  setTimeout(
    () => {
      ending = true;
      onEnd();
      socket.close();
    },
    (SECONDS + 5) * 1000,
  );
}
