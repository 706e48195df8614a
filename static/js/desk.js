/* The desk: a scan looks somebody up, a tap records. htmx swaps #work; camera, wedge and outbox stay.
 * The scanned code waits in memory, never on the page; somebody found by search is named by a handle, renewed when old. */
import { newId, post } from "./api.js";
import { hideBand, showBand } from "./band.js";
import { timeOf } from "./clock.js";
import { aloneCard } from "./desk-alone.js";
import { answered, details } from "./desk-asks.js";
import { data, language, toast } from "./page.js";
import { openLive } from "./live.js";
import { openSheets, say } from "./sheets.js";
import { play } from "./sounds.js";
import { openStation } from "./station.js";
import { describe } from "./words.js";

const HANDLE_FRESH_MS = 90000;
const PATIENCE_MS = 2500;           // then the desk looks into its own list
const QUIET_MS = 300000;            // nobody touched the desk for this long: the person leaves the screen
const { htmx } = window;
const at = (id) => document.getElementById(id);
const card = () => at("card");
const now = { code: null, looking: null, since: 0, asked: null, busy: false, same: false };
let quiet = 0, calm = 0, patience = 0;

const sheets = openSheets({ onOpen: () => station?.pause(), onClose: () => station?.resume() });
let station = null;

/* -- looking up ---------------------------------------------------------------------------------------------------- */
function look(code) {
  sheets.close();
  hideBand();
  at("q").value = "";
  now.looking = code;
  clearTimeout(patience);
  patience = setTimeout(lookAlone, PATIENCE_MS);
  return htmx.ajax("POST", "/desk/find", { target: "#work", values: { code } }).catch(() => {});     // said by its event
}

/** Nobody answers: the snapshot opens for the badge in hand. A late answer of the server puts its own card in place. */
async function lookAlone() {
  clearTimeout(patience);
  const code = now.looking;
  const looked = code && await station.alone?.look(code).catch(() => null);
  if (!looked || now.looking !== code) return toast({ zh: "连不上服务器，请再试", en: "No connection, please try again" }, "ask");
  station.outbox.dispatchEvent(new CustomEvent("status", { detail: { state: "offline", waiting: Number(at("waiting").textContent) } }));
  const context = { ...data, zone: data.event.timezone };
  const [{ said }] = looked;
  at("work").replaceChildren(...(said.holder ? [aloneCard(looked, context)] : []));
  now.code = said.holder ? code : null;
  if (said.holder) return hideBand();
  const words = describe(said, context);
  return showBand({ face: words.face, verdict: "refused", reason: said.reason, word: spoken(words.word), fact: spoken(words.advice), offline: true });
}

function arrived(asker) {
  clearTimeout(patience);
  if (asker?.id !== "find" && !now.same) at("q").value = "";
  if (!now.same) { at("work").scrollTop = 0; scrollTo(0, 0); }
  now.code = card()?.dataset.by === "code" ? now.looking : null;
  now.since = performance.now();
  const { trouble, message } = at("work").querySelector("[data-trouble]")?.dataset ?? {};
  if (trouble) showBand({ face: trouble === "revoked" ? "used" : "refused", verdict: "refused", reason: trouble, word: message });
  at("work").querySelector("[autofocus]")?.focus();
}

/** Who the scan is about: the badge that was shown, or a handle that is good for two minutes more. */
async function person() {
  if (now.code) return { code: now.code };
  const { who } = card().dataset;
  if (performance.now() - now.since < HANDLE_FRESH_MS) return { attendee: who };
  const { status, data: answer } = await send("/desk/handle", { who });
  if (status !== 200) return null;
  card().dataset.who = answer.attendee;
  now.since = performance.now();
  return { attendee: answer.attendee };
}

async function send(url, values) {
  try {
    const answer = await fetch(url, { method: "POST", body: new URLSearchParams(values), redirect: "error", headers: {
      "X-CSRFToken": csrf() } });
    return { status: answer.status, data: await answer.json().catch(() => null) };
  } catch { return { status: 0, data: null }; }
}

