import { html, raw } from "hono/html";
import { bitsToNames } from "../../core/permissions.ts";
import { isAppScheme } from "../oauth2/redirect-uri.ts";
import type { AuthorizationRequest } from "../oauth2/request.ts";
import { INSTALLS, SCOPES } from "../oauth2/scopes.ts";
import type { ApplicationRow } from "../store/applications.ts";
import { STYLE } from "./style.ts";

/** The consent page, as HTML that needs no script. What comes from users is escaped by `html`. */

type Html = ReturnType<typeof html>;

export interface Named {
  id: string;
  name: string;
}

/** @param query the authorization request, as forms send it on */
export interface Place {
  query: string;
  cdnUrl: string;
}

function page(title: string, body: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${raw(STYLE)}</style>
</head>
<body><main>${body}</main></body>
</html>`;
}

function head(application: ApplicationRow, place: Place, title: string, note: string): Html {
  const { id, icon, name } = application;
  const picture =
    icon === null
      ? html`<span class="icon" aria-hidden="true">${[...name][0]?.toUpperCase() ?? ""}</span>`
      : html`<img class="icon" alt="" src="${place.cdnUrl}/app-icons/${id}/${icon}.png?size=128">`;
  return html`<header>${picture}<h1>${title}</h1><p class="dim">${note}</p></header>`;
}

/** @param fault why the last attempt failed */
export function loginPage(asked: AuthorizationRequest, place: Place, fault: string | null, login = ""): Html {
  const { name } = asked.application;
  return page(
    `Log in · ${name}`,
    html`${head(asked.application, place, "Log in", `to go on to ${name}`)}
${fault === null ? "" : html`<p class="bad" role="alert">${fault}</p>`}
<form method="post" action="/oauth2/authorize/login${place.query}">
<label for="login">Email or username</label>
<input type="text" id="login" name="login" value="${login}" autocomplete="username" autocapitalize="none" required maxlength="320" autofocus>
<label for="password">Password</label>
<input type="password" id="password" name="password" autocomplete="current-password" required maxlength="128">
<div class="buttons"><button class="yes">Log in</button></div>
</form>
<p class="dim">Your password stays here: ${name} never sees it.</p>`,
  );
}

/** What there is to choose from. */
export interface Choices {
  /** Null where nothing is added to a guild. */
  guilds: readonly Named[] | null;
  chosenGuild: string | null;
  /** The application has named the guild, and no other will do. */
  fixedGuild: boolean;
  /** Null where no webhook is made. */
  channels: readonly Named[] | null;
}

export interface Asking {
  asked: AuthorizationRequest;
  place: Place;
  username: string;
  /** Proves that the form is ours, shown to this login for this request. */
  proof: string;
  choices: Choices;
}

export function consentPage({ asked, place, username, proof, choices }: Asking): Html {
  const { application } = asked;
  const installOnly = asked.scopes.every((scope) => INSTALLS.includes(scope));
  const title = installOnly ? `Add ${application.name} to a guild` : `${application.name} wants access to your account`;
  return page(
    `Authorize ${application.name}`,
    html`${head(application, place, title, `An application of ${application.owner.username}`)}
<form method="post" action="/oauth2/authorize${place.query}">
<input type="hidden" name="proof" value="${proof}">
<h2>It will be able to</h2>
<ul class="can">${asked.scopes.map((scope) => html`<li>${SCOPES[scope]}</li>`)}</ul>
${guildChoice(choices)}${channelChoice(choices, place)}${permissionChoice(asked)}
${destination(asked)}
<div class="buttons"><button name="decision" value="deny" formnovalidate>Cancel</button><button class="yes" name="decision" value="allow">Authorize</button></div>
</form>
${signedInAs(username, place)}`,
  );
}

function signedInAs(username: string, place: Place): Html {
  return html`<form class="who" method="post" action="/oauth2/authorize/logout${place.query}"><span>Logged in as <b>${username}</b></span><button class="link">Not you?</button></form>`;
}

function guildChoice({ guilds, chosenGuild, fixedGuild, channels }: Choices): Html | "" {
  if (guilds === null || channels !== null) return "";
  if (guilds.length === 0) {
    return html`<p class="bad" role="alert">There is no guild that you may add it to: you need the permission to manage a guild.</p>`;
  }
  const options = guilds.filter(({ id }) => !fixedGuild || id === chosenGuild);
  return html`<label for="guild">Guild</label>
<select id="guild" name="guild_id" required>
${fixedGuild ? "" : html`<option value="">Choose a guild</option>`}
${options.map(({ id, name }) => html`<option value="${id}"${id === chosenGuild ? raw(" selected") : ""}>${name}</option>`)}
</select>`;
}

function channelChoice({ guilds, chosenGuild, channels }: Choices, place: Place): Html | "" {
  if (channels === null) return "";
  const guild = guilds?.find(({ id }) => id === chosenGuild)?.name ?? "";
  if (channels.length === 0) {
    return html`<p class="bad" role="alert">There is no channel in ${guild} where you may add a webhook.</p>`;
  }
  return html`<input type="hidden" name="guild_id" value="${chosenGuild ?? ""}">
<label for="channel">Channel in ${guild}</label>
<select id="channel" name="webhook_channel_id" required>
<option value="">Choose a channel</option>
${channels.map(({ id, name }) => html`<option value="${id}">#${name}</option>`)}
</select>
<p class="dim"><a href="/oauth2/authorize${withoutGuild(place.query)}">Another guild</a></p>`;
}

function permissionChoice({ permissions, scopes }: AuthorizationRequest): Html | "" {
  if (permissions === 0n || !scopes.includes("bot")) return "";
  return html`<h2>In the guild it may</h2>
<p class="dim" id="granted">Of these it gets those that you have yourself.</p>
<fieldset aria-describedby="granted">
${bitsToNames(permissions).map(
  (name) =>
    html`<label${name === "ADMINISTRATOR" ? raw(' class="strong"') : ""}><input type="checkbox" name="permission" value="${name}" checked>${inWords(name)}</label>`,
)}
</fieldset>`;
}

/** `MANAGE_GUILD` → `Manage guild` */
function inWords(permission: string): string {
  if (permission === "ADMINISTRATOR") return "Do everything, as an administrator";
  const words = permission.toLowerCase().replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function destination({ redirectUri }: AuthorizationRequest): Html | "" {
  if (redirectUri === null) return "";
  const { host, protocol } = new URL(redirectUri);
  return html`<p class="dim">Then you go to ${isAppScheme(redirectUri) ? html`the app of <b>${protocol}</b>` : html`<b>${host}</b>`}</p>`;
}

/** Where a webhook is made, the guild comes first: its channels are then known without script. */
export function guildPage({ asked, place, username, choices }: Asking): Html {
  const parameters = [...new URLSearchParams(place.query)].filter(([name]) => name !== "guild_id");
  return page(
    `Choose a guild · ${asked.application.name}`,
    html`${head(asked.application, place, "Choose a guild", `where ${asked.application.name} posts`)}
<form method="get" action="/oauth2/authorize">
${parameters.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
${guildChoice(choices)}
<div class="buttons"><button class="yes">Continue</button></div>
</form>
${signedInAs(username, place)}`,
  );
}

function withoutGuild(query: string): string {
  const parameters = new URLSearchParams(query);
  parameters.delete("guild_id");
  return `?${parameters}`;
}

/** @param message what is wrong, for who made the link */
export function faultPage(title: string, message: string): Html {
  return page(
    title,
    html`<header><h1>${title}</h1></header><p class="bad" role="alert">${message}</p>
<p class="dim">If you came here by a link, its author can mend it. Nothing was changed.</p>`,
  );
}

export function donePage(denied: boolean): Html {
  return denied
    ? page(
        "Nothing was changed",
        html`<header><h1>Nothing was changed</h1><p class="dim">You can close this page.</p></header>`,
      )
    : page(
        "Done",
        html`<header><span class="icon" aria-hidden="true">✓</span><h1>Authorized</h1><p class="dim">You can close this page.</p></header>`,
      );
}
