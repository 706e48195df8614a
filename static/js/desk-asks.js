/* What a desk's tile asks before it is tapped: answers and quantity.
 *
 *   details(service) -> {answers, quantity}, what was given;  answered(chain) says what is lacking, and whether nothing is
 */
import { toast } from "./page.js";

function asks(service) { return document.getElementById("work").querySelector(`[data-asks="${CSS.escape(service)}"]`); }

export function details(service) {
  const box = asks(service);
  if (!box) return {};
  const answers = {};
  for (const set of box.querySelectorAll("[data-question]")) {
    const given = set.querySelector("input:checked, input[type=text]")?.value.trim();
    if (given) answers[set.dataset.question] = given;
  }
  const quantity = Number(box.querySelector("[name=quantity]")?.value) || 1;
  return { ...(Object.keys(answers).length && { answers }), ...(quantity > 1 && { quantity: Math.min(99, quantity) }) };
}

export function answered(chain) {
  for (const service of chain) {
    for (const set of asks(service)?.querySelectorAll("[data-required]") ?? []) {
      const open = !details(service).answers?.[set.dataset.question];
      set.classList.toggle("missing", open);
      if (!open) continue;
      set.scrollIntoView({ block: "nearest" });
      set.querySelector("input").focus();
      toast({ zh: `请先选择${set.querySelector("legend").textContent}`, en: `Choose first: ${set.querySelector("legend").textContent}` }, "ask");
      return false;
    }
  }
  return true;
}
