/* Loaded before the first paint, so a dark hall sees no white flash. A classic script: modules run too late for that.
   <button data-theme-toggle> changes it; the choice stays on this device. */
(function () {
  "use strict";
  var KEY = "huiwu.theme", root = document.documentElement;
  function read() { try { return localStorage.getItem(KEY); } catch (error) { return null; } }
  var kept = read();
  if (kept === "light" || kept === "dark") root.dataset.theme = kept;
  document.addEventListener("click", function (event) {
    if (!event.target.closest || !event.target.closest("[data-theme-toggle]")) return;
    var dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem(KEY, root.dataset.theme); } catch (error) { /* holds until the reload */ }
  });
})();
