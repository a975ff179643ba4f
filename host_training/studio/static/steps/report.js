// Step 6: what the examination found, in a sentence each.

import { get, post } from "../ask.js";
import { el } from "../dom.js";
import { action, more, opening } from "../parts.js";

export const title = "The report";

const MARKS = { true: ["✓", "good", "Yes"], false: ["!", "bad", "No"], null: ["?", "unknown", "Not measured"] };

export function show(box, desk) {
  const body = el("div", {});
  let seen = "";
  box.append(...opening("The report", "It was examined with lines of yours that it had never seen."), body);

  function update(state) {
    desk.state = state;
    const key = JSON.stringify([state.train.started_s, state.train.ended, state.steps]);
    if (key === seen) return;
    seen = key;
    void get("/api/report").then((found) => body.replaceChildren(...draw(found, desk)),
      (error) => body.replaceChildren(el("p", { class: "problem", role: "alert" }, error.message)));
  }
  update(desk.state);
  return update;
}

function draw(found, desk) {
  const whole = el("p", {}, el("a", { href: "/report", target: "_blank" }, "Read the whole report"), " (opens in a new tab)");
  if (found.answers.length === 0) return [el("p", {}, "The examination is not finished yet."), whole];
  return [
    found.is_signed ? null : el("p", { class: "notice" }, "This is of a training that was not signed, or of an older one."),
    el("ul", { class: "answers" }, found.answers.map((one) => {
      const [mark, kind, words] = MARKS[one.is_passed];
      return el("li", { class: kind }, el("span", { class: "mark", "aria-hidden": "true" }, mark),
        el("div", {}, el("h3", {}, one.question, el("span", { class: "hidden" }, ` ${words}.`)), el("p", {}, one.sentence)));
    })),
    whole,
    more("In figures", el("ul", {}, found.sentences.map((sentence) => el("li", {}, sentence)))),
    found.is_signed ? action("Next: talk with it", async () => { await post("/api/report"); await desk.refresh(); desk.go("talk"); }, { main: true }).node
      : action("Back to the training", async () => desk.go("learning"), { main: true }).node,
  ].filter(Boolean);
}
