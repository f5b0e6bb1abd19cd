// Ask for an action in a dialog, so that the user stays on the page; and help to select many observations.
const dialog = document.getElementById("ask");
const form = dialog.querySelector("form");
const refusal = dialog.querySelector(".alert");
const field = (name) => form.elements.namedItem(name);
let opener;

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-act]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const { act, task, target, seen, says, needsReason, dangerous } = link.dataset;
  opener = { act, task };
  form.setAttribute("action", new URL(link.href).pathname); // `form.action` is the field with that name
  field("action").value = act;
  field("seen").value = seen;
  field("back").value = location.pathname + location.search;
  field("reason").value = "";
  field("reason").required = needsReason !== undefined;
  dialog.querySelector(".needed").hidden = needsReason === undefined;
  dialog.querySelector("h2").textContent = `${act[0].toUpperCase()}${act.slice(1)} ${task}?`;
  dialog.querySelector(".says").textContent = says;
  const button = dialog.querySelector("[data-do]");
  button.textContent = `${act[0].toUpperCase()}${act.slice(1)} → ${target}`;
  button.className = dangerous !== undefined ? "btn btn-danger" : "btn btn-primary";
  button.disabled = false;
  refusal.hidden = true;
  dialog.showModal();
  field("reason").focus();
});

dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => {
  const links = [...document.querySelectorAll(`[data-task="${opener.task}"]`)];
  const row = document.querySelector(`[data-part="${opener.task}"] .id a`);
  (links.find((link) => link.dataset.act === opener.act) ?? links[0] ?? row)?.focus({ preventScroll: true });
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = dialog.querySelector("[data-do]");
  button.disabled = true;
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body, headers: { Accept: "application/json" } });
    if (answer.status === 401) return form.submit(); // leads to the login page, and back with what was typed
    const outcome = await answer.json();
    if (answer.ok) {
      dialog.close();
      const place = document.getElementById("message"), words = document.createElement("p");
      words.className = "alert alert-success py-2 mb-3";
      words.textContent = outcome.message;
      place.replaceChildren(words);
    } else {
      refusal.textContent = outcome.detail;
      refusal.hidden = false;
    }
    document.dispatchEvent(new Event("acted"));
  } catch {
    refusal.textContent = "ATDB does not respond. Check whether the action was done, then retry.";
    refusal.hidden = false;
    button.disabled = false;
  }
});

const bulk = document.getElementById("bulk");
if (bulk) {
  const boxes = () => [...document.querySelectorAll('input[name="task"][form="bulk"]')];
  const all = bulk.querySelector("[data-select-all]");
  const showSelection = () => {
    const selected = boxes().filter((box) => box.checked).length;
    bulk.querySelector("[data-selected]").textContent = bulk.elements.all.checked ? " all" : selected ? ` ${selected}` : "";
    all.textContent = selected && selected === boxes().length ? "Select none" : "Select all on this page";
    bulk.classList.toggle("ready", selected > 0 || bulk.elements.all.checked);
  };
  all.hidden = false;
  all.addEventListener("click", () => {
    const on = !boxes().every((box) => box.checked);
    for (const box of boxes()) box.checked = on;
    showSelection();
  });
  document.addEventListener("change", showSelection);
  document.addEventListener("live", showSelection);
  showSelection();
}
