// A second, deliberate step: what is about to happen, and a button elsewhere than the first one.

import { el } from "./dom.js";

const OPEN_MS = 20_000; // a question that nobody answers is taken back
const STILL_MS = 700; // a double click on the first button does not press the second

/** Ask in ``holder``; ``act`` is called when it is confirmed, and where ``typed`` is given only
    after that word has been typed. */
export function confirm(holder, { words, action, typed = null, act }) {
  const yes = button(action, "danger", () => { close(); act(); });
  const no = button("Cancel", "", close);
  const field = typed === null ? null : el("input", "typed");
  const opened = performance.now();
  const timer = setTimeout(close, OPEN_MS);
  const isReady = () => performance.now() - opened >= STILL_MS && (!field || field.value.trim() === typed);
  const update = () => { yes.disabled = !isReady(); };

  function close() {
    clearTimeout(timer);
    holder.replaceChildren();
  }

  if (field) {
    field.setAttribute("aria-label", `Type ${typed} to confirm`);
    field.placeholder = `type ${typed}`;
    field.autocomplete = "off";
    field.addEventListener("input", update);
    field.addEventListener("keydown", (event) => { if (event.key === "Enter" && isReady()) yes.click(); });
  }
  const box = el("div", "confirm", el("p", "", words), el("p", "buttons", field, yes, no));
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", "Confirm");
  holder.replaceChildren(box);
  update();
  setTimeout(update, STILL_MS);
  (field ?? no).focus();
}

function button(words, className, press) {
  const node = el("button", className, words);
  node.type = "button";
  node.addEventListener("click", press);
  return node;
}
