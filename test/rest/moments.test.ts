import { expect, test } from "vitest";
import { startPlatform } from "../harness/platform.ts";

const platform = await startPlatform();
const owner = await platform.person("owner");
const guild = await platform.guild(owner);
const member = await platform.person("member");
await platform.join(owner, guild, member);
const channel = `/channels/${guild.channelId}`;
const subscription = await owner.post(`/guilds/${guild.id}/event-subscriptions`, {
  url: "http://127.0.0.1:9080/",
  event_types: ["MESSAGE_CREATE"],
});
const replay = `/guilds/${guild.id}/event-subscriptions/${subscription.id}/replay`;

/** Well formed, and of years that Postgres or a bot's language has no time for. */
const beyond = [
  "0000-01-01T00:00:00Z",
  "0001-01-01T00:00:00+12:00",
  "9999-12-31T23:59:59-12:00",
  "+010000-01-01T00:00:00Z",
];
const query = (time: string) => `before=${encodeURIComponent(time)}`;

test.each(beyond)("a time like %s is refused wherever one is taken", async (time) => {
  const answers = [
    await owner.request("PATCH", `/guilds/${guild.id}/members/${member.id}`, { communication_disabled_until: time }),
    await owner.request("GET", `${channel}/threads/archived/public?${query(time)}`),
    await owner.request("GET", `${channel}/messages/pins?${query(time)}`),
    await owner.request("POST", replay, { since: time }),
    await owner.request("POST", replay, { until: time }),
    await owner.request("POST", `${channel}/messages`, { embeds: [{ title: "t", timestamp: time }] }),
  ];
  for (const { status, body } of answers) {
    expect([status, body.code]).toEqual([400, 50035]);
    expect(JSON.stringify(body.errors)).toContain("DATE_TIME_TYPE_PARSE");
  }
});

test("times without an offset are in UTC, and the first and the last are taken", async () => {
  for (const time of ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00"]) {
    expect((await owner.request("GET", `${channel}/messages/pins?${query(time)}`)).status).toBe(200);
    expect((await owner.request("POST", replay, { since: time })).status).toBe(200);
  }
});
