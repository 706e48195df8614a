/* The outbox's shelf on this tablet: IndexedDB "huiwu", two stores.
 *
 *   scans   {n, scan, grant, acked: 0|1, final: null|error code, at}    n counts up: the order of sending
 *   notes   {key, value}                                               epoch and head the server promised
 *
 * `openStore(name)` -> {add, waiting, update, unack, forget, note, read}. Writes ask for durability "strict":
 * a scan is on the disk before it is sent.
 */
export async function openStore(name = "huiwu") {
  const base = await opened(name);

  function run(stores, mode, work) {
    return new Promise((done, fail) => {
      const deal = base.transaction(stores, mode, { durability: "strict" });
      let value;
      deal.oncomplete = () => done(value);
      deal.onerror = deal.onabort = () => fail(deal.error);
      work(deal, (result) => { value = result; });
    });
  }
  const keep = (request, tell) => { request.onsuccess = () => tell(request.result); };

  return {
    add: (row) => run("scans", "readwrite", (deal, tell) => keep(deal.objectStore("scans").add(row), tell)),
    waiting: (limit) => run("scans", "readonly", (deal, tell) =>
      keep(deal.objectStore("scans").index("acked").getAll(0, limit), tell)),
    count: () => run("scans", "readonly", (deal, tell) => keep(deal.objectStore("scans").index("acked").count(0), tell)),
    update: (rows) => run("scans", "readwrite", (deal) => rows.forEach((row) => deal.objectStore("scans").put(row))),
    unack: () => run("scans", "readwrite", (deal) => eachAcked(deal, (cursor) => {
      if (!cursor.value.final) cursor.update({ ...cursor.value, acked: 0, resent: true });
    })),
    forget: () => run("scans", "readwrite", (deal) => eachAcked(deal, (cursor) => cursor.delete())),
    note: (key, value) => run("notes", "readwrite", (deal) => deal.objectStore("notes").put({ key, value })),
    read: (key) => run("notes", "readonly", (deal, tell) =>
      keep(deal.objectStore("notes").get(key), (row) => tell(row?.value))),
  };
}

function opened(name) {
  return new Promise((done, fail) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("scans", { keyPath: "n", autoIncrement: true }).createIndex("acked", "acked");
      request.result.createObjectStore("notes", { keyPath: "key" });
    };
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });
}

function eachAcked(deal, work) {
  deal.objectStore("scans").index("acked").openCursor(1).onsuccess = ({ target: { result: cursor } }) => {
    if (!cursor) return;
    work(cursor);
    cursor.continue();
  };
}
