/* Opens a station's page while no server answers. The server writes BUILD and FILES (address -> SHA-256) before this text.
 *
 *   /station    the network first; after 2.5 s, or when there is none, the page as it was last (marked data-kept)
 *   FILES       from this build's own cache, never from another's
 *   all else    not touched: answers of the API, the desk's parts and every other page go to the network
 *
 * A page of another build than this one empties the cache: its files come from the network until the new worker, which
 * has all of them or none, takes over. A page that leads elsewhere (the tablet has left its station) is forgotten.
 */
/* global BUILD, FILES */
const CACHE = `huiwu-${BUILD}`;
const PAGE = "/station";
const PATIENCE_MS = 2500;

self.addEventListener("install", (event) => {
  event.addRoutes?.([{ condition: { requestMethod: "POST" }, source: "network" },
                     { condition: { urlPattern: new URLPattern({ pathname: "/api/*" }) }, source: "network" }]);
  event.waitUntil(keepAll());
});

self.addEventListener("activate", (event) => event.waitUntil(takeOver()));

self.addEventListener("message", ({ data }) => { if (data === "take over") self.skipWaiting(); });

self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== self.location.origin) return;
  if (event.request.mode === "navigate" && pathname === PAGE) event.respondWith(open(event.request));
  else if (pathname in FILES) event.respondWith(file(event.request, pathname));
});

async function keepAll() {
  const cache = await caches.open(CACHE);
  const paths = Object.keys(FILES);
  await Promise.all([0, 1, 2, 3].map(async () => {
    for (let path = paths.pop(); path; path = paths.pop()) await keep(cache, path);
  }));
  const page = await fetch(PAGE, { cache: "no-store", redirect: "manual" }).catch(() => null);
  if (page && isOurs(page)) await cache.put(PAGE, page);
}

/** A server that was replaced in the middle gives a file that is not on the list: then nothing of it is kept. */
async function keep(cache, path) {
  const answer = await fetch(path, { cache: "no-cache" });
  const bytes = await answer.clone().arrayBuffer();
  const digest = [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))];
  const hex = digest.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (!answer.ok || hex !== FILES[path]) throw new Error("another version");
  await cache.put(path, answer);
}

async function takeOver() {
  for (const name of await caches.keys()) if (name.startsWith("huiwu-") && name !== CACHE) await caches.delete(name);
  await self.clients.claim();
}

async function file(request, pathname) {
  return await (await caches.open(CACHE)).match(pathname) ?? fetch(request);
}

async function open(request) {
  const network = fetch(request).then(noted);
  const soon = new Promise((_done, fail) => { setTimeout(() => fail(new Error("late")), PATIENCE_MS); });
  const answer = await Promise.race([network, soon]).catch(() => null);
  if (answer && answer.status < 500) return answer;
  network.catch(() => {});
  return await asItWas() ?? answer ?? network;
}

async function noted(answer) {
  if (isOurs(answer)) await (await caches.open(CACHE)).put(PAGE, answer.clone());
  else if (answer.ok) await caches.delete(CACHE);
  else if (answer.type === "opaqueredirect") await (await caches.open(CACHE)).delete(PAGE);
  return answer;
}

const isOurs = (answer) => answer.ok && answer.headers.get("X-Huiwu-Build") === BUILD;

/** The page says of itself that it is an old one: its time and its numbers are those of then. */
async function asItWas() {
  const page = await (await caches.open(CACHE)).match(PAGE);
  if (!page) return null;
  const text = (await page.text()).replace("<html ", '<html data-kept="" ');
  return new Response(text, { headers: page.headers });
}
