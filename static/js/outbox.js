/* Scans leave this tablet once, in order, and none is lost: the shelf first, then the wire, the answer's verdict at once,
 * then the shelf again. Between a scan and its verdict stand one transaction and one request, nothing else.
 *
 *   const outbox = await openOutbox()
 *   await outbox.check(url) -> {status, data}           asks the server for its epoch and head (GET /api/v1/station)
 *   await outbox.submit(scan, {grant}) -> result        the server's answer (api.md), or {pending: true, id, why} when
 *                                                       nothing answered: why "offline" "busy" "unpaired"
 *   await outbox.submitAll(scans, {grant}) -> results   several of one person, in this order, in one request
 *   await outbox.waiting() -> number                    not yet acknowledged
 *   outbox.addEventListener("status", e => e.detail)    {waiting, state}: "ok" "sending" "offline" "busy" "unpaired"
 *   outbox.alone = async (scan, why) => verdict|null    judges what nobody answers, after 2.5 s at the latest: the caller gets
 *                                                       {...verdict, offline: true}; {withdrawn: true} takes the scan back
 *   outbox.addEventListener("late", e => e.detail)      {scan, result, resent, own}: an answer nobody waits for any more
 *   await outbox.undone(id)                             this scan was undone: it does not count here either
 *   outbox.drain()                                      try now;  outbox.forget() clears acknowledged scans (event closed)
 *
 * `scan` needs service and code (or attendee); id and scanned_at are given here. An acknowledged scan stays, flagged, until
 * the event is closed; a new epoch or a head below the promised one (a backup came back) sends all of them again.
 * An error in an item's place is its final answer; anything else that is no 200 keeps everything and tries again.
 *
 * A scan that the tablet let through by itself becomes `offline: true` before it is sent the next time. A request may have
 * arrived before that: then its answer stands (law 1; `offline` is no part of a scan's sameness), and if that refused a
 * use too many, the passage is told as a scan of its own, which the server lists as a conflict. A scan that the tablet
 * refused is sent as `offline: false`; if the server would have accepted it, it is undone at once: nobody passed.
 */
import { get, newId, post } from "./api.js";
import { deviceNow } from "./clock.js";
import { openStore } from "./store.js";

const BATCH = 100;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;
const PATIENCE_MS = 2500;           // a person stands there
const SHORT_PATIENCE_MS = 800;      // and the last request had no answer either
const AWAY = [0, 502, 504];         // nobody there, or a proxy that says so

export async function openOutbox({ url = "/api/v1/scans", name } = {}) {
  const outbox = new Outbox(url, await openStore(name));
  outbox.listen();
  outbox.drain();
  return outbox;
}

