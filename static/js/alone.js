/* What a gate or a desk does while no server answers: it keeps the snapshot fresh before, and judges from it then.
 *
 *   const alone = await openAlone(outbox, {onChange})      null where there can be no snapshot
 *   alone.judge(scan, why)      the outbox asks this for a scan that nobody answers -> a verdict, or null: it cannot
 *   alone.look(code)            every service of this station for a badge in hand: [{service, said}], or null
 *   alone.about                 of the snapshot (snapshot.js);  alone.forget()
 *
 * This tablet's own scans since the snapshot count, so that a badge shown twice is used up here too.
 */
import { eventNow, offsetNow } from "./clock.js";
import { data } from "./page.js";
import { cleaned, judge } from "./offline-rules.js";
import { openSnapshot } from "./snapshot.js";

const EVERY_MS = 60000;
const SPREAD_MS = 5000;      // a hundred tablets do not ask in one second

export async function openAlone(outbox, { onChange = () => {} } = {}) {
  const snapshot = await openSnapshot().catch(() => null);
  return snapshot ? new Alone(outbox, snapshot, onChange) : null;
}

class Alone {
  constructor(outbox, snapshot, onChange) {
    Object.assign(this, { outbox, snapshot, onChange, holders: new Map() });
    this.judge = this.judge.bind(this);
    this.refresh();
  }

  get about() { return this.snapshot.about; }

  async forget() {
    this.holders.clear();
    await this.snapshot.forget();
    this.onChange();
  }

  async refresh() {
    if (data.closed_at) return;
    if (!data.station.offline) await this.snapshot.forget();
    else if (await this.snapshot.refresh(data.station.key).catch(() => "later") === "new") this.holders.clear();
    this.onChange();
    setTimeout(() => this.refresh(), EVERY_MS + Math.random() * SPREAD_MS);
  }

  async judge(scan, why) {
    if (why !== "offline" || !scan.code || scan.force) return null;
    const service = data.services.find((one) => one.key === scan.service);
    const found = service && await this.#found(scan.code);
    if (!found) return null;
    return judge({ ...found, service, ...this.#hall(Date.parse(scan.scanned_at) + offsetNow()), acts: await this.#acts(found, scan.id),
                   direction: scan.direction, answers: scan.answers });
  }

  async look(code) {
    const found = await this.#found(code);
    if (!found) return null;
    const acts = await this.#acts(found);
    const hall = this.#hall(eventNow().getTime());
    return data.services.map((service) => ({ service, said: judge({ ...found, ...hall, service, acts, answers: anyOf(service) }) }));
  }

  #hall(at) { return { services: data.services, at, zone: data.event?.timezone, closed: Boolean(data.closed_at) }; }

  async #found(text) {
    if (!this.about || this.about.station !== data.station.key || !data.station.offline) return null;
    const code = cleaned(text);
    const { entry } = await this.snapshot.find(code);
    return { entry, code };
  }

  /** Scans of this holder that stand and that the snapshot does not know yet: not sent, or newer than its head. */
  async #acts({ entry, code }, except) {
    const acts = [];
    for (const row of await this.outbox.store.all()) {
      if (row.scan.id === except || row.final || row.voided || !stood(row, this.about.head)) continue;
      const same = row.scan.code && cleaned(row.scan.code) === code;
      if (!same && !(entry && await this.#holder(row) === entry.holder)) continue;
      acts.push({ service: row.scan.service, code: row.scan.code && cleaned(row.scan.code), at: row.scan.scanned_at,
                  direction: directionOf(row), station_name: data.station.name, station_name_en: data.station.name_en });
    }
    return acts;
  }

  async #holder(row) {
    if (row.own?.holder) return row.own.holder;
    const { code } = row.scan;
    if (!code) return null;
    if (!this.holders.has(code)) this.holders.set(code, (await this.snapshot.find(cleaned(code)))?.entry?.holder ?? null);
    return this.holders.get(code);
  }
}

function stood(row, head) {
  if (row.acked && (row.seq ?? 0) <= head) return false;
  return (row.acked ? row.verdict : row.own?.verdict ?? "accepted") === "accepted";
}

const directionOf = ({ own, direction, scan }) => own?.direction ?? direction ?? (scan.direction === "out" ? "out" : "in");

/** A desk asks questions at the tile, so a look at the person takes them for answered. */
const anyOf = ({ question = [] }) => Object.fromEntries(question.map(({ key, choices }) => [key, choices[0] ?? "-"]));
