/* Time on a tablet: what the server's clock says, in the event's time zone.
 *
 *   setServerTime(iso)        notes the server's time, so that shown times follow it and not the tablet's clock
 *   deviceNow()               the tablet's own time as ISO 8601 with its zone: `scanned_at` and X-Sent-At (the server
 *                             measures the tablet's offset from the pair of them)
 *   eventNow()                Date, corrected by the server's clock;  offsetNow() the ms that correct it
 *   timeOf(iso, zone, lang)   "11:42", with the day before it when it is another day than today
 *   isToday(when, zone)       whether it is today in the event's zone
 *   startClock(element, zone) keeps "09:12" in an element
 */
let offset = 0;

export function setServerTime(iso) {
  const at = Date.parse(iso);
  if (Number.isFinite(at)) offset = at - Date.now();
}

export const offsetNow = () => offset;

export function eventNow() {
  return new Date(Date.now() + offset);
}

export function deviceNow(date = new Date()) {
  const minutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + minutes * 60000).toISOString().slice(0, -1);
  const pad = (value) => String(Math.floor(Math.abs(value))).padStart(2, "0");
  return `${local}${minutes < 0 ? "-" : "+"}${pad(minutes / 60)}:${pad(minutes % 60)}`;
}

export function timeOf(iso, zone, lang = "zh") {
  const at = iso instanceof Date ? iso : new Date(iso);
  if (Number.isNaN(at.getTime())) return "";
  const locale = lang === "en" ? "en-GB" : "zh-CN";
  const write = (options) => new Intl.DateTimeFormat(locale, { timeZone: zone || undefined, ...options }).format(at);
  const time = write({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  if (isToday(at, zone)) return time;
  return `${write({ month: lang === "en" ? "short" : "long", day: "numeric" })} ${time}`;
}

export function isToday(when, zone) {
  const day = (date) => new Intl.DateTimeFormat("en-CA", { timeZone: zone || undefined }).format(date);
  return day(new Date(when)) === day(eventNow());
}

export function startClock(element, zone) {
  const tick = () => {
    const text = timeOf(eventNow(), zone);
    if (element.textContent !== text) element.textContent = text;
  };
  tick();
  return setInterval(tick, 1000);
}
