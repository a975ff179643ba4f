// What several steps are made of: headings, problems, the button to the next step, progress.

import { el, percent, write } from "./dom.js";

/** How each step begins. */
export const opening = (title, lead) => [el("h2", { id: "title" }, title), el("p", { class: "lead" }, lead)];

/** A place for one sentence on what went wrong; empty while nothing did. */
export function problem() {
  const node = el("p", { class: "problem", role: "alert", hidden: true });
  return {
    node,
    say(text) { node.hidden = !text; write(node, text ?? ""); },
  };
}

/** A button that does something that may fail, and says so beside it. */
export function action(words, act, { main = false, quiet = false } = {}) {
  const trouble = problem();
  const button = el("button", { type: "button", class: main ? "main" : quiet ? "quiet" : "" }, words);
  button.addEventListener("click", async () => {
    button.setAttribute("aria-busy", "true");
    trouble.say("");
    try {
      await act();
    } catch (error) {
      trouble.say(error.message);
    }
    button.removeAttribute("aria-busy");
  });
  return { node: el("div", { class: "action" }, button, trouble.node), button, trouble };
}

/** A bar with its words; ``tell(share, words)``. */
export function progress(label) {
  const bar = el("progress", { max: 1, value: 0, "aria-label": label });
  const words = el("span", {}, "");
  return {
    node: el("div", { class: "progress" }, bar, words),
    tell(share, text) { bar.value = share; write(words, text ?? percent(share)); },
  };
}

let serial = 0;

/** A labelled field. ``hint`` says what to write. */
export function field(label, hint, input) {
  serial += 1;
  input.id = `field-${serial}`;
  const help = hint ? el("p", { class: "hint", id: `hint-${serial}` }, hint) : null;
  if (help) input.setAttribute("aria-describedby", help.id);
  return el("div", { class: "field" }, el("label", { for: input.id }, label), help, input);
}

const NUMBERS = ["Messages", "Texts", "Words"]; // heads of columns of numbers

/** A table with a caption that is read, not seen; on a phone each row stands by itself. */
export function table(caption, heads, rows) {
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", {}, el("caption", { class: "hidden" }, caption),
      el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col", class: NUMBERS.includes(head) ? "number" : "" }, head)))),
      el("tbody", {}, rows)));
}

/** A list under a summary that opens it. */
export const more = (summary, ...children) => el("details", {}, el("summary", {}, summary), ...children);
