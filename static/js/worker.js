/* Registers the station worker, and lets a new one take over when nobody stands before the tablet.
 *
 *   keepPages(idle)     idle() says whether nothing would be lost by a reload
 */
const LOOK_EVERY_MS = 600000;
const IDLE_AFTER_MS = 20000;
let touched = performance.now();

export async function keepPages(idle) {
  if (!("serviceWorker" in navigator)) return;
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => { touched = performance.now(); }, true);
  const old = navigator.serviceWorker.controller;
  const quiet = () => idle() && performance.now() - touched > IDLE_AFTER_MS;
  try {
    const registration = await navigator.serviceWorker.register("/station-worker.js", { scope: "/station" });
    setInterval(() => registration.update().catch(() => {}), LOOK_EVERY_MS);
    setInterval(() => { if (registration.waiting && quiet()) registration.waiting.postMessage("take over"); }, 1000);
  } catch {
    return;      // the certificate is not installed: the page works, but not after a reload without a network
  }
  navigator.serviceWorker.addEventListener("controllerchange", () => { if (old) location.reload(); });
}