const csrf = () => document.querySelector('meta[name="csrf-token"]').content;

/* -- recording: one batch through the outbox, in the station's order ------------------------------------------------ */
async function record(chain, { grant = null, reason = null } = {}) {
  if (now.busy || !chain.length || !answered(chain)) return;
  now.busy = true;
  try {
    const who = await person();
    if (!who) return void toast({ zh: "连不上服务器，请再试", en: "No connection, please try again" }, "ask");
    const force = grant ? { force: true, reason } : {};
    const scans = chain.map((service) => ({ service, ...who, ...details(service), ...force }));
    settle(await station.outbox.submitAll(scans, { grant }), chain);
  } catch {
    toast({ zh: "本机存不下记录，请联系会务组", en: "This tablet cannot keep scans, please call the team" }, "bad");
  } finally { now.busy = false; }
}

function settle(results, chain) {
  const pending = results.find((one) => one.pending);
  const wrong = results.find((one) => one.error) ?? results.find((one) => one.verdict === "refused");
  const shown = wrong ?? pending ?? results.at(-1);
  const service = data.services.find((one) => one.key === chain[results.indexOf(shown)]);
  const said = describe(shown, { ...data, zone: data.event.timezone, service });
  const good = results.filter((one) => one.verdict === "accepted").length;
  const many = !wrong && good > 1;
  const done = { zh: `已办 ${good} 项`, en: `${good} done` };
  showBand({ face: said.face, verdict: shown.pending ? "waiting" : shown.error ? "error" : shown.verdict, reason: shown.reason,
             id: shown.id, offline: Boolean(shown.offline && shown.verdict), word: spoken(many ? done : said.word), fact: many ? names(chain) : factOf(said, shown, service) });
  play(said.face);
  const alone = results.filter((one) => one.pending || (one.offline && one.verdict === "accepted"));
  for (const one of alone) keep(chain[results.indexOf(one)]);
  if (!alone.length && !shown.offline) refresh();
}

const spoken = (text) => (text ? text[language()] || text.zh : "");
const nameOf = (service) => (language() === "en" && service?.name_en) || service?.name || "";
const names = (chain) => chain.map((key) => nameOf(data.services.find((one) => one.key === key))).join(" · ");
const factOf = (said, shown, service) => [nameOf(service), spoken(said.fact), shown.verdict === "accepted" ? "" : spoken(said.advice)]
  .filter(Boolean).join(" · ");

function keep(key) {
  const tile = at("work").querySelector(`.tile[data-service="${CSS.escape(key)}"]`);
  if (!tile) return;
  tile.className = "tile kept";
  tile.querySelector("small").textContent = language() === "en" ? "Kept on this tablet, will be sent" : "已记在本机，待上传";
}

async function refresh() {
  htmx.trigger("#recent", "refresh");
  const { who, by } = card()?.dataset ?? {};
  if (!who) return;
  const code = by === "code" ? now.code : null;
  now.same = true;
  if (code) { now.looking = code; await htmx.ajax("POST", "/desk/find", { target: "#work", values: { code } }); }
  else await htmx.ajax("GET", `/desk/person?who=${encodeURIComponent(who)}`, { target: "#work" });
  now.same = false;
}

/* -- undo, and the lead --------------------------------------------------------------------------------------------- */
async function undo(id, name, grant = null, reason = "误扫") {
  const { status, data: answer } = await post(`/api/v1/scans/${id}/void`, { id: newId(), reason }, grant ? { "X-Grant": grant } : {});
  if (status === 0 || status >= 500) return toast({ zh: "没有撤销，请再试", en: "Not undone, please try again" }, "ask");
  if (status === 403) return askLead({ undo: id, name });
  if (status === 200) station.outbox.undone(id);
  if (status !== 200) return toast({ zh: answer?.message ?? "不能撤销", en: answer?.message ?? "Cannot be undone" }, "bad");
  const hints = answer.results?.[0]?.hints ?? [];
  const english = language() === "en";          // names and hints come in the page's language, not in both
  toast({ zh: english ? "已撤销" : [`已撤销 ${name}`, ...hints].join(" · "),
          en: english ? [`Undone: ${name}`, ...hints].join(" · ") : "Undone" });
  return refresh();
}

