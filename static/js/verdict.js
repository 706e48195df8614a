/* The verdict: the whole screen, in its own layer, so that nothing else moves. One element, id="verdict".
 *
 *   show(result, {service, services, categories, zone, leave, ring, plain, extra, onLeave})
 *       result    an answer of api.md, {pending: true, why}, {asking: true} or {error, message}
 *       leave     ms until it goes by itself; 0 keeps it until the next one
 *       plain     no chips and no seat in the fact: the kiosk shows less, and places in `extra`
 *       extra     nodes under the fact (the kiosk's seat, table and programme)
 *   prepare()     draws what every verdict needs, so that the first one is as quick as the others
 *   hide()        clears every word of it;  a tap, Escape or the time does so too
 *   face()        "" or the face that is shown;  calm() resolves once a refusal has been readable for a moment
 *
 * data-verdict: accepted refused waiting error asking · data-reason · data-scan-id · data-face for the style sheet.
 * data-offline="1": the tablet judged by itself; blue, with the word for it, the shape says which verdict.
 */
import { drawing, bi, make } from "./page.js";
import { play } from "./sounds.js";
import { describe, OFFLINE } from "./words.js";

const FACES = ["accepted", "used", "refused", "waiting", "asking"];
const READABLE_MS = 1200;
const SIZES = [[1, 1, 1], [0.85, 0.95, 1], [0.7, 0.9, 1], [0.6, 0.8, 1], [0.55, 0.7, 0.95], [0.5, 0.65, 0.85]];
const SMALL = [[0.55, 0.7, 0.9], [0.45, 0.6, 0.7], [0.4, 0.5, 0.55], [0.3, 0.4, 0.4], [0.1, 0.3, 0.3]];
let element = null, timer = 0, ticking = 0, leaving = null, shownAt = 0;

export function prepare() {
  layer();
}

function layer() {
  if (element) return element;
  element = document.getElementById("verdict");
  const shapes = make("div", "verdict-shapes");
  shapes.append(...FACES.map((face) => drawing("../img/verdict.svg", face, `shape ${face}`)));
  element.replaceChildren(shapes, make("div", "verdict-text"));
  element.addEventListener("click", hide);
  addEventListener("resize", fit);
  document.addEventListener("language", fit);
  addEventListener("keydown", (event) => { if (event.key === "Escape" && face()) hide(); });
  return element;
}

export const face = () => element?.dataset.face ?? "";

export async function calm() {
  const stern = face() === "refused" || face() === "used";
  const left = shownAt + READABLE_MS - performance.now();
  if (stern && left > 0) await new Promise((done) => setTimeout(done, left));
}

export function show(result, context = {}) {
  const said = describe(result, context);
  const root = layer();
  stopClocks();
  root.querySelector(".verdict-text").replaceChildren(...textOf(result, said, context));
  Object.assign(root.dataset, { face: said.face, verdict: verdictOf(result), reason: result.reason ?? "", scanId: result.id ?? "" });
  markOffline(root, result);
  document.body.dataset.face = said.face;
  shownAt = performance.now();
  leaving = context.onLeave ?? null;
  fit();
  if (said.face !== "asking") play(said.face);
  if (context.leave) leaveAfter(root, context.leave, context.ring);
}

export function hide() {
  if (!element || !face()) return;
  stopClocks();
  for (const name of ["face", "verdict", "reason", "scanId", "offline"]) delete element.dataset[name];
  delete document.body.dataset.face;
  element.querySelector(".verdict-text").replaceChildren();
  const left = leaving;
  leaving = null;
  left?.();
}

/** The largest sizes at which nothing is cut off: the shape gives way first, then the lines, then the programme, the word last. */
function fit() {
  if (face()) [...SIZES.map((sizes) => [false, sizes]), ...SMALL.map((sizes) => [true, sizes])].some(fits);
}

function fits([tight, [shape, text, word]]) {
  element.classList.toggle("tight", tight);
  for (const [name, value] of Object.entries({ "--shape": shape, "--text": text, "--word": word })) {
    element.style.setProperty(name, value);
  }
  return element.scrollHeight <= element.clientHeight && element.scrollWidth <= element.clientWidth;
}

const isOwn = ({ offline, verdict }) => Boolean(offline && verdict);

function markOffline(root, result) {
  if (isOwn(result)) root.dataset.offline = "1";
  else delete root.dataset.offline;
}

function verdictOf(result) {
  if (result.asking) return "asking";
  if (result.pending) return "waiting";
  return result.error ? "error" : result.verdict;
}

function textOf(result, said, context) {
  const nodes = [fitted(bi("p", said.word, "verdict-word"), said.word)];
  if (isOwn(result)) nodes.unshift(bi("p", OFFLINE, "verdict-own"));
  const { name, org } = result.attendee ?? {};
  if (name) nodes.push(who(name, org));
  if (said.chips.length && !context.plain) nodes.push(chips(said.chips));
  if (said.fact) nodes.push(bi("p", said.fact, "verdict-fact"));
  if (said.advice) nodes.push(bi("p", said.advice, "verdict-do"));
  return [...nodes, ...(context.extra ?? [])];
}

function who(name, org) {
  const line = make("p", "verdict-who");
  const strong = make("strong", "verdict-name", name);
  strong.style.setProperty("--length", width(name));
  line.append(strong);
  if (org) line.append(make("span", "verdict-org", org));
  return line;
}

function chips(texts) {
  const list = make("ul", "verdict-chips");
  list.append(...texts.map((text) => bi("li", text, "line")));
  return list;
}

/** The word is as large as its line allows: its length in ems goes to the style sheet. */
function fitted(line, { zh, en }) {
  line.style.setProperty("--zh", width(zh));
  line.style.setProperty("--en", width(en));
  return line;
}

function width(text) {
  const ems = [...text].reduce((sum, letter) => sum + (letter.codePointAt(0) > 0x2e7f ? 1.02 : /[mwMW@]/.test(letter) ? 0.95 : 0.62), 0);
  return Math.max(1, ems).toFixed(2);
}

function leaveAfter(root, ms, ring) {
  timer = setTimeout(hide, ms);
  if (!ring) return;
  let left = Math.ceil(ms / 1000);
  const count = make("span", "ring", String(left));
  count.setAttribute("aria-hidden", "true");
  count.style.setProperty("--leave", `${ms}ms`);
  root.append(count);
  ticking = setInterval(() => { left -= 1; count.textContent = String(Math.max(left, 0)); }, 1000);
}

function stopClocks() {
  clearTimeout(timer);
  clearInterval(ticking);
  element?.querySelector(".ring")?.remove();
}
