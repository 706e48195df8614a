/* How long the pairing code is still good, in the words that the page brings: data-words="… {time} …". The state itself
 * comes from the server (htmx asks every two seconds), so a wrong clock here only shows a wrong count-down. */
let born = 0, skew = 0;

function tick() {
  const clock = document.querySelector("[data-until]");
  if (!clock) return;
  const until = Date.parse(clock.dataset.until);
  if (born !== until) {
    born = until;
    skew = Math.min(0, 600000 - (until - Date.now()));    // never more than the ten minutes it has
  }
  const left = Math.max(0, Math.round((until - Date.now() + skew) / 1000));
  const text = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  clock.value = clock.dataset.words.replace("{time}", text);
}

tick();
setInterval(tick, 1000);
