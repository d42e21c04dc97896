// The API, asked with the key of the session.

import { session } from "./session.js";

/** How long an answer may take before it is given up. */
const PATIENCE_MS = 60_000;

/** An answer that is an error, or none at all (`status` 0). */
export class Failure extends Error {
  constructor(status, code, message, retryAfter) {
    super(message);
    this.status = status;
    this.code = code;
    /** Seconds after which to try again, where the API says so. */
    this.retryAfter = retryAfter;
  }

  /** Whether the same again, later, may work. */
  get isPassing() {
    return this.status === 0 || this.status === 429 || this.status >= 502 || this.code === "idempotency_conflict";
  }
}

/** Called when the key is refused. */
let refused = () => {};
export function onRefused(act) {
  refused = act;
}

/** Asks, and returns the whole body; null where there is none. */
export async function ask(method, path, { body, headers, key = session.key, signal } = {}) {
  const response = await send(method, path, { body, headers, key, signal });
  if (response.status === 204) return null;
  const text = await response.text().catch(() => "");
  let answer = null;
  try {
    answer = JSON.parse(text);
  } catch {
    // What is in front of the gateway may answer anything.
  }
  if (response.ok && answer !== null) return answer;
  const error = answer?.error ?? {};
  const seconds = Number.parseInt(response.headers.get("Retry-After"), 10);
  const failure = new Failure(
    response.status,
    error.code,
    error.message ?? `The gateway answered ${response.status} without saying why`,
    Number.isFinite(seconds) ? seconds : undefined,
  );
  if (response.status === 401 && key === session.key) refused();
  throw failure;
}

export const get = (path, options) => ask("GET", path, options);
export const post = (path, body, options) => ask("POST", path, { ...options, body: JSON.stringify(body) });
export const patch = (path, body) => ask("PATCH", path, { body: JSON.stringify(body) });
export const remove = (path) => ask("DELETE", path);

/** Fetches a file with the key, and saves it under a name. */
export async function download(path, name) {
  const response = await send("GET", path, { key: session.key });
  if (!response.ok) throw new Failure(response.status, undefined, `The gateway answered ${response.status}`);
  save(await response.blob(), name);
}

/** Hands a file to whoever sits in front. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A query string of those parameters that are given. */
export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const text = new URLSearchParams(given).toString();
  return text && `?${text}`;
}

async function send(method, path, { body, headers, key, signal }) {
  const limits = [AbortSignal.timeout(PATIENCE_MS), ...(signal ? [signal] : [])];
  const sent = { Authorization: `Bearer ${key}`, ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  try {
    return await fetch(`/v1${path}`, { method, headers: sent, body, cache: "no-store", signal: AbortSignal.any(limits) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Failure(0, undefined, "The gateway cannot be reached");
  }
}
