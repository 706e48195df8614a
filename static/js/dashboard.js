/* 现场: moves the numbers of admin/dashboard.html with the live stream. Nothing is reloaded, nothing changes its place. */
import { createArrivals } from "./chart.js";
import { eventNow, setServerTime } from "./clock.js";
import { ago, alertLines, fill, hour, printerLine, rowOf, stationLine } from "./lines.js";
import { openLive } from "./live.js";
import { createPace, forecast, peak, values, write } from "./numbers.js";

const page = JSON.parse(document.getElementById("page-data").textContent);
const { words, zone } = page;
const at = (id) => document.getElementById(id);
const put = (element, text) => { if (element && element.textContent !== text) element.textContent = text; };
const pace = createPace(page.recent, values(page.counts).people);
const clock = new Intl.DateTimeFormat("zh-CN", { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
let counts = page.counts, flat = values(counts), stations = counts.stations, lastScan = null, heard = 0;

setServerTime(counts.server_time);
const now = () => eventNow().getTime();
heard = now() / 1000;
const arrivals = createArrivals(at("chart"), { zone, read: (start, n) => fill(words.at, { time: hour(start * 1000, zone), n }),
                                               say: (text) => put(at("read"), text ?? peakWords()) });
const lastTime = document.querySelector("#last time");
lastScan = lastTime?.dateTime ?? null;

/** The last five minutes may straddle two columns and beat both: then the figure above is the peak, and no column is. */
function peakWords() {
  const best = peak(counts.arrivals);
  return best && best[1] >= pace.count(now() / 1000) ? fill(words.peak, { time: hour(best[0] * 1000, zone), n: best[1] }) : "";
}

function takeCounts(news) {
  setServerTime(news.server_time);
  counts = news;
  flat = values(news);
  pace.note(flat.people, now() / 1000, heard);
  heard = now() / 1000;
  write(document, flat);
  arrivals.draw(news.arrivals);
  put(at("read"), peakWords());
  tick();
}

function takeArrivals(rows) {
  lastScan = rows[0]?.at ?? lastScan;
  const shown = rows.map((one) => rowOf(one, words));
  if (shown.length) at("last").replaceChildren(...shown.slice(0, 8).map(lineOf));
  const refused = shown.filter((one) => !one.accepted && !one.undo);
  const known = new Set(refused.map((one) => String(one.seq)));
  const kept = [...at("refused").children].filter((line) => line.dataset.seq && !known.has(line.dataset.seq));
  if (refused.length) at("refused").replaceChildren(...[...refused.map(lineOf), ...kept].slice(0, 6));
}

function lineOf(row) {
  const line = make("li", row.accepted ? "" : "ask");
  line.dataset.seq = row.seq;
  const what = make("span", "what"), time = make("time", "num", hour(Date.parse(row.at), zone));
  time.dateTime = row.at;
  if (row.word) what.append(make("b", "", row.word), " ");
  what.append(page.names[row.service_key] ?? row.service);
  line.append(make("span", "who", row.name), what, time);
  return line;
}

function takeAlerts(alerts) {
  const lines = alertLines(alerts, words, page);
  at("alerts").classList.toggle("ask", lines.length > 0);
  const list = at("alerts").querySelector("ul");
  list.replaceChildren(...lines.map(({ key, text, url, action }) => {
    const line = make("li"), link = make("a", "", action);
    line.dataset.key = key;
    link.href = url;
    line.append(make("span", "", text), link);
    return line;
  }), ...(lines.length ? [] : [make("li", "muted", words.calm)]));
}

function health(list, key, { tone, text }) {
  const state = list?.querySelector(`[data-key="${CSS.escape(key)}"] > :last-child`);
  if (!state) return;
  if (state.localName === "a") {
    if (tone) state.replaceWith(make("span", `state ${tone}`, text));
    return;
  }
  state.className = `state ${tone}`;
  put(state, text);
}

function takePrinters(printers) {
  for (const [key, printer] of Object.entries(printers)) health(at("printers"), key, printerLine(printer, words));
}

function tick() {
  const moment = now(), recent = pace.count(moment / 1000);
  put(at("clock"), clock.format(moment));
  put(at("recent"), String(recent));
  const [word, when] = forecast(recent, flat.people, flat.expected, moment);
  put(at("forecast"), fill(words[word], { time: when && hour(when, zone) }));
  put(at("last-scan"), lastScan ? fill(words.last, { ago: ago(lastScan, moment, words) }) : words.none);
  for (const [key, station] of Object.entries(stations)) health(at("stations"), key, stationLine(station, moment, words));
}

function make(tag, css = "", text = "") {
  const element = document.createElement(tag);
  if (css) element.className = css;
  if (text) element.textContent = text;
  return element;
}

function onState(state) {
  at("live").className = `chip dot ${{ on: "ok", off: "ask", refused: "bad" }[state]}`;
  put(at("live"), { on: words.live, off: words.lost, refused: words.ended }[state]);
}

arrivals.draw(counts.arrivals);
setInterval(tick, 1000);
openLive("/api/v1/live", { counts: takeCounts, arrival: takeArrivals, alert: takeAlerts, printer: takePrinters,
                           station: (news) => { stations = news; tick(); } }, { onState });
