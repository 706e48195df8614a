/* The gate: one service at a time, scan after scan. The operator chooses the service; the window that is open preselects it
 * until they do. The refused code waits in memory, never on the page, for a lead's decision. */
import { newId, post } from "./api.js";
import { eventNow, timeOf } from "./clock.js";
import { bi, data, fill, language, make, toast } from "./page.js";
import { openSheets, say } from "./sheets.js";
import { openLive } from "./live.js";
import { openStation } from "./station.js";
import { prepare, show } from "./verdict.js";
import { counted as countedWords } from "./words.js";

const LEAVE_MS = 4000;
const GRANTED_MS = 60000;
const EARLY_MS = 1800000;      // people come to a session this long before it begins
const DIRECTIONS = [["auto", "自动", "Auto"], ["in", "进", "In"], ["out", "出", "Out"]];
const at = (id) => document.getElementById(id);
const now = { service: null, chosen: false, direction: "auto", last: null, refused: null, grant: null, shown: null };
const counts = new Map();
let station = null;

const sheets = openSheets({ onOpen: () => station?.pause(), onClose: () => station?.resume() });

/* -- which service ------------------------------------------------------------------------------------------------- */
function preselect() {
  if (now.chosen && data.services.some((one) => one.key === now.service?.key)) return pick(now.service.key);
  const [open] = inTurn();
  if (!open) return undefined;
  if (now.service && now.service.key !== open.key) {
    toast({ zh: `已切换到 ${open.name}`, en: `Now scanning for ${open.name_en || open.name}` });
  }
  return pick(open.key);
}

function pick(key) {
  now.service = data.services.find((one) => one.key === key);
  if (!now.service) return;
  at("directions").hidden = now.service.kind !== "session";
  for (const input of at("services").querySelectorAll("input")) {
    input.checked = input.value === key;
    if (input.checked) input.closest("label").scrollIntoView({ block: "nearest" });
  }
  paintCount();
}

const times = ({ windows = [], starts, ends }) => (windows.length || !starts ? windows : [{ opens: starts, closes: ends }]);
const past = (time) => Boolean(time) && Date.parse(time) <= eventNow();
const over = (one) => times(one).length > 0 && times(one).every(({ closes }) => past(closes));

/** A session takes scans at any hour: its own time says whether it is the one that people come for. */
function underWay(one) {
  if (!one.open || one.windows?.length) return one.open;
  return times(one).some(({ opens, closes }) => Date.parse(opens) - EARLY_MS <= eventNow() && !past(closes));
}

/** What is under way stands first, then what has no hours, what is to come, what is over: nobody scrolls for the meal of
 * the hour. */
function inTurn() {
  const rank = (one) => (one.closed ? 4 : underWay(one) ? 0 : over(one) ? 3 : times(one).length ? 2 : 1);
  return [...data.services].sort((a, b) => rank(a) - rank(b));
}

function listServices() {
  const legend = at("services").querySelector("legend");
  at("services").replaceChildren(legend, ...inTurn().map((one) => {
    const label = radio("service", one.key, { zh: one.name, en: one.name_en || one.name }, hours(one));
    label.classList.toggle("over", one.closed || (over(one) && !underWay(one)));
    return label;
  }));
}

function listDirections() {
  at("directions").append(...DIRECTIONS.map(([key, zh, en]) => radio("direction", key, { zh, en })));
  at("directions").querySelector("input").checked = true;
}

function radio(group, value, text, note = "") {
  const label = make("label");
  const input = make("input");
  Object.assign(input, { type: "radio", name: group, value });
  label.append(input, bi("span", text, "line"));
  if (note) label.append(make("small", "", note));
  return label;
}

function hours(service) {
  const [zone, lang] = [data.event?.timezone, language()];
  const near = times(service).find(({ closes }) => !past(closes)) ?? times(service).at(-1);
  const ends = near?.closes ? timeOf(near.closes, zone, lang).split(" ").at(-1) : "";
  return [near && `${timeOf(near.opens, zone, lang)}–${ends}`, stateOf(service, near)[lang]].filter(Boolean).join(" · ");
}

function stateOf(service, timed) {
  if (service.closed) return { zh: "已停止", en: "closed" };
  if (timed && underWay(service)) return { zh: "进行中", en: "open now" };
  return over(service) ? { zh: "已结束", en: "over" } : {};
}

/* -- the number ---------------------------------------------------------------------------------------------------- */
function countOf(key) {
  const of = data.services.find((one) => one.key === key)?.count ?? {};
  if (!counts.has(key)) counts.set(key, { people: of.people ?? 0, inside: of.inside ?? null, entitled: of.entitled ?? null });
  return counts.get(key);
}

function paintCount() {
  const { service } = now;
  const { people, entitled } = countOf(service.key);
  fill(at("count-of"), { zh: service.name, en: service.name_en || service.name });
  at("count-of").className = "bi line";
  at("people").textContent = String(people);
  const did = countedWords(service.kind)[language()];
  at("entitled").textContent = entitled ? `/ ${entitled} ${did}` : did;
  at("count-bar").hidden = !entitled;
  at("count-bar").max = entitled || 1;
  at("count-bar").value = people;
  at("foot-count").textContent = entitled ? `${people} / ${entitled}` : String(people);
  const named = (one) => (language() === "en" && one.name_en) || one.name;
  at("where").textContent = named(service);
  at("place").textContent = `${named(data.station)} · ${named(data.event)}`;
}

function counted(key, step) {
  countOf(key).people += step;
  paintCount();
}

