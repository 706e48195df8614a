/* A file dropped onto the box is the file of its form; its name is shown, and reading begins at once.
   Without this module the input and the button do the same. */
for (const form of document.querySelectorAll("form[data-drop]")) {
  const input = form.querySelector("input[type=file]");
  const box = input.closest("label");
  const name = form.querySelector("[data-drop-name]");

  const take = () => {
    const file = input.files[0];
    if (!file) return;
    name.textContent = file.name;
    form.querySelector("button.primary").setAttribute("aria-busy", "true");
    form.requestSubmit();
  };
  input.addEventListener("change", take);
  box.addEventListener("dragover", (event) => {
    event.preventDefault();
    box.classList.add("over");
  });
  box.addEventListener("dragleave", () => box.classList.remove("over"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    input.files = event.dataTransfer.files;
    take();
  });
}
