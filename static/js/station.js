/* What every scanning page does alike: camera, wedge, outbox, language, clock, status chip, and one scan's way to a verdict.
 *
 *   const station = await openStation({facing, onCode, onNews, onLate})
 *     onCode(text)          a new sighting, whether camera or wedge; never twice while its answer is under way
 *     onNews(data)          a fresh GET /api/v1/station, twice a minute
 *     onLate({scan, result})  an answer that came after the screen had said "kept on this tablet"
 *   station.alone                             the offline snapshot (alone.js), or null
 *   await station.judge(scan, show) -> result    sends through the outbox and shows the verdict
 *     show = {service, direction, grant, leave, ring, extra: (result) => nodes, onLeave}
 *   station.pause() · station.resume() · station.forget()     the camera while a sheet asks something
 *
 * openStation({cannotWait: true}) is a kiosk: what has no answer is taken back, and the person sent to the desk.
 * A page from the worker's cache (html[data-kept]) takes plan and time from the last news that this tablet had.
 *
 * The page carries: #camera (kiosk/_camera.html), #link, #clock, [data-language], #verdict; a gate and a desk #copy.
 */
import { openAlone } from "./alone.js";
import { offsetNow, setServerTime, startClock } from "./clock.js";
import { openOutbox } from "./outbox.js";
import { bi, data, fill, language, onTap, setLanguage, toast } from "./page.js";
import { createScanner } from "./scanner.js";
import { unlock } from "./sounds.js";
import { calm, face, show } from "./verdict.js";
import { listenWedge } from "./wedge.js";
import { camera as cameraWords, copy as copyWords, ASIDE, link as linkWords, OVER } from "./words.js";
import { keepPages } from "./worker.js";

const ASKING_AFTER_MS = 150;
const NEWS_EVERY_MS = 30000;
const NOTICED_MS = 300;
let noticed = 0;

export async function openStation({ facing = "environment", onCode, onNews = () => {}, onLate = () => {}, cannotWait = false }) {
  const isKept = "kept" in document.documentElement.dataset;
  if (!isKept) setServerTime(data.server_time);
  const underWay = new Set();
  const failed = new Set();
  const take = (text, source, { held }) => {
    if (underWay.has(text) || (held && !failed.has(text))) return;
    if (source === "camera") notice();
    unlock();
    onCode(text, source);
  };
  const scanner = startCamera(facing, take);
  listenWedge(take);
  startChrome();
  const outbox = await openOutbox().catch((error) => { noShelf(); throw error; });
  if (isKept) await remember(outbox, onNews);
  const alone = cannotWait ? null : await openAlone(outbox, { onChange: () => sayCopy(alone) });
  outbox.alone = cannotWait ? async () => ({ pending: true, withdrawn: true }) : alone?.judge ?? null;
  sayCopy(alone);
  listen(outbox, alone, onNews, onLate);
  keepPages(() => !face() && !document.querySelector(".sheet:not([hidden])"));
  return {
    outbox, scanner, alone,
    judge: (scan, wish) => judge(outbox, underWay, failed, scan, wish),
    pause: () => scanner.pause(), resume: () => scanner.resume(), forget: () => scanner.forget(),
  };
}

/** The next frame of the screen says that a code was seen: who holds it need not wait for the answer to know. */
function notice() {
  const frame = document.getElementById("camera");
  frame.dataset.seen = "";
  clearTimeout(noticed);
  noticed = setTimeout(() => { delete frame.dataset.seen; }, NOTICED_MS);
}

function noShelf() {
  const chip = document.getElementById("link");
  chip.className = "chip dot line bi bad";
  fill(chip, { zh: "此浏览器存不了记录，不能扫码", en: "This browser cannot keep scans" });
}

async function judge(outbox, underWay, failed, scan, wish) {
  const context = { ...data, zone: data.event?.timezone, ...wish, extra: undefined };
  const slow = setTimeout(() => show({ asking: true }, context), ASKING_AFTER_MS);
  underWay.add(scan.code);
  let result;
  try {
    result = await outbox.submit(scan, { grant: wish.grant ?? null });
  } catch {
    result = { error: "not_kept", message: language() === "en" ? "This tablet's storage is full" : "本机存储已满" };
  }
  clearTimeout(slow);
  underWay.delete(scan.code);
  failed[result.error ? "add" : "delete"](scan.code);
  await calm();
  show(result, { ...context, extra: wish.extra?.(result) ?? [] });
  return result;
}

/** Plan and clock as this tablet heard them last, where the page itself is older. */
async function remember(outbox, onNews) {
  const { news, offset } = await outbox.store.read("news").catch(() => null) ?? {};
  if (news?.station.key !== data.station.key) return;
  Object.assign(data, news);
  setServerTime(new Date(Date.now() + offset).toISOString());
  onNews(data);
}

function sayCopy(alone) {
  const line = document.getElementById("copy");
  if (line) fill(line, copyWords(alone, data));
}

/** Over: what everybody has seen is forgotten here, as soon as nothing waits. */
async function end(outbox, alone) {
  if (await outbox.waiting()) return;
  await outbox.forget();
  await alone?.forget();
  if (document.querySelector(".over-note")) return;
  document.body.append(bi("p", OVER, "over-note"));
}

function startCamera(facing, take) {
  const frame = document.getElementById("camera");
  const say = frame.querySelector(".say");
  const start = frame.querySelector("[data-start]");
  const onState = (state) => {
    frame.dataset.state = state;
    fill(say, cameraWords[state]);
    start.hidden = !["stopped", "denied"].includes(state);
  };
  const scanner = createScanner({ video: frame.querySelector("video"), onCode: take, onState, facing });
  start.addEventListener("click", () => { unlock(); scanner.start(); });
  addEventListener("pointerdown", unlock);
  if (!window.isSecureContext) scanner.start();
  navigator.permissions?.query({ name: "camera" }).then(
    ({ state }) => { if (state === "granted") scanner.start(); }, () => {});
  return scanner;
}

function startChrome() {
  const clock = document.getElementById("clock");
  if (clock) startClock(clock, data.event?.timezone);
  onTap("[data-language]", () => {
    setLanguage(language() === "en" ? "zh" : "en");
    document.dispatchEvent(new CustomEvent("language"));
  });
}

function listen(outbox, alone, onNews, onLate) {
  const chip = document.getElementById("link");
  const status = ({ state, waiting }) => {
    const { tone, text } = linkWords(state, waiting);
    chip.className = `chip dot line bi ${tone}`;
    document.body.dataset.link = state;
    fill(chip, text);
  };
  const ask = async () => {
    if (document.hidden) return;
    const { status: code, data: news } = await outbox.check();
    if (code !== 200) return;
    setServerTime(news.server_time);
    Object.assign(data, news);
    if (!news.event?.trial) document.querySelector(".trial")?.remove();     // it went live meanwhile
    await outbox.store.note("news", { news, offset: offsetNow() });
    if (news.closed_at) await end(outbox, alone);
    onNews(news);
  };
  outbox.waiting().then((waiting) => status({ state: outbox.state, waiting }));
  outbox.addEventListener("status", (event) => status(event.detail));
  outbox.addEventListener("late", ({ detail }) => (detail.result.error === "kept_aside" ? toast(ASIDE, "ask") : onLate(detail)));
  setInterval(ask, NEWS_EVERY_MS);
  ask();
}
