/* The lines of the live pages: what admin/live_words.py says at first paint, for what comes later.
 *
 *   fill("{n} 条待传", {n: 5})      ago(iso, nowMs, words)      hour(ms, zone)
 *   alertLines(alerts, words, {names, stations})      [{key, text, url, action}]
 *   stationLine(station, nowMs, words) · printerLine(printer, words)      {tone, text}
 *   rowOf(arrival, words)          {name, word, accepted, …} of a stream's arrival
 */
const ACTIONS = { printer: "/admin/printers", slip: "/admin/printers", station: "/admin/stations", stock: "/admin/plan",
  conflict: "/admin/conflicts", aside: "/admin/aside",
  backup: "/admin/care", backup_late: "/admin/care", backup_here: "/admin/care" };
const UNITS = [["days", 86400], ["hours", 3600], ["minutes", 60], ["seconds", 1]];

export const fill = (text, facts = {}) => text.replace(/\{(\w+)\}/g, (whole, name) => facts[name] ?? whole);

export function hour(ms, zone) {
  return new Intl.DateTimeFormat("zh-CN", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(ms);
}

export function ago(iso, now, words) {
  const seconds = Math.floor((now - Date.parse(iso)) / 1000);
  const [unit, length] = UNITS.find(([, size]) => seconds >= Math.max(size, 3)) ?? ["now", 1];
  return fill(words[unit], { n: Math.floor(seconds / length) });
}

const inOurLanguage = (one, { names, stations }) => ({ station: stations[one.key], stock: names[one.key] })[one.kind] ?? one.name;

export function alertLines(alerts, words, page) {
  return alerts.map((one) => ({
    key: `${one.kind}-${one.key}`, text: alertText({ ...one, name: inOurLanguage(one, page) }, words), url: ACTIONS[one.kind], action: one.kind === "slip" ? words.answer : words.see,
  }));
}

// What was written down in both languages, "缺纸 · Out of paper": the page's own side of it.
function oneLanguage(both = "") {
  const [zh, en] = both.split(" · ");
  return document.documentElement.lang.startsWith("en") ? en || zh : zh;
}

function alertText({ kind, name, message, waiting: n, left }, words) {
  if (kind.startsWith("backup")) {
    return [words[kind] && fill(words[kind], { n }), oneLanguage(message)].filter(Boolean).join(" · ");
  }
  if (kind === "printer") {
    const head = fill(words.printer, { name, message: oneLanguage(message) || words.trouble });
    return n ? `${head} · ${fill(words.printer_queue, { n })}` : head;
  }
  if (kind === "conflict" || kind === "aside") return fill(words[kind], { n });
  if (kind === "station") return fill(words.station, { name }) + (n ? ` · ${fill(words.waiting, { n })}` : "");
  if (kind === "stock") return fill(left ? words.stock : words.none_left, { name, left, n });
  return fill(words.slip, { name, n });
}

export function stationLine(station, now, words) {
  if (!station.devices) return { tone: "", text: words.unpaired };
  const parts = [station.online ? words.online : words.offline];
  if (station.devices > 1) parts.push(fill(words.tablets, { n: station.devices }));
  if (station.waiting) parts.push(fill(words.waiting, { n: station.waiting }));
  if (station.last_seen) parts.push(ago(station.last_seen, now, words));
  return { tone: station.online ? "ok" : "ask", text: parts.join(" · ") };
}

export function printerLine(printer, words) {
  const trouble = ["blocked", "offline"].includes(printer.state);
  const waiting = printer.queued + printer.held;
  const parts = [trouble ? oneLanguage(printer.message) || words.trouble : printer.sending ? words.working : words.idle];
  if (waiting) parts.push(fill(words.queue, { n: waiting }));
  if (printer.unknown) parts.push(`? ${printer.unknown}`);
  return { tone: trouble || printer.unknown ? "ask" : "ok", text: parts.join(" · ") };
}

export function rowOf(arrival, words) {
  const { accepted, undo, direction, reason } = arrival;
  const done = undo ? words.undone : direction === "out" ? words.out : "";
  return { ...arrival, word: accepted ? done : words.reasons[reason] ?? reason,
           name: arrival.name || (reason === "unknown" ? words.stranger : words.bearer) };
}
