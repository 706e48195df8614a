/* Small things every station page shares.
 *
 *   data                    the answer of GET /api/v1/station, from <script type="application/json" id="station">
 *   bi(tag, {zh, en}, css)  an element with both languages; the page's language decides which one is large (app.css .bi)
 *   fill(element, text)     the same into an element that is there;  make(tag, css, text) a plain element
 *   icon(name)              an icon of static/vendor/icons.svg
 *   toast({zh, en}, tone)   a sentence at the foot of the page for 5 s; tone "" "ask" "bad"
 *   setLanguage("zh" | "en") · language() · onTap(selector, work)
 */
export const data = JSON.parse(document.getElementById("station")?.textContent || "{}");

export function make(tag, css = "", text = "") {
  const element = document.createElement(tag);
  if (css) element.className = css;
  if (text) element.textContent = text;
  return element;
}

export function bi(tag, text, css = "") {
  return fill(make(tag, `bi ${css}`.trim()), text);
}

export function fill(element, { zh, en }) {
  const chinese = make("span", "zh", zh);
  chinese.lang = "zh-CN";
  const english = make("span", "en", en === zh ? "" : en);
  english.lang = "en";
  if (!zh && !en) element.replaceChildren();
  else if (en === zh) element.replaceChildren(make("span", "", zh));
  else element.replaceChildren(...[zh && chinese, en && english].filter(Boolean));
  return element;
}

export function drawing(sheet, name, css) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", css);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${new URL(sheet, import.meta.url).pathname}#${name}`);
  svg.append(use);
  return svg;
}

export const icon = (name) => drawing("../vendor/icons.svg", name, "icon");

export function toast(text, tone = "") {
  const line = bi("p", text, `toast line ${tone}`);
  document.getElementById("toasts")?.append(line);
  setTimeout(() => line.remove(), 5000);
}

export const language = () => (document.documentElement.lang.startsWith("en") ? "en" : "zh");

export function setLanguage(code) {
  document.documentElement.lang = code === "en" ? "en" : "zh-CN";
}

export function onTap(selector, work) {
  for (const element of document.querySelectorAll(selector)) element.addEventListener("click", work);
}
