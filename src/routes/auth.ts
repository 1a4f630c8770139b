import { z } from "zod";
import { countLogin, countRegistration } from "../auth/attempts.ts";
import { changePassword, endLogin, refreshLogin, startLogin } from "../auth/logins.ts";
import { hashPassword, verifyPassword } from "../auth/passwords.ts";
import { ApiError, invalidField } from "../errors.ts";
import { text } from "../fields.ts";
import type { Limit } from "../limits/rules.ts";
import { everyone, person, route } from "../route.ts";
import { findCredentials, findCredentialsById, insertPerson } from "../store/users.ts";
import { username } from "./users.ts";

/** People's accounts: our own routes, as Discord documents none. Lengths: NIST SP 800-63B (long, no composition rules). */
const password = z.string().min(8).max(128);
const login = z.string().min(1).max(320);

/** What counts is attempts, by address and account: src/auth/attempts.ts. */
const OFTEN: Limit = { requests: 60, seconds: 60 };

export const authRoutes = [
  route({
    method: "POST",
    path: "/auth/register",
    summary: "Register a person",
    access: everyone,
    limit: OFTEN,
    status: 201,
    body: z.object({ username, email: z.email().max(320), password }),
    handle: async ({ app, body, address }) => {
      if (app.config.registration === "closed") throw new ApiError("REGISTRATION_CLOSED");
      await countRegistration(app, address);
      const id = app.nextId();
      const passwordHash = await hashPassword(body.password);
      const taken = await insertPerson(app.sql, { id, username: body.username, email: body.email, passwordHash });
      if (taken === "email") throw invalidField(["email"], "EMAIL_ALREADY_REGISTERED", "Email is already registered.");
      if (taken === "username") throw invalidField(["username"], "USERNAME_ALREADY_TAKEN", "Username is unavailable.");
      return { user_id: id, ...(await startLogin(app, { id, password_hash: passwordHash })) };
    },
  }),
  route({
    method: "POST",
    path: "/auth/login",
    summary: "Log in with email or username",
    access: everyone,
    limit: OFTEN,
    body: z.object({ login, password: z.string().max(128) }),
    handle: async ({ app, body, address }) => {
      const attempt = await countLogin(app, address, body.login);
      const found = await findCredentials(app.sql, body.login);
      // The same work and the same answer whether the account or the password is wrong.
      const matches = await verifyPassword(found?.password_hash ?? null, body.password);
      const tokens = found !== undefined && matches ? await startLogin(app, found) : null;
      if (found === undefined || tokens === null) throw badCredentials();
      await attempt.succeeded();
      return { user_id: found.id, ...tokens };
    },
  }),
  route({
    method: "POST",
    path: "/auth/refresh",
    summary: "Exchange a refresh token for new tokens",
    access: everyone,
    body: z.object({ refresh_token: text(1, 200) }),
    handle: async ({ app, body }) => refreshLogin(app, body.refresh_token),
  }),
  route({
    method: "POST",
    path: "/auth/logout",
    summary: "End the login that the token belongs to",
    access: person,
    handle: async ({ app }, caller) => {
      if (caller.familyId !== null) await endLogin(app, caller.user.id, caller.familyId);
    },
  }),
  route({
    method: "POST",
    path: "/auth/change-password",
    summary: "Change the password; all logins end and a new one starts",
    access: person,
    body: z.object({ password: z.string().max(128), new_password: password }),
    handle: async ({ app, body, address }, caller) => {
      const attempt = await countLogin(app, address, caller.user.id);
      const found = await findCredentialsById(app.sql, caller.user.id);
      const matches = await verifyPassword(found?.password_hash ?? null, body.password);
      const tokens =
        found !== undefined && matches ? await changePassword(app, found, await hashPassword(body.new_password)) : null;
      if (tokens === null) throw invalidField(["password"], "PASSWORD_DOES_NOT_MATCH", "Password does not match.");
      await attempt.succeeded();
      return tokens;
    },
  }),
];

function badCredentials(): ApiError {
  const fault = [{ code: "INVALID_LOGIN", message: "Login or password is invalid." }];
  return new ApiError("INVALID_FORM", { login: { _errors: fault }, password: { _errors: fault } });
}
