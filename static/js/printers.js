/* The printers' pages: the part #now is fetched again when the live stream says that a printer or a job moved.
 * What a person has open (a menu, a focused field) is left alone until they are done. Works without this module: the
 * page is whole as it came. A lead's browser gets no stream and asks every few seconds instead.                        */
import { openLive } from "./live.js";

const QUIET_MS = 300, AGES_MS = 15000, ALONE_MS = 3000;
const now = document.getElementById("now");
const chip = document.getElementById("live");
let timer = 0, due = false, alone = false;

const isHeld = () => now.querySelector("details[open]") || now.contains(document.activeElement?.closest("input, select"));

function soon(wait = QUIET_MS) {
  if (due) return;
  due = true;
  setTimeout(refresh, wait);
}

async function refresh() {
  due = false;
  clearTimeout(timer);
  timer = setTimeout(soon, alone ? ALONE_MS : AGES_MS);
  if (document.hidden || isHeld()) return;
  try {
    const answer = await fetch(now.dataset.url, { headers: { "HX-Request": "true" } });
    if (answer.ok && !answer.redirected && !isHeld()) show(await answer.text());
    say(answer.ok);
  } catch {
    say(false);
  }
}

function show(html) {
  const next = document.createElement("template");
  next.innerHTML = html;
  const focus = document.activeElement?.closest("#now button") ? describe(document.activeElement) : "";
  for (const list of next.content.querySelectorAll("[data-keyed]")) keep(list);
  now.replaceChildren(next.content);
  if (focus) [...now.querySelectorAll("button")].find((button) => describe(button) === focus)?.focus();
}

const describe = (button) => `${button.form?.action} ${button.value}`;

/* Pictures that are there already stay, so that nothing flickers; a new one comes out of the printer. */
function keep(list) {
  for (const item of [...list.children]) {
    const there = now.querySelector(`[data-keyed] > [data-key="${CSS.escape(item.dataset.key)}"]`);
    if (there) item.replaceWith(there);
    else item.classList.add("fresh");
  }
}

function say(on) {
  if (!chip) return;
  chip.textContent = on ? chip.dataset.on : chip.dataset.off;
  chip.classList.toggle("ok", on);
  chip.classList.toggle("ask", !on);
}

openLive("/api/v1/live", { printer: () => soon(), counts: () => soon() }, { onState: (state) => {
  alone = state === "refused";
  if (alone) soon(ALONE_MS);
  else if (state === "on") say(true);
} });
document.addEventListener("visibilitychange", () => soon());
now.addEventListener("toggle", () => soon(), true);
timer = setTimeout(soon, AGES_MS);
