/* Whole-screen questions over a station page (.sheet). One at a time; the camera rests while one asks.
 *
 *   const sheets = openSheets({onOpen, onClose, quiet: {id: ms}})    [data-open="id"] opens, [data-close] and Escape close
 *   sheets.open(id) · sheets.close() · sheets.current    closes by itself after 45 s (or its `quiet`) without a touch
 *   say(sheet, text)                                 the sheet's own line for what is wrong
 */
import { fill, onTap } from "./page.js";

const QUIET_MS = 45000;

export function openSheets({ onOpen = () => {}, onClose = () => {}, quiet = {} } = {}) {
  let current = null, timer = 0;

  function rest() {
    clearTimeout(timer);
    if (current) timer = setTimeout(close, quiet[current.id] ?? QUIET_MS);
  }

  function open(id) {
    close();
    current = document.getElementById(id);
    current.hidden = false;
    current.querySelector("input, button.primary")?.focus();
    rest();
    onOpen(id);
  }

  function close() {
    if (!current) return;
    const sheet = current;
    current = null;
    clearTimeout(timer);
    sheet.hidden = true;
    sheet.querySelector("form")?.reset();
    sheet.querySelector(".note-line")?.replaceChildren();
    onClose(sheet.id);
  }

  onTap("[data-open]", ({ currentTarget }) => open(currentTarget.dataset.open));
  onTap("[data-close]", close);
  addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
  for (const kind of ["pointerdown", "keydown", "input"]) addEventListener(kind, rest, true);
  return { open, close, get current() { return current; } };
}

export function say(sheet, text) {
  fill(sheet.querySelector(".note-line"), text);
}
