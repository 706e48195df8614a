/* The offline snapshot of the roster on this tablet: sealed entries, each readable with its badge in hand only (api.md).
 *
 *   const snapshot = await openSnapshot()
 *   await snapshot.refresh(station)      asks for what is new; -> "new" "same" "gone" (no rights, or over) "later"
 *   await snapshot.find(code)            {entry} of a badge in hand, {entry: null} for a stranger's, null without a snapshot
 *   snapshot.about                       {revision, salt, epoch, station, head, at, count} or null
 *   snapshot.forget()
 *
 * Its own database, "huiwu-roster": entries under their address, and `about`, both in one transaction, so that a tablet
 * never holds half of one. Without crypto.subtle (plain http) there is none: `openSnapshot` gives null.
 */
import { get } from "./api.js";

const LONGEST_MS = 120000;      // 100,000 entries are 60 MB
const text = new TextEncoder();

export async function openSnapshot(name = "huiwu-roster") {
  if (!crypto.subtle || !window.isSecureContext) return null;
  const base = await opened(name);
  return new Snapshot(base, await value(base.transaction("notes").objectStore("notes").get("about")) ?? null);
}

class Snapshot {
  constructor(base, about) { Object.assign(this, { base, about }); }

  async refresh(station) {
    if (this.about && this.about.station !== station) await this.forget();
    const known = this.about?.revision;
    const asked = known ? `?since=${encodeURIComponent(known)}` : "";
    const { status, data } = await get(`/api/v1/roster${asked}`, known ? { "If-None-Match": `"${known}"` } : {}, LONGEST_MS);
    if (status === 304) return this.#seen();
    if ([401, 403, 410].includes(status)) { await this.forget(); return "gone"; }
    if (status !== 200 || !data?.revision) return "later";
    await this.#merge(data, station);
    return "new";
  }

  async find(code) {
    if (!this.about) return null;
    const address = hex(await crypto.subtle.digest("SHA-256", text.encode(code)));
    const sealed = await value(this.base.transaction("entries").objectStore("entries").get(address));
    return { entry: sealed ? await unsealed(sealed, code, this.about.salt) : null };
  }

  async forget() {
    this.about = null;
    const deal = this.base.transaction(["entries", "notes"], "readwrite");
    deal.objectStore("entries").clear();
    deal.objectStore("notes").clear();
    await ended(deal);
  }

  async #seen() {
    this.about = { ...this.about, at: Date.now() };
    const deal = this.base.transaction("notes", "readwrite");
    deal.objectStore("notes").put(this.about, "about");
    await ended(deal);
    return "same";
  }

  async #merge({ revision, salt, epoch, since, entries, removed }, station) {
    const deal = this.base.transaction(["entries", "notes"], "readwrite");
    const shelf = deal.objectStore("entries");
    if (since === null) shelf.clear();
    for (const address of removed) shelf.delete(address);
    for (const [address, sealed] of Object.entries(entries)) shelf.put(sealed, address);
    const about = { revision, salt, epoch, station, head: Number(revision.split(".").at(-1)), at: Date.now() };
    shelf.count().onsuccess = ({ target }) => {
      about.count = target.result;
      deal.objectStore("notes").put(about, "about");
    };
    await ended(deal);
    this.about = about;
  }
}

async function unsealed(sealed, code, salt) {
  const raw = await crypto.subtle.importKey("raw", text.encode(code), "HKDF", false, ["deriveKey"]);
  const key = await crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt: bytes(salt), info: text.encode("huiwu-roster") }, raw,
    { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
  const all = bytes(sealed);
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: all.subarray(0, 12) }, key, all.subarray(12));
  return JSON.parse(new TextDecoder().decode(plain));
}

const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function opened(name) {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("entries");
    request.result.createObjectStore("notes");
  };
  return value(request);
}

function value(request) {
  return new Promise((done, fail) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });
}

function ended(deal) {
  return new Promise((done, fail) => {
    deal.oncomplete = () => done();
    deal.onerror = deal.onabort = () => fail(deal.error);
  });
}