/* -- one scan ------------------------------------------------------------------------------------------------------ */
async function scan(code) {
  sheets.close();
  const { service, direction } = now;
  if (!service) return;
  const forced = grantFor(code);
  const body = { service: service.key, code, ...(service.kind === "session" && { direction }),
                 ...(forced && { force: true, reason: forced.reason }) };
  now.grant = null;
  const result = await station.judge(body, { service, direction, grant: forced?.token, leave: LEAVE_MS });
  settle(result, code, service);
}

function settle(result, code, service) {
  now.shown = result.id;
  const accepted = result.verdict === "accepted";
  now.refused = result.verdict === "refused" && result.reason !== "unknown" ? code : null;
  at("lead").hidden = !now.refused;
  if (!accepted || result.offline) return paintLast();
  if (!result.replayed && (result.use?.number ?? 1) === 1) counted(service.key, 1);
  now.last = { id: result.id, undo: newId(), service: service.key, name: result.attendee?.name ?? "", at: new Date() };
  return paintLast();
}

function late({ scan: sent, result, resent, own }) {
  if (resent) return;
  if (own?.verdict === "refused" && result.verdict === "accepted") {
    return toast({ zh: "离线时没放行的一位，现在可以办了", en: "Somebody refused offline may have it now" }, "ask");
  }
  if (own?.verdict === "refused") return;
  const service = data.services.find((one) => one.key === sent.service);
  if (sent.id === now.shown) {
    show(result, { ...data, zone: data.event?.timezone, service, leave: LEAVE_MS });
    settle(result, sent.code, service);
  } else if (result.verdict !== "accepted" || result.conflict) {
    toast({ zh: "补传的一条记录需要处理，请看异常", en: "A scan sent late needs a look, see the exceptions" }, "ask");
  } else counted(sent.service, 1);
}

/* -- the last person, undo, the lead ------------------------------------------------------------------------------- */
function paintLast() {
  at("undo").hidden = !now.last || Boolean(now.refused);
  if (!now.last) return at("last").replaceChildren();
  const time = timeOf(now.last.at, data.event?.timezone);
  fill(at("last"), { zh: `上一位 ${now.last.name} ${time}`, en: "" });
  if (language() === "en") at("last").textContent = `Last: ${now.last.name} ${time}`;
  return undefined;
}

async function undo() {
  const { last } = now;
  if (!last) return;
  const { status, data: answer } = await post(`/api/v1/scans/${last.id}/void`, { id: last.undo, reason: "误扫" });
  if (status === 0 || status >= 500) return toast({ zh: "没有撤销，请再试", en: "Not undone, please try again" }, "ask");
  if (status !== 200 || answer?.verdict === "refused") {
    return toast({ zh: "不能撤销，请组长处理", en: "Cannot be undone here, ask the lead" }, "bad");
  }
  station.outbox.undone(last.id);
  counted(last.service, -1);
  if (now.last === last) now.last = null;
  paintLast();
  return toast({ zh: `已撤销 ${last.name}`, en: `Undone: ${last.name}` });
}

function grantFor(code) {
  const { grant } = now;
  return grant && grant.code === code && performance.now() < grant.until ? grant : null;
}

async function askGrant(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const [name, pin, reason] = ["who", "pin", "reason"].map((key) => form.elements[key].value.trim());
  if (!name || !pin || !reason) return say(form, { zh: "三项都要填写", en: "Please fill in all three" });
  const { status, data: answer } = await post("/api/v1/grant", { name, pin });
  if (status !== 201) {
    return say(form, status === 0 ? { zh: "连不上服务器，请再试", en: "No connection, please try again" }
      : status === 429 ? { zh: "试得太多，请稍等", en: "Too many tries, please wait" }
        : { zh: "姓名或 PIN 不对", en: "Name or PIN is wrong" });
  }
  now.grant = { token: answer.grant, reason, code: now.refused, until: performance.now() + GRANTED_MS };
  station.forget();
  sheets.close();
  return toast({ zh: "组长已同意，请再扫一次此证", en: "The lead agreed: scan the same badge again" });
}

/* -- the camera's choice -------------------------------------------------------------------------------------------- */
async function listCameras() {
  const all = await station.scanner.cameras();
  at("cameras").hidden = all.filter((one) => one.label).length < 2;
  const select = at("cameras").querySelector("select");
  select.replaceChildren(...all.map((one) => new Option(one.label, one.id)));
  select.onchange = () => station.scanner.choose(select.value);
}

at("services").addEventListener("change", ({ target }) => { now.chosen = true; pick(target.value); });
at("directions").addEventListener("change", ({ target }) => { now.direction = target.value; });
at("undo").addEventListener("click", undo);
at("lead").addEventListener("click", () => sheets.open("grant"));
document.querySelector("#grant form").addEventListener("submit", askGrant);
document.addEventListener("language", () => { listServices(); pick(now.service?.key); paintLast(); });
listServices();
listDirections();
preselect();
let listed = "";
const news = () => {
  const plan = JSON.stringify(data.services.map(({ count, ...rest }) => rest));
  if (plan !== listed) listServices();
  listed = plan;
  counts.clear();
  preselect();
};   // other gates count too: the server's numbers go before our own
prepare();
station = await openStation({ facing: "environment", onCode: scan, onNews: news, onLate: late });
document.querySelector("#camera video").addEventListener("playing", listCameras);
if (data.live) {
  openLive(data.live, { counts: ({ services = {} }) => {
    for (const [key, one] of Object.entries(services)) counts.set(key, one);
    paintCount();
  } });
}
