/* The desk's verdict: a band over the page's head, so that nothing moves and the card stays in sight. One element, id="verdict".
 *
 *   showBand({face, verdict, reason, id, word, fact, offline})     face: accepted used refused waiting; goes by itself, or by a tap
 *   hideBand()
 */
import { drawing, language, make } from "./page.js";
import { OFFLINE } from "./words.js";

const SHOWN_MS = { accepted: 4000, waiting: 6000, used: 9000, refused: 9000 };
const root = document.getElementById("verdict");
let timer = 0;

export function showBand({ face, verdict, reason, id, word, fact, offline = false }) {
  clearTimeout(timer);
  const text = make("div", "band-text");
  if (offline) text.append(make("em", "", OFFLINE[language()]));
  text.append(make("strong", "", word), make("span", "", fact ?? ""));
  root.replaceChildren(drawing("../img/verdict.svg", face, "band-shape"), text);
  Object.assign(root.dataset, { face, verdict, reason: reason ?? "", scanId: id ?? "" });
  if (offline) root.dataset.offline = "1";
  else delete root.dataset.offline;
  timer = setTimeout(hideBand, SHOWN_MS[face] ?? SHOWN_MS.refused);
}

export function hideBand() {
  clearTimeout(timer);
  for (const name of ["face", "verdict", "reason", "scanId", "offline"]) delete root.dataset[name];
  root.replaceChildren();
}

root.addEventListener("click", hideBand);
