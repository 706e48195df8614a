/* Judges one scan from the snapshot while no server answers. Pure: the order of reasons is api.md's, as in models/rules.py.
 *
 *   judge({entry, service, services, code, direction, at, zone, acts, answers, closed}) ->
 *     {verdict, reason, direction, first, needs, for, use, hints, attendee, holder}
 *       entry     what the badge opened (kiosk/sealed.py), or null: nobody in the snapshot has this code
 *       at        ms of the scan by the server's clock;  zone: the event's
 *       acts      what this tablet let the holder do since the snapshot: [{service, code, direction, at, station_name}]
 *   cleaned(text) -> the code in what a scanner sent
 *
 * Stock is not judged: the pile is before the person's eyes, and what other tablets gave meanwhile is not known here.
 * A required question is: the desk asks it, a gate sends the person there, as the server would.
 */
const DOUBLE_READ_MS = 60000;      // two reads of one badge at an auto door are one passage (behaviour 28)

export function cleaned(text) {
  const plain = text.normalize("NFKC").replace(/\p{C}/gu, "").trim();
  return plain.replace(/^\][A-Za-z][0-9A-Za-z]/, "").replace(/^\\[0-9]{6}/, "").replaceAll(" ", "").toUpperCase();
}

export function judge(ask) {
  const scan = { ...ask, acts: ask.acts ?? [], answers: ask.answers ?? {} };
  scan.direction = directionOf(scan);
  const checks = scan.direction === "out" ? CHECKS.slice(0, OF_THE_HOLDER) : CHECKS;
  for (const [reason, check] of checks) {
    const detail = check(scan);
    if (detail) return answer(scan, { verdict: "refused", reason, ...detail });
  }
  return answer(scan, { verdict: "accepted", reason: null });
}

const CHECKS = [
  ["unknown", ({ entry }) => (entry ? null : {})],
  ["revoked", ({ entry }) => (entry.revoked ? {} : null)],
  ["wrong_service", ({ entry, service }) => (entry.service && entry.service !== service.key ? { for: entry.service } : null)],
  ...["cancelled", "replaced", "pending"].map((state) => [state, ({ entry }) => (entry.state === state ? {} : null)]),
  ["service_closed", ({ service, closed }) => (service.closed || closed ? {} : null)],
  ["too_early", (scan) => outside(scan, (window, at) => at < window.opens)],
  ["too_late", (scan) => outside(scan, (window, at) => at > window.closes)],
  ["not_entitled", ({ entry, service }) => (isPerson(entry) && !entry.entitled.includes(service.key) ? {} : null)],
  ["needs", needs],
  ["already_inside", (scan) => { const came = entered(scan); return came ? { first: came } : null; }],
  ["used_up", usedUp],
  ["answers_needed", unanswered],
];
const OF_THE_HOLDER = 6;      // nobody is kept in a hall because its window has passed

const isPerson = (entry) => entry.name !== undefined;      // else a coupon of nobody's

function directionOf(scan) {
  const { service, direction, at } = scan;
  if (service.kind !== "session") return null;
  if (direction !== "auto") return direction ?? "in";
  const came = scan.entry && entered(scan);
  return came && at - Date.parse(came.at) >= DOUBLE_READ_MS ? "out" : "in";
}

/** The window nearest to the moment, where none is open; its tolerance included. */
function outside({ service, at }, wrong) {
  const slack = (service.tolerance_minutes ?? 0) * 60000;
  const windows = (service.windows ?? []).map(({ opens, closes }) => ({ opens: Date.parse(opens), closes: Date.parse(closes) }));
  if (!windows.length || windows.some(({ opens, closes }) => opens - slack <= at && at <= closes + slack)) return null;
  const far = ({ opens, closes }) => Math.max(opens - at, at - closes);
  return wrong(windows.reduce((near, one) => (far(one) < far(near) ? one : near)), at) ? {} : null;
}

function needs({ entry, service, acts }) {
  if (!isPerson(entry)) return null;
  const lacking = (service.needs ?? []).find((key) => !entry.used[key]?.uses && !acts.some((act) => act.service === key));
  return lacking ? { needs: lacking } : null;
}

/** The passage by which the holder is inside a session at the moment; null outside, or when another session took them. */
function entered({ entry, service, services, acts, at }) {
  if (service.kind !== "session") return null;
  const before = entry.used[service.key];
  const passages = acts.filter((act) => Date.parse(act.at) <= at && (act.service === service.key || (
    act.direction === "in" && overlap(service, services.find((one) => one.key === act.service)))));
  if (before?.inside) passages.push({ ...before.first, at: before.last, service: service.key, direction: "in" });
  const last = passages.sort((a, b) => Date.parse(a.at) - Date.parse(b.at)).at(-1);
  return last?.service === service.key && last.direction === "in" ? last : null;
}

function overlap(one, other) {
  if (other?.kind !== "session" || !one.starts || !other.starts) return false;
  return Date.parse(one.starts) < Date.parse(other.ends) && Date.parse(other.starts) < Date.parse(one.ends);
}

function usedUp(scan) {
  const { entry, service, acts, code } = scan;
  if (entry.kind === "coupon") {
    const spent = entry.spent ? { at: entry.spent } : acts.find((act) => act.code === code && act.service === service.key);
    if (spent) return { first: spent };
  }
  const { count, first } = uses(scan);
  const limit = limitOf(scan);
  if (service.kind === "session" && service.reentry === false && count) return { first };
  return limit !== null && count >= limit ? { first } : null;
}

const limitOf = ({ entry, service }) => (isPerson(entry) ? entry.limits?.[service.key] ?? service.limit ?? null : 1);

function uses({ entry, service, acts, at, zone }) {
  const day = (when) => new Intl.DateTimeFormat("en-CA", { timeZone: zone || undefined }).format(when);
  const counts = (when) => service.per !== "day" || day(Date.parse(when)) === day(at);
  const before = entry.used[service.key];
  const old = before && counts(before.last) ? before.uses : 0;
  const mine = acts.filter((act) => act.service === service.key && act.direction !== "out" && counts(act.at));
  return { count: old + mine.length, first: old ? before.first ?? { at: before.last } : mine[0] };
}

function unanswered({ service, answers }) {
  const open = (service.question ?? []).find(({ key, required, choices }) => (answers[key]
    ? choices.length && !choices.includes(answers[key]) : required));
  return open ? { question: open.key } : null;
}

function answer(scan, said) {
  const { entry, service, direction } = scan;
  if (!entry) return { ...said, direction, hints: [], use: null, holder: null };
  const { name, org, category, vip, table, seat, holder } = entry;
  const diet = service.kind === "meal" && entry.diet ? [entry.diet] : [];
  const number = uses(scan).count + (said.verdict === "accepted" && direction !== "out" ? 1 : 0);
  return { ...said, direction, holder, hints: [...new Set([...(entry.hints ?? []), ...diet])],
           use: { number, limit: limitOf(scan) }, attendee: isPerson(entry) ? { name, org, category, vip, table, seat } : null };
}
