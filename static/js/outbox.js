/* Scans leave this tablet once, in order, and none is lost: the shelf first, then the wire.
 *
 *   const outbox = await openOutbox()
 *   await outbox.check(url) -> {status, data}           asks the server for its epoch and head (GET /api/v1/station)
 *   await outbox.submit(scan, {grant}) -> result        the server's answer (api.md), or {pending: true, id, why} when
 *                                                       nothing answered: why "offline" "busy" "unpaired"
 *   await outbox.submitAll(scans, {grant}) -> results   several of one person, in this order, in one request
 *   await outbox.waiting() -> number                    not yet acknowledged
 *   outbox.addEventListener("status", e => e.detail)    {waiting, state}: "ok" "sending" "offline" "busy" "unpaired"
 *   outbox.addEventListener("late", e => e.detail)      {scan, result}: an answer nobody waits for any more
 *   outbox.drain()                                      try now;  outbox.forget() clears acknowledged scans (event closed)
 *
 * `scan` needs service and code (or attendee); id and scanned_at are given here. An acknowledged scan stays, flagged, until
 * the event is closed; a new epoch or a head below the promised one (a backup came back) sends all of them again.
 * An error in an item's place is its final answer; anything else that is no 200 keeps everything and tries again.
 */
import { get, newId, post } from "./api.js";
import { deviceNow } from "./clock.js";
import { openStore } from "./store.js";

const BATCH = 100;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;

export async function openOutbox({ url = "/api/v1/scans", name } = {}) {
  const outbox = new Outbox(url, await openStore(name));
  outbox.listen();
  outbox.drain();
  return outbox;
}

class Outbox extends EventTarget {
  constructor(url, store) {
    super();
    Object.assign(this, { url, store, state: "ok", failures: 0, posts: 0, timer: 0, sending: null });
    this.callers = new Map();
  }

  listen() {
    const now = () => { if (!document.hidden) this.drain(); };
    addEventListener("online", now);
    addEventListener("pageshow", now);
    document.addEventListener("visibilitychange", now);
  }

  waiting() { return this.store.count(); }
  forget() { return this.store.forget(); }

  async submit(scan, options) {
    return (await this.submitAll([scan], options))[0];
  }

  async submitAll(scans, { grant = null } = {}) {
    const full = scans.map((scan) => ({ id: newId(), scanned_at: deviceNow(), ...scan }));
    const answers = full.map(({ id }) => new Promise((done) => this.callers.set(id, done)));
    await Promise.all(full.map((scan) => this.store.add({ scan, grant, acked: 0, final: null, at: scan.scanned_at })));
    this.drain();
    return Promise.all(answers);
  }

  /** One drain at a time; a call during one makes it look once more, so that no scan waits for a timer. */
  drain() {
    clearTimeout(this.timer);
    this.again = Boolean(this.sending);
    this.sending ??= this.#work().finally(() => {
      this.sending = null;
      if (this.again) this.drain();
    });
    return this.sending;
  }

  async #work() {
    for (;;) {
      const rows = oneGrant(await this.store.waiting(BATCH));
      if (!rows.length) break;
      await this.#say(rows.length > 1 ? "sending" : this.state);
      if (!await this.#send(rows)) return this.#later();
    }
    this.failures = 0;
    return this.#say("ok");
  }

  /** A scan sent meanwhile makes the head of this answer an old one, so then only the epoch is compared. */
  async check(url = "/api/v1/station") {
    const posts = this.posts;
    const answer = await get(url);
    if (answer.status === 401) await this.#say("unpaired");
    if (answer.status !== 200 || !answer.data) return answer;
    const { epoch, head } = answer.data;
    await this.promised({ epoch, head: posts === this.posts && !this.sending ? head : undefined });
    this.drain();
    return answer;
  }

  async #send(rows) {
    this.posts += 1;
    const headers = rows[0].grant ? { "X-Grant": rows[0].grant } : {};
    const { status, data } = await post(this.url, rows.map((row) => row.scan), headers);
    if (status === 200 && Array.isArray(data?.results)) return this.#answered(rows, data);
    this.state = status === 401 ? "unpaired" : status === 0 ? "offline" : "busy";
    return false;
  }

  async #answered(rows, data) {
    const byId = new Map(data.results.map((result) => [result.id, result]));
    const judged = rows.filter((row) => byId.has(row.scan.id));
    await this.store.update(judged.map((row) => ({
      ...row, acked: 1, grant: null, final: byId.get(row.scan.id).error ?? null, resent: false })));
    await this.promised(data);
    for (const row of judged) this.#deliver(row, byId.get(row.scan.id));
    this.state = judged.length ? "ok" : "busy";
    return judged.length > 0;
  }

  #deliver(row, result) {
    const caller = this.callers.get(row.scan.id);
    this.callers.delete(row.scan.id);
    if (caller) caller(result);
    else this.dispatchEvent(new CustomEvent("late", { detail: { scan: row.scan, result, resent: row.resent === true } }));
  }

  /** Compares what the server says now with what it promised before; a restored backup sends everything again. */
  async promised({ epoch, head }) {
    if (!epoch) return;
    const known = await this.store.read("promise");
    const restored = known && (known.epoch !== epoch || (Number.isInteger(head) && head < known.head));
    if (restored) await this.store.unack();
    await this.store.note("promise", { epoch, head: head ?? known?.head ?? 0 });
    if (restored) this.again = true;
  }

  async #later() {
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures) * (0.75 + Math.random() / 2);
    this.failures += 1;
    this.timer = setTimeout(() => this.drain(), wait);
    for (const [id, done] of this.callers) done({ pending: true, id, why: this.state });
    this.callers.clear();
    await this.#say(this.state);
  }

  async #say(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("status", { detail: { state, waiting: await this.store.count() } }));
  }
}

/** A grant goes with the request, so rows with another grant wait for the next one. */
function oneGrant(rows) {
  const until = rows.findIndex((row) => row.grant !== rows[0].grant);
  return until < 0 ? rows : rows.slice(0, until);
}
