/* The desk's card while no server answers: who this is and what is open, from the snapshot, badge in hand.
 *
 *   aloneCard(looked)    looked = alone.look(code) -> the node for #work; its tiles carry data-chain as the server's do
 *
 * No undo, no reprint, no correction: those are the server's. Questions are asked with the server's own markup.
 */
import { bi, icon, language, make } from "./page.js";
import { describe, OFFLINE } from "./words.js";

const spoken = (text) => (text ? text[language()] || text.zh : "");
const named = (service) => (language() === "en" && service.name_en) || service.name;

export function aloneCard(looked, context) {
  const [{ said: first }] = looked;
  const root = make("article", "person");
  Object.assign(root, { id: "card" });
  Object.assign(root.dataset, { who: "", by: "code", offline: "1" });
  const note = make("p", "notice info");
  note.append(icon("circle-alert"), bi("span", { zh: `${OFFLINE.zh}：按本机名单，记录会上传`,
                                                 en: `${OFFLINE.en}: by this tablet's list, to be sent` }, "line"));
  root.append(note);
  if (first.attendee) root.append(who(first, context));
  root.append(tiles(looked, context));
  return root;
}

function who({ attendee, hints }, { categories = [] }) {
  const box = make("header", "card who-card");
  const name = make("div", "who-name");
  const category = categories.find((one) => one.key === attendee.category);
  const bits = make("p", "bits");
  for (const text of [attendee.org, category && ((language() === "en" && category.name_en) || category.name)]) {
    if (text) bits.append(make("span", "", text));
  }
  name.append(make("h2", "", attendee.name), bits);
  const chips = make("ul", "hints");
  chips.append(...hints.map((hint) => make("li", "chip ask", hint)));
  box.append(name, places(attendee), chips);
  return box;
}

function places({ seat, table }) {
  const list = make("dl", "places");
  for (const [label, value] of [[{ zh: "座位", en: "Seat" }, seat], [{ zh: "餐桌", en: "Table" }, table]]) {
    if (!value) continue;
    const box = make("div");
    box.append(make("dt", "", spoken(label)), make("dd", "num", value));
    list.append(box);
  }
  return list;
}

function tiles(looked, context) {
  const list = make("ul", "tiles");
  for (const { service, said } of looked) {
    const open = said.verdict === "accepted";
    const words = describe({ ...said, offline: true }, { ...context, service });
    const tile = make("button", `tile ${open ? "next" : said.reason === "used_up" ? "done" : "later"}`);
    Object.assign(tile, { type: "button", disabled: !open });
    Object.assign(tile.dataset, { service: service.key, chain: service.key, face: open ? "next" : "later", name: named(service) });
    const text = make("span");
    text.append(make("b", "", named(service)),
                make("small", "num", open ? "" : [words.word, words.fact].map(spoken).filter(Boolean).join(" · ")));
    tile.append(icon(open ? "check" : "clock"), text);
    const box = make("li", "tile-box");
    box.append(tile, ...(open ? [asks(service)].filter(Boolean) : []));
    list.append(box);
  }
  return list;
}

function asks({ key, question = [] }) {
  if (!question.length) return null;
  const box = make("div", "asks");
  box.dataset.asks = key;
  box.append(...question.map((one) => {
    const set = make("fieldset");
    set.dataset.question = one.key;
    if (one.required) set.dataset.required = "";
    set.append(make("legend", "", one.text), ...(one.choices.length ? one.choices.map((choice) => choiceOf(key, one, choice))
      : [Object.assign(make("input"), { type: "text", name: `${key}-${one.key}`, maxLength: 200, ariaLabel: one.text })]));
    return set;
  }));
  return box;
}

function choiceOf(service, { key }, choice) {
  const label = make("label");
  label.append(Object.assign(make("input"), { type: "radio", name: `${service}-${key}`, value: choice }), make("span", "", choice));
  return label;
}
