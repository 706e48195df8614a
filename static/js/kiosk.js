/* The kiosk: a badge or a name, then the answer for eight seconds, then nothing is left of it.
 * A badge is signed in at once; "is this you?" is asked only after a search by name. A miss looks like any other case
 * for the desk, so nobody learns here who is on the roster. */
import { post } from "./api.js";
import { isToday, timeOf } from "./clock.js";
import { bi, data, icon, language, make, onTap, setLanguage } from "./page.js";
import { openSheets, say } from "./sheets.js";
import { openStation } from "./station.js";
import { hide, prepare } from "./verdict.js";

const LEAVE_MS = 8000;
const QUIET_MS = 20000;      // nobody touches it: whoever chose a language, or was asked "is this you?", has gone
const PROGRAMME_LINES = 4;
const home = language();
let found = null;
let station = null;
let quiet = 0;

const service = () => data.services?.find((one) => one.kind === "sign_in") ?? data.services?.[0];
const sheets = openSheets({ onOpen: () => station?.pause(), onClose: () => { forget(); station?.resume(); },
                            quiet: { confirm: QUIET_MS, desk: QUIET_MS } });

function signIn(who) {
  sheets.close();
  return station.judge({ service: service()?.key, ...who }, {
    service: service(), leave: LEAVE_MS, ring: true, plain: true, extra: details, onLeave: goHome });
}

function goHome() {
  forget();
  setLanguage(home);
  document.dispatchEvent(new CustomEvent("language"));
}

/** Nothing of a person stays in the page, not even hidden: the next one may look at its source. */
function forget() {
  found = null;
  for (const line of document.querySelectorAll("[data-name], [data-unit]")) line.replaceChildren();
}

/** Back to the kiosk's own language when nobody has touched it for a while and no question stands on it. */
function rest() {
  clearTimeout(quiet);
  if (language() !== home || sheets.current) quiet = setTimeout(sheets.current ? rest : goHome, QUIET_MS);
}

/** Seat and table large, what happens today, and the slip; the room stands on the slip only. */
function details(result) {
  if (result.verdict !== "accepted" && result.reason !== "used_up") return [];
  return [places(result.attendee ?? {}), result.print_jobs?.length && slip(), programme()].filter(Boolean);
}

function places({ seat, table }) {
  const list = make("dl", "verdict-places");
  for (const [zh, en, value] of [["座位", "Seat", seat], ["桌号", "Table", table]]) {
    if (!value) continue;
    const box = make("div");
    box.append(bi("dt", { zh, en }, "line"), make("dd", "", value));
    list.append(box);
  }
  return list.childElementCount ? list : null;
}

function slip() {
  const line = make("p", "verdict-slip");
  line.append(icon("printer"), bi("span", { zh: "小票正在打印", en: "Your slip is printing" }, "line"));
  return line;
}

function programme() {
  const items = (data.programme ?? []).filter((one) => isToday(one.starts, data.event?.timezone)).slice(0, PROGRAMME_LINES);
  if (!items.length) return null;
  const list = make("ul", "verdict-programme");
  for (const item of items) {
    const line = make("li");
    line.append(make("time", "", timeOf(item.starts, data.event?.timezone)),
                bi("span", { zh: item.name, en: item.name_en || item.name }, "line"));
    list.append(line);
  }
  return list;
}

async function search(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const name = form.elements.who.value.trim();
  const digits = form.elements.digits.value.normalize("NFKC").trim();
  if (!name || !/^\d{4}$/.test(digits)) {
    return say(form, { zh: "请填写姓名和手机后四位数字", en: "Please give your name and four digits" });
  }
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  const { status, data: answer } = await post("/api/v1/search", { q: `${name} ${digits}` });
  button.disabled = false;
  if (status === 200 && answer?.hits?.length) return confirm(answer.hits[0]);
  if (status === 200) return sheets.open("desk");
  return say(form, status === 429 ? { zh: "请稍等片刻再试", en: "Please wait a moment and try again" }
    : { zh: "暂时查不了，请到报到台", en: "Search is not available now. Please see the desk" });
}

function confirm(hit) {
  sheets.open("confirm");
  found = hit;
  document.querySelector("[data-name]").textContent = hit.name ?? "";
  document.querySelector("[data-unit]").textContent = [hit.org, hit.phone].filter(Boolean).join(" · ");
}

function names() {
  for (const element of document.querySelectorAll(".bi-name")) element.textContent = element.dataset[language()];
}

document.querySelector("#search form").addEventListener("submit", search);
document.querySelector("#search .digits").addEventListener("input", ({ currentTarget }) => {
  currentTarget.value = currentTarget.value.normalize("NFKC").replace(/\D/g, "").slice(0, 4);
});
onTap("[data-yes]", () => { if (found) signIn({ attendee: found.attendee }); });
document.addEventListener("language", () => { names(); rest(); });
for (const kind of ["pointerdown", "keydown", "input"]) addEventListener(kind, rest, true);
names();
addEventListener("pagehide", () => { hide(); sheets.close(); });
prepare();
station = await openStation({ facing: "user", cannotWait: true, onCode: (code) => signIn({ code }), onLate: () => {} });
