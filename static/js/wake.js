/* Keeps the screen on while a station works.
 *
 *   const awake = stayAwake(() => wanted)     call awake() from a tap; it is asked for again whenever the page comes back
 *
 * Browsers give the lock back when the page is hidden; where it is missing (plain http) the tablet's own setting rules.
 */
export function stayAwake(wanted) {
  let lock = null;
  async function ask() {
    if (!wanted() || document.hidden || !navigator.wakeLock || (lock && !lock.released)) return;
    try {
      lock = await navigator.wakeLock.request("screen");
    } catch {
      lock = null;           // refused on low battery: asked for again at the next visibility change
    }
  }
  document.addEventListener("visibilitychange", ask);
  return ask;
}
