/* Requests of a station page to its own server.
 *
 *   await post(url, body, headers) -> {status, data}    status 0 when nothing answered within 8 s
 *   await get(url, headers, ms) -> {status, data}       the same for reading
 *   newId()                                             a UUID v4, also on plain http where randomUUID is missing
 *
 * The session's cookie says who asks; the CSRF token stands in <meta name="csrf-token">, and is fetched anew when the
 * session is another one by now. Nothing is logged.
 */
import { deviceNow } from "./clock.js";

const TIMEOUT_MS = 8000;

export async function post(url, body, headers = {}) {
  const send = () => ask(url, {
    method: "POST", body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken(), "X-Sent-At": deviceNow(), ...headers },
  });
  const answer = await send();
  const stale = answer.status === 400 && answer.data?.error === "csrf" && await renewToken();
  return stale ? send() : answer;
}

export const get = (url, headers = {}, ms = TIMEOUT_MS) => ask(url, { method: "GET", headers }, ms);

async function ask(url, { method, headers, body }, ms = TIMEOUT_MS) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), ms);
  try {
    const answer = await fetch(url, {
      method, body, credentials: "same-origin", cache: "no-store", redirect: "error", signal: patience.signal,
      headers: { Accept: "application/json", ...headers },
    });
    return { status: answer.status, data: await answer.json().catch(() => null) };
  } catch {
    return { status: 0, data: null };
  } finally {
    clearTimeout(timer);
  }
}

export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

const meta = (page) => page.querySelector('meta[name="csrf-token"]');
const csrfToken = () => meta(document)?.content ?? "";

/** Who signs in or out in another window begins a new session: its token stands in a fresh page of this station. */
async function renewToken() {
  try {
    const page = await fetch("/station", { credentials: "same-origin", cache: "no-store", redirect: "error" });
    const fresh = meta(new DOMParser().parseFromString(await page.text(), "text/html"))?.content;
    if (fresh) meta(document).content = fresh;
    return Boolean(fresh);
  } catch {
    return false;
  }
}
