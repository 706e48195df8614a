/* Whether this device trusts our certificate. A browser that was told to ignore the warning opens the page all the same,
   but registers no service worker: so one is registered, for nothing, and taken away again. */
const box = document.getElementById("check");

async function isTrusted() {
  if (!("serviceWorker" in navigator)) return false;
  try {
    const registration = await navigator.serviceWorker.register(box.dataset.worker);
    await registration.unregister();
    return true;
  } catch {
    return false;
  }
}

box.dataset.state = (await isTrusted()) ? "trusted" : "not";
