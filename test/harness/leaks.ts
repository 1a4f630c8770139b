/** A kind of secret: how one looks, and the answers and events that give it to who shall have it. */
interface Kind {
  looks: RegExp;
  shownBy: readonly string[];
}

const apart = (shape: string) => new RegExp(`(?<![\\w-])${shape}(?![\\w-])`, "g");
const LOGINS = ["/auth/register", "/auth/login", "/auth/refresh", "/auth/change-password"].map(
  (path) => `POST ${path}`,
);

/** Every kind of secret. What is shown anywhere else is a leak. */
export const SECRETS: Readonly<Record<string, Kind>> = {
  // The page's cookie is one.
  "person's token": { looks: apart("ga_[\\w-]{43}"), shownBy: [...LOGINS, "POST /oauth2/authorize/login"] },
  "refresh token": { looks: apart("gr_[\\w-]{43}"), shownBy: [...LOGINS, "POST /oauth2/token"] },
  "bearer token": { looks: apart("go_[\\w-]{43}"), shownBy: ["POST /oauth2/token"] },
  "client secret": { looks: apart("gs_[\\w-]{43}"), shownBy: ["POST /applications/:application_id/secret"] },
  "bot token": {
    looks: apart("[\\w-]{22,28}\\.[\\w-]{6}\\.[\\w-]{43}"),
    shownBy: ["POST /applications/:application_id/bot"],
  },
  "authorization code": { looks: /(?<=[?&]code=)[\w-]{43}(?![\w-])/g, shownBy: ["POST /oauth2/authorize"] },
  "signing secret": {
    looks: /whsec_[\w+/-]{16,}={0,2}/g,
    shownBy: [
      "POST /guilds/:guild_id/event-subscriptions",
      "POST /guilds/:guild_id/event-subscriptions/:subscription_id/secret",
      "POST /applications/:application_id/event-webhooks/secret",
    ],
  },
  "webhook token": {
    looks: apart("[\\w-]{68}"),
    shownBy: [
      "POST /channels/:channel_id/webhooks",
      "GET /channels/:channel_id/webhooks",
      "GET /guilds/:guild_id/webhooks",
      "GET /webhooks/:webhook_id",
      "PATCH /webhooks/:webhook_id",
      "POST /webhooks/:webhook_id/token",
      "GET /webhooks/:webhook_id/:webhook_token",
      "PATCH /webhooks/:webhook_id/:webhook_token",
      // With the scope webhook.incoming.
      "POST /oauth2/token",
    ],
  },
  "interaction token": {
    looks: /(?<=\btoken\W{1,6})[\w-]{64}(?![\w-])/g,
    shownBy: ["event INTERACTION_CREATE", "Guildhall-Interactions/1.0"],
  },
  "stored secret": { looks: /\$argon2|(password|token|secret|code)_hash|private_key/g, shownBy: [] },
};

/** Secrets of kinds that show only by what is around them, from where they were shown: elsewhere they stand alone. */
const known = new Map<string, string>();

/** Where a secret was told that must not be, once each: the test file fails with it (platform.ts). */
export const leaks = new Set<string>();
/** Which place of the table has shown its secret. */
export const shown = new Set<string>();

/** All that was heard since `keepTexts`, for what can only be known afterwards. */
export const kept: { where: string; text: string }[] = [];
let keeps = false;
export function keepTexts(): void {
  keeps = true;
}

/** @param where `METHOD /path` below the API's root, `event NAME`, or `log` */
export function noteLeak(where: string, text: string): void {
  if (keeps) kept.push({ where, text });
  for (const kind of secretsIn(where, text)) leaks.add(`${where}: ${kind}`);
}

/** @returns the kinds of secrets that a text tells and may not */
export function secretsIn(where: string, text: string): string[] {
  const told = new Set<string>();
  for (const [kind, { looks }] of Object.entries(SECRETS)) {
    const found = text.match(looks);
    if (found === null) continue;
    const place = shower(kind, where);
    if (place === undefined) told.add(kind);
    else {
      shown.add(`${place}: ${kind}`);
      for (const secret of found) known.set(secret, kind);
    }
  }
  for (const word of text.match(/[\w-]{43,}/g) ?? []) {
    const kind = known.get(word);
    if (kind !== undefined && shower(kind, where) === undefined) told.add(kind);
  }
  return [...told];
}

const shower = (kind: string, where: string): string | undefined =>
  SECRETS[kind]?.shownBy.find((place) => patternOf(place).test(where));

const patterns = new Map<string, RegExp>();
function patternOf(place: string): RegExp {
  const pattern = patterns.get(place) ?? new RegExp(`^${place.replace(/:\w+/g, "[^/?]+")}(\\?|$)`);
  patterns.set(place, pattern);
  return pattern;
}
