/* The outbox's shelf on this tablet: IndexedDB "huiwu", two stores.
 *
 *   scans   {n, scan, grant, acked: 0|1|2, final: null|error code, at}  n counts up: the order of sending
 *           2: acknowledged, and to be undone (the tablet had refused it by itself); own: what the tablet judged;
 *           seq, verdict, direction: the server's answer; voided: undone
 *   notes   {key, value}                                               epoch and head the server promised, the last news
 *
 * `openStore(name)` -> {add, waiting, undoing, count, all, update, drop, settle, unack, forget, note, read}
 *   add(rows, limit)       -> the first `limit` waiting rows, these among them: one transaction before a scan is sent
 *   update(rows)           the same rows again, on the disk when it resolves
 *   settle(rows, judge)    rows and the promise in one transaction; judge(promise) -> {promise, restored}; a restored
 *                          server makes every row wait again; -> restored
 *
 * `add` alone asks for durability "relaxed": the row survives the page and the browser at once, and the disk has it some
 * moments later. Strict waits for the disk (3-50 ms on tablets) with a person standing there. What the screen promises is
 * on a disk nevertheless: green means the server's, and before it says "kept on this tablet" `update` has waited for ours.
 */
export async function openStore(name = "huiwu") {
  const base = await opened(name);

  function run(stores, mode, work, durability = "strict") {
    return new Promise((done, fail) => {
      const deal = base.transaction(stores, mode, { durability });
      let value;
      deal.oncomplete = () => done(value);
      deal.onerror = deal.onabort = () => fail(deal.error);
      work(deal, (result) => { value = result; });
    });
  }
  const keep = (request, tell) => { request.onsuccess = () => tell(request.result); };

  return {
    add: (rows, limit) => run("scans", "readwrite", (deal, tell) => {
      const scans = deal.objectStore("scans");
      for (const row of rows) keep(scans.add(row), (n) => { row.n = n; });
      keep(scans.index("acked").getAll(0, limit), tell);
    }, "relaxed"),
    waiting: (limit) => run("scans", "readonly", (deal, tell) =>
      keep(deal.objectStore("scans").index("acked").getAll(0, limit), tell)),
    undoing: () => run("scans", "readonly", (deal, tell) => keep(deal.objectStore("scans").index("acked").getAll(2), tell)),
    all: () => run("scans", "readonly", (deal, tell) => keep(deal.objectStore("scans").getAll(), tell)),
    drop: (n) => run("scans", "readwrite", (deal) => deal.objectStore("scans").delete(n)),
    count: () => run("scans", "readonly", (deal, tell) => keep(deal.objectStore("scans").index("acked").count(0), tell)),
    update: (rows) => run("scans", "readwrite", (deal) => rows.forEach((row) => deal.objectStore("scans").put(row))),
    settle: (rows, judge) => run(["scans", "notes"], "readwrite", (deal, tell) => {
      for (const row of rows) deal.objectStore("scans").put(row);
      keep(deal.objectStore("notes").get("promise"), (row) => {
        const { promise, restored } = judge(row?.value);
        if (promise) deal.objectStore("notes").put({ key: "promise", value: promise });
        if (restored) waitAgain(deal);
        tell(restored);
      });
    }),
    unack: () => run("scans", "readwrite", waitAgain),
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

/** Whom the screen let through has been let through, and has the slip: so it is told, and nothing is printed twice. What
 * was taken back is not told again. */
function waitAgain(deal) {
  eachAcked(deal, (cursor) => {
    const row = cursor.value;
    if (row.final || row.voided) return;
    cursor.update({ ...row, acked: 0, resent: true, scan: { ...row.scan, offline: row.verdict === "accepted" } });
  });
}

function eachAcked(deal, work) {
  deal.objectStore("scans").index("acked").openCursor(IDBKeyRange.lowerBound(1)).onsuccess = ({ target: { result: cursor } }) => {
    if (!cursor) return;
    work(cursor);
    cursor.continue();
  };
}
