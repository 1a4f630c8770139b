import { z } from "zod";
import { type RestClient, RestError } from "../rest-client.ts";

const Login = z.object({ user_id: z.string(), token: z.string(), refresh_token: z.string() });
const Tokens = Login.omit({ user_id: true });

/** A person's login: asks the API in their name, and gets a new access token when the old one has run out. */
export interface Account {
  userId: string;
  call(method: string, path: string, body?: unknown): Promise<unknown>;
  /** An access token that works now. */
  token(): Promise<string>;
}

/** @throws RestError when the login or the password is wrong. */
export async function logIn(rest: RestClient, login: string, password: string): Promise<Account> {
  const answer = Login.parse(await rest.call("POST", "/auth/login", { body: { login, password } }));
  let tokens: z.infer<typeof Tokens> = answer;
  let refreshing: Promise<void> | undefined;

  /** A refresh token works once, so all who need a new token share one exchange. */
  const refresh = () => {
    refreshing ??= (async () => {
      const body = { refresh_token: tokens.refresh_token };
      tokens = Tokens.parse(await rest.call("POST", "/auth/refresh", { body }));
    })().finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  };
  const call: Account["call"] = async (method, path, body) => {
    try {
      return await rest.call(method, path, { token: tokens.token, body });
    } catch (error) {
      if (!(error instanceof RestError) || error.status !== 401) throw error;
      await refresh();
      return rest.call(method, path, { token: tokens.token, body });
    }
  };
  return {
    userId: answer.user_id,
    call,
    token: async () => {
      await call("GET", "/users/@me");
      return tokens.token;
    },
  };
}
