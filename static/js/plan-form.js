/* The buttons inside a form of the plan (one more window, a service further up) without loading the page again: the form
 * is sent as it is, and the answer's form takes its place. Without this script the browser does the same with a page. */
const FORM = "#plan-form";

async function reshape(form, button) {
  const around = document.activeElement?.closest("[id]")?.id;
  button.setAttribute("aria-busy", "true");
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form, button) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector(FORM);
  if (!fresh) return false;
  form.replaceWith(fresh);
  const next = [...fresh.querySelectorAll("button[name=do]")].find((one) => one.value === button.value)
    ?? (around && document.getElementById(around)?.querySelector("input, button"));
  next?.focus();
  return true;
}

document.addEventListener("submit", (event) => {
  const form = event.target, button = event.submitter;
  if (!form.matches(FORM) || button?.name !== "do") return;
  event.preventDefault();
  const plainly = () => { button.removeAttribute("aria-busy"); HTMLFormElement.prototype.submit.call(withWish(form, button)); };
  reshape(form, button).then((done) => done || plainly(), plainly);
});

function withWish(form, { name, value }) {
  const wish = Object.assign(document.createElement("input"), { type: "hidden", name, value });
  form.append(wish);
  return form;
}