class Outbox extends EventTarget {
  constructor(url, store) {
    super();
    Object.assign(this, { url, store, state: "ok", failures: 0, posts: 0, timer: 0, sending: null, alone: null, judging: null });
    this.callers = new Map();
    this.own = new Map();
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
    const rows = full.map((scan) => ({ scan, grant, acked: 0, final: null, at: scan.scanned_at }));
    const answers = rows.map((row) => new Promise((done) => this.callers.set(row.scan.id, { row, done })));
    const found = await this.store.add(rows, BATCH);
    const patience = this.alone && setTimeout(() => this.#alone(rows, "offline"), this.failures ? SHORT_PATIENCE_MS : PATIENCE_MS);
    this.drain(found);
    return Promise.all(answers).finally(() => clearTimeout(patience));
  }

  async undone(id) {
    const row = (await this.store.all()).find(({ scan }) => scan.id === id);
    if (row) await this.store.update([{ ...row, voided: true }]);
  }

  /** One drain at a time; a call during one makes it look once more, so that no scan waits for a timer.
   * `found` are the waiting rows where the caller has just read them: it is used only while nothing is under way. */
  drain(found = null) {
    clearTimeout(this.timer);
    this.again = Boolean(this.sending);
    this.sending ??= this.#work(found).finally(() => {
      this.sending = null;
      if (this.again) this.drain();
    });
    return this.sending;
  }

  async #work(found) {
    let proved = false;      // nothing sent says nothing of the server
    for (let next = found; ; next = null) {
      if (this.judging) {
        await this.judging;
        next = null;
      }
      const rows = oneGrant(next ?? await this.store.waiting(BATCH));
      if (!rows.length) break;
      this.#say(rows.length > 1 ? "sending" : this.state);
      if (!await this.#send(rows)) return this.#later();
      proved = true;
    }
    if (!await this.#undo()) return this.#later();
    this.failures = 0;
    return this.#say(proved ? "ok" : this.state);
  }

  /** A scan sent meanwhile makes the head of this answer an old one, so then only the epoch is compared. */
  async check(url = "/api/v1/station") {
    const posts = this.posts;
    const answer = await get(url);
    if (answer.status === 401) await this.#say("unpaired");
    if (AWAY.includes(answer.status)) await this.#say("offline");
    if (answer.status !== 200 || !answer.data) return answer;
    this.state = "ok";
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
    this.state = status === 401 ? "unpaired" : AWAY.includes(status) ? "offline" : "busy";
    return status === 401 && data?.kept === rows.length && this.#aside(rows, data.message);
  }

  /** This tablet was revoked, and what it still had was kept aside for the coordinator: that is its final answer. */
  async #aside(rows, message) {
    const settled = this.store.update(rows.map((row) => ({ ...row, acked: 1, grant: null, final: "kept_aside" })));
    for (const row of rows) this.#deliver(row, { id: row.scan.id, error: "kept_aside", message });
    await settled;
    return true;
  }

  async #answered(rows, data) {
    const byId = new Map(data.results.map((result) => [result.id, result]));
    const judged = rows.filter((row) => byId.has(row.scan.id));
    const settled = this.promised(data, judged.flatMap((row) => settledRows(this.#mine(row), byId.get(row.scan.id))));
    for (const row of judged) this.#deliver(this.#mine(row), byId.get(row.scan.id));
    for (const row of judged) this.own.delete(row.scan.id);
    await settled;
    this.state = judged.length ? "ok" : "busy";
    return judged.length > 0;
  }

  #deliver(row, result) {
    const caller = this.callers.get(row.scan.id);
    this.callers.delete(row.scan.id);
    if (caller) caller.done(result);
    else this.dispatchEvent(new CustomEvent("late", { detail: { scan: row.scan, result, resent: row.resent === true, own: row.own } }));
  }

  /** The row as it is by now: it may have been judged here while its request was under way. */
  #mine(row) { return this.own.get(row.scan.id) ?? row; }

  /** Takes back what the server accepted of those whom this tablet had refused. */
  async #undo() {
    for (const row of await this.store.undoing()) {
      const { status } = await post(`/api/v1/scans/${row.scan.id}/void`, { id: row.undo, reason: "离线时未放行" });
      this.state = AWAY.includes(status) ? "offline" : status === 401 ? "unpaired" : "busy";
      if (AWAY.includes(status) || status === 401 || status >= 429) return false;
      await this.store.update([{ ...row, acked: 1, voided: true }]);
    }
    return true;
  }

  /** Judges what has no answer; nothing is sent meanwhile, so that what is sent next says how the person fared. */
  #alone(rows, why) {
    this.judging = (this.judging ?? Promise.resolve()).then(() => this.#judged(rows, why));
    const mine = this.judging;
    return mine.finally(() => { if (this.judging === mine) this.judging = null; });
  }

  async #judged(rows, why) {
    for (const row of rows.filter(({ n }) => n !== undefined)) {
      const said = this.callers.has(row.scan.id) && await this.alone(row.scan, why).catch(() => null);
      const caller = said && this.callers.get(row.scan.id);      // an answer may have come while it was judged
      if (!caller) continue;
      this.callers.delete(row.scan.id);
      const { verdict, reason, holder, direction } = said;
      Object.assign(row, { own: { verdict, reason, holder, direction },
                           scan: verdict === "accepted" ? { ...row.scan, offline: true } : row.scan });
      if (!said.withdrawn) this.own.set(row.scan.id, row);
      const kept = said.withdrawn ? this.store.drop(row.n) : this.store.update([row]);
      caller.done(kept.then(() => ({ ...said, id: row.scan.id, offline: true })));
      await kept.catch(() => {});     // a full disk: who waits has been told
      await this.#say("offline");
    }
  }

  /** Compares what the server says now with what it promised before; a restored backup sends everything again. */
  async promised({ epoch, head }, rows = []) {
    this.again = await this.store.settle(rows, (known) => ({
      promise: epoch && { epoch, head: head ?? known?.head ?? 0 },
      restored: Boolean(epoch && known && (known.epoch !== epoch || (Number.isInteger(head) && head < known.head))),
    })) || this.again;
  }

  /** Who waits is told "kept on this tablet", and that is said of what is on its disk. */
  async #later() {
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures) * (0.75 + Math.random() / 2);
    this.failures += 1;
    this.timer = setTimeout(() => this.drain(), wait);
    if (this.alone) await this.#alone([...this.callers.values()].map(({ row }) => row), this.state);
    const told = [...this.callers].filter(([, { row }]) => row.n !== undefined);
    for (const [id] of told) this.callers.delete(id);
    const kept = this.store.update(told.map(([, { row }]) => row));
    for (const [id, { done }] of told) done(kept.then(() => ({ pending: true, id, why: this.state })));
    await kept.catch(() => {});     // a full disk: each of them has been told
    await this.#say(this.state);
  }

  async #say(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("status", { detail: { state, waiting: await this.store.count() } }));
  }
}

/** What is kept of a row and its answer, and what follows where the tablet had judged otherwise. */
function settledRows(row, result) {
  const { own, scan } = row;
  const kept = { ...row, acked: 1, grant: null, final: result.error ?? null, resent: false, seq: result.seq,
                 verdict: result.verdict, direction: result.direction };
  if (own?.verdict === "refused" && result.verdict === "accepted") return [{ ...kept, acked: 2, undo: row.undo ?? newId() }];
  const passed = own?.verdict === "accepted" && !own.again && result.verdict === "refused" && result.reason === "used_up";
  if (!passed) return [kept];
  const again = { ...scan, id: newId(), offline: true };
  return [kept, { scan: again, grant: null, acked: 0, final: null, at: row.at, own: { ...own, again: true } }];
}

/** A grant goes with the request, so rows with another grant wait for the next one. */
function oneGrant(rows) {
  const until = rows.findIndex((row) => row.grant !== rows[0].grant);
  return until < 0 ? rows : rows.slice(0, until);
}
