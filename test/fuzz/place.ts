import type { Json } from "../harness/client.ts";

/** An account that owns a guild with a message, a webhook and an application in it. */
export interface Place {
  api: string;
  token: string;
  /** By the name that path parameters have. */
  ids: Record<string, string>;
}

/** @param api `http://HOST:PORT/api/v10` */
export async function preparePlace(api: string): Promise<Place> {
  const person = { username: "fuzzer", email: "fuzzer@example.com", password: "correct horse battery" };
  const { token, user_id } = await post(api, "/auth/register", null, person);
  const guild = await post(api, "/guilds", token, { name: "Fuzz" });
  const channel = `/channels/${guild.system_channel_id}`;
  const message = await post(api, `${channel}/messages`, token, { content: "hello" });
  const webhook = await post(api, `${channel}/webhooks`, token, { name: "hook" });
  const role = await post(api, `/guilds/${guild.id}/roles`, token, { name: "role" });
  const application = await post(api, "/applications", token, { name: "fuzz" });
  const ids = {
    guild_id: guild.id,
    channel_id: guild.system_channel_id,
    message_id: message.id,
    user_id,
    webhook_id: webhook.id,
    webhook_token: webhook.token,
    role_id: role.id,
    application_id: application.id,
  };
  return { api, token, ids };
}

async function post(api: string, path: string, token: string | null, body: object): Promise<Json> {
  const headers = { "content-type": "application/json", ...(token === null ? {} : { authorization: token }) };
  const response = await fetch(api + path, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
