// The only file that imports uWebSockets.js: its binary is native, and where it can't be loaded this import is what
// fails. docs/operations.md says how to swap in another build of it.
import uws from "uWebSockets.js";

export type {
  HttpRequest,
  HttpResponse,
  TemplatedApp,
  us_listen_socket,
  us_socket_context_t,
  WebSocket,
} from "uWebSockets.js";

export const { App, SSLApp, DISABLED, us_listen_socket_close, us_socket_local_port } = uws;
