// An application without a gateway: its interactions come as signed HTTP requests, which discord-interactions checks.
//   PUBLIC_KEY=… PORT=8080 node examples/http-interactions-app.mjs
// PUBLIC_KEY is the application's verify_key. Then set its interactions_endpoint_url to where this can be reached.
import { createServer } from "node:http";
import { InteractionResponseType, InteractionType, verifyKey } from "discord-interactions";

const { PUBLIC_KEY, PORT = "8080" } = process.env;

function answer(interaction) {
  switch (interaction.type) {
    case InteractionType.PING:
      return { type: InteractionResponseType.PONG };
    case InteractionType.APPLICATION_COMMAND: {
      const name = interaction.member?.user.username ?? interaction.user.username;
      const button = { type: 2, style: 1, label: "Again", custom_id: "again" };
      return {
        type: InteractionResponseType.CHANNEL_MESSAGE_WITH_SOURCE,
        data: { content: `Hello ${name}`, components: [{ type: 1, components: [button] }] },
      };
    }
    default:
      return { type: InteractionResponseType.UPDATE_MESSAGE, data: { content: "Hello again", components: [] } };
  }
}

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const signature = request.headers["x-signature-ed25519"] ?? "";
  const timestamp = request.headers["x-signature-timestamp"] ?? "";
  if (!(await verifyKey(body, signature, timestamp, PUBLIC_KEY))) {
    response.writeHead(401).end("Bad request signature");
    return;
  }
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer(JSON.parse(body))));
}).listen(Number(PORT), () => console.log(`ready on ${PORT}`));
