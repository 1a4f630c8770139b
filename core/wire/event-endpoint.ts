/** What is shown of an endpoint. Its secret is shown once, when it is made. */
export interface WireableEndpoint {
  id: string;
  application_id: string | null;
  server_id: string | null;
  creator_id: string | null;
  url: string | null;
  event_types: string[];
  channel_ids: string[] | null;
  status: number;
  strict_order: boolean;
  public_key: Buffer | null;
  secret: Buffer | null;
  previous_secret_until: Date | null;
  disabled_reason: string | null;
  disabled_at: Date | null;
  failing_since: Date | null;
  paused_until: Date | null;
  created_at: Date;
}

const iso = (date: Date | null) => date?.toISOString() ?? null;

/** How an endpoint does, and why it is switched off if the platform did that. */
function wireHealth(row: WireableEndpoint) {
  return {
    status: row.status,
    disabled_reason: row.disabled_reason,
    disabled_at: iso(row.disabled_at),
    failing_since: iso(row.failing_since),
    paused_until: iso(row.paused_until),
    previous_secret_until: iso(row.previous_secret_until),
  };
}

/** A guild's own endpoint. */
export function wireSubscription(row: WireableEndpoint) {
  return {
    id: row.id,
    guild_id: row.server_id,
    user_id: row.creator_id,
    url: row.url,
    event_types: row.event_types,
    channel_ids: row.channel_ids,
    enabled: row.status === 2,
    strict_order: row.strict_order,
    verify_key: row.public_key?.toString("hex") ?? null,
    created_at: row.created_at.toISOString(),
    ...wireHealth(row),
  };
}

/** An application's event webhooks, beyond what Discord shows of them. */
export function wireEventWebhooks(row: WireableEndpoint) {
  return {
    application_id: row.application_id,
    url: row.url,
    event_types: row.event_types,
    strict_order: row.strict_order,
    has_secret: row.secret !== null,
    ...wireHealth(row),
  };
}

interface WireableDelivery {
  id: string;
  event_id: string;
  event_type: string;
  server_id: string;
  state: string;
  attempts: number;
  last_status: number | null;
  last_error: string | null;
  created_at: Date;
  finished_at: Date | null;
  next_attempt_at: Date | null;
}

/** A delivery, without what was said: who may manage an endpoint need not be able to view every channel. */
export function wireDelivery(row: WireableDelivery) {
  return {
    id: row.id,
    event: {
      type: row.event_type,
      sequence: Number(row.event_id),
      guild_id: row.server_id === "0" ? null : row.server_id,
      timestamp: row.created_at.toISOString(),
    },
    state: row.state,
    attempts: row.attempts,
    last_status: row.last_status,
    last_error: row.last_error,
    finished_at: iso(row.finished_at),
    next_attempt_at: iso(row.next_attempt_at),
  };
}

interface WireableAttempt {
  attempt: number;
  started_at: Date;
  latency_ms: number;
  status: number | null;
  error: string | null;
  manual: boolean;
  request_headers: Record<string, string>;
  response_headers: Record<string, string> | null;
  response_body: string | null;
}

export function wireAttempt(row: WireableAttempt) {
  return {
    attempt: row.attempt,
    started_at: row.started_at.toISOString(),
    latency_ms: row.latency_ms,
    manual: row.manual,
    error: row.error,
    request: { headers: row.request_headers },
    response:
      row.status === null ? null : { status: row.status, headers: row.response_headers, body: row.response_body },
  };
}