function askLead(what) {
  now.asked = what;
  const verb = what.undo ? { zh: "撤销", en: "Undo" } : { zh: "破例办理", en: "Make an exception" };
  at("lead-what").textContent = `${verb[language()]}：${what.name}`;
  sheets.open("lead");
}

async function lead(event) {
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
  const asked = now.asked;
  sheets.close();
  return asked.undo ? undo(asked.undo, asked.name, answer.grant, reason) : record([asked.service], { grant: answer.grant, reason });
}

/* -- the desk itself -------------------------------------------------------------------------------------------------- */
function tap({ target }) {
  const undoing = target.closest("[data-undo]");
  if (undoing) {
    const { undo: id, name, late } = undoing.dataset;
    return late === undefined ? undo(id, name) : askLead({ undo: id, name });
  }
  const button = target.closest("[data-chain]");
  if (!button) return undefined;
  const { face, service, name, chain } = button.dataset;
  if (face === "later" || face === "done") return askLead({ service, name });
  return record(chain.split(" ").filter(Boolean));
}

function rest() {
  clearTimeout(quiet);
  quiet = setTimeout(() => { if (card()) blank(); }, QUIET_MS);
}

function blank() {
  now.code = now.looking = null;
  at("work").replaceChildren(at("empty").content.cloneNode(true));
}

async function listCameras() {
  const all = await station.scanner.cameras();
  at("cameras").hidden = all.filter((one) => one.label).length < 2;
  const select = at("cameras").querySelector("select");
  select.replaceChildren(...all.map((one) => new Option(one.label, one.id)));
  select.onchange = () => station.scanner.choose(select.value);
}

function late({ result, resent, own }) {
  if (own?.verdict === "refused" && result.verdict === "refused") return undefined;
  if (resent || (result.verdict === "accepted" && !result.conflict)) return htmx.trigger("#recent", "refresh");
  const when = result.first?.at ? timeOf(result.first.at, data.event.timezone) : "";
  return toast({ zh: `补传的一条记录需要处理：${result.message ?? ""} ${when}`, en: `A scan sent late needs a look: ${result.message ?? ""} ${when}` }, "ask");
}

document.body.addEventListener("htmx:configRequest", ({ detail }) => { detail.headers["X-CSRFToken"] = csrf(); });
document.body.addEventListener("htmx:afterSwap", ({ detail }) => { if (detail.target.id === "work") arrived(detail.requestConfig?.elt); });
for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.body.addEventListener(name, ({ detail }) => {
    if (detail.xhr?.status === 400) return location.reload();     // another session by now: the page's tokens are old
    if (detail.target?.id === "recent" || detail.target?.id === "jobs") return undefined;
    if (detail.requestConfig?.parameters?.code) return lookAlone();
    return toast({ zh: "连不上服务器，请再试", en: "No connection, please try again" }, "ask");
  });
}
at("work").addEventListener("click", tap);
at("q").addEventListener("input", hideBand);
document.querySelector("#lead form").addEventListener("submit", lead);
addEventListener("keydown", (event) => { if (event.key === "Escape" && !sheets.current) { hideBand(); blank(); } });
for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, rest, true);
addEventListener("pagehide", blank);
station = await openStation({ facing: "environment", onCode: look, onLate: late });
/** Whom the server showed just now is no stranger, even if the list is a minute older: then the scan waits. */
const own = station.outbox.alone;
station.outbox.alone = own && (async (scan, why) => {
  const said = await own(scan, why);
  return said?.reason === "unknown" && card() && !("offline" in card().dataset) ? null : said;
});
document.querySelector("#camera video").addEventListener("playing", listCameras);
station.outbox.addEventListener("status", ({ detail }) => { at("waiting").textContent = String(detail.waiting); });
openLive("/api/v1/live", { printer: () => {
  clearTimeout(calm);
  calm = setTimeout(() => htmx.trigger("#recent", "refresh"), 400);
} });
