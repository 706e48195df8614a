/* A scanner that types like a keyboard ("wedge"), told from a person by its speed.
 *
 *   const stop = listenWedge(onCode)      onCode(text, "wedge"); text is 0-9A-Z, upper case
 *
 * Reads KeyboardEvent.code, so neither the layout nor an input method matters, and it works wherever the focus is.
 * A scan is at least 8 keys with gaps up to 100 ms, ended by Enter or Tab. Short ones (under 16 keys; our own codes
 * have 21) must come at 35 ms a key or faster, because quick fingers can type "zhangsan" and Enter within 100 ms gaps.
 * After four fast keys no person is typing, and one gap of up to 300 ms (a busy tablet) no longer breaks the scan.
 * What the scanner typed into a field is taken out again; what was held back but was no scan is put back.
 */
const GAP = 100;
const STALL = 300;
const FAST = 35;
const SHORTEST = 8;
const SURE = 16;
const HOLD_AFTER = 3;
const PUT_BACK_MS = 500;

export function listenWedge(onCode, target = window) {
  const wedge = new Wedge(onCode);
  const listen = (event) => wedge.key(event);
  target.addEventListener("keydown", listen, true);
  return () => { wedge.drop(); target.removeEventListener("keydown", listen, true); };
}

class Wedge {
  constructor(onCode) {
    this.onCode = onCode;
    this.run = null;
  }

  key(event) {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (this.run && event.timeStamp - this.run.last > (this.run.quick > 3 ? STALL : GAP)) this.drop();
    if (["Enter", "NumpadEnter", "Tab"].includes(event.code)) this.#finish(event);
    else if (letterOf(event.code)) this.#letter(event, letterOf(event.code));
  }

  #letter(event, letter) {
    if (!this.run) this.#begin(event);
    const run = this.run;
    const near = run.text !== "" && event.timeStamp - run.last <= FAST;
    run.fast = near ? run.fast + 1 : 0;
    run.quick += near ? 1 : 0;
    run.text += letter;
    run.last = event.timeStamp;
    if (run.fast >= HOLD_AFTER && run.field && !event.isComposing) {
      event.preventDefault();
      run.held += event.key.length === 1 ? event.key : "";
    }
    clearTimeout(run.timer);
    run.timer = setTimeout(() => this.drop(), PUT_BACK_MS);
  }

  #begin(event) {
    const field = fieldOf(event.target);
    const before = field && { value: field.value, start: field.selectionStart, end: field.selectionEnd };
    this.run = { text: "", started: event.timeStamp, last: event.timeStamp, fast: 0, quick: 0, held: "", field, before, timer: 0 };
  }

  #finish(event) {
    const run = this.run;
    if (!run) return;
    if (!isScan(run)) { this.drop(); return; }
    event.preventDefault();
    event.stopImmediatePropagation();
    clearTimeout(run.timer);
    this.run = null;
    if (run.field) restore(run.field, run.before);
    this.onCode(run.text, "wedge", { held: false });
  }

  /** It was a person after all: what was held back goes into the field. */
  drop() {
    if (!this.run) return;
    clearTimeout(this.run.timer);
    if (this.run.held) putBack(this.run.field, this.run.held);
    this.run = null;
  }
}

function isScan(run) {
  if (run.text.length >= SURE) return true;
  return run.text.length >= SHORTEST && (run.last - run.started) / (run.text.length - 1) <= FAST;
}

function letterOf(code) {
  const match = /^(?:Key([A-Z])|(?:Digit|Numpad)([0-9]))$/.exec(code);
  return match ? match[1] || match[2] : "";
}

function fieldOf(element) {
  if (element instanceof HTMLTextAreaElement) return element;
  const typed = ["text", "search", "tel", "password", "url"];
  return element instanceof HTMLInputElement && typed.includes(element.type) ? element : null;
}

function putBack(field, text) {
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function restore(field, before) {
  if (field.value === before.value) return;
  field.value = before.value;
  field.setSelectionRange(before.start, before.end);
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
