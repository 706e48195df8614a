/* The server's live stream, kept alive by hand: closed while the page is hidden (iOS kills it silently), opened again when
 * it is seen, with jitter so that two hundred tablets do not return in one second. Each connect sends the full state.
 *
 *   const stop = openLive(url, {counts: (data) => …, printer: …}, {onState})      onState("on" | "off" | "refused")
 */
const NAMES = ["counts", "arrival", "printer", "station", "alert"];

export function openLive(url, handlers, { onState = () => {} } = {}) {
  let source = null, timer = 0, failures = 0;

  function open() {
    clearTimeout(timer);
    if (source || document.hidden) return;
    source = new EventSource(url);
    source.onopen = () => { failures = 0; onState("on"); };
    source.onerror = () => {
      const refused = source.readyState === EventSource.CLOSED && failures >= 3;
      close();
      onState(refused ? "refused" : "off");
      failures += 1;
      timer = setTimeout(open, Math.min(30000, 1000 * 2 ** failures) * (0.5 + Math.random()));
    };
    for (const name of NAMES.filter((one) => handlers[one])) {
      source.addEventListener(name, ({ data }) => handlers[name](JSON.parse(data)));
    }
  }

  function close() {
    source?.close();
    source = null;
  }

  const seen = () => (document.hidden ? close() : open());
  document.addEventListener("visibilitychange", seen);
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
  return () => { close(); clearTimeout(timer); document.removeEventListener("visibilitychange", seen); };
}
