// Step 3: its name, what it says it is, and the values it keeps to.

import { get, post } from "../ask.js";
import { el, said } from "../dom.js";
import { action, field, more, opening } from "../parts.js";

export const title = "Who it is";

const lines = (text) => text.split("\n").map((line) => line.replace(/^\s*[-•*]\s+/, "").trim()).filter(Boolean);

export function show(box, desk) {
  const body = el("div", {});
  box.append(...opening("Who it is", "It will speak in your manner, and it must never pretend to be you. Here you say what it is called, and what it stands for."), body);
  void get("/api/character").then((found) => body.replaceChildren(...draw(found, desk)),
    (error) => body.replaceChildren(el("p", { class: "problem", role: "alert" }, error.message)));
  return (state) => { desk.state = state; };
}

function draw(found, desk) {
  const name = el("input", { type: "text", maxlength: "16", value: found.name });
  const disclosure = el("textarea", { rows: 2, maxlength: "400" });
  disclosure.value = found.disclosure;
  const system = el("textarea", { rows: 3, maxlength: "400" });
  system.value = found.system;
  const values = el("textarea", { rows: 7 });
  values.value = found.values.join("\n");
  const thinking = el("textarea", { rows: 4 });
  thinking.value = found.thinking.join("\n");

  let called = found.name; // sentences that still name the old one are carried along
  name.addEventListener("input", () => {
    const now = name.value.trim();
    if (!now) return;
    for (const text of [disclosure, system]) text.value = text.value.replaceAll(called, now);
    called = now;
  });

  const add = (line) => el("li", {}, said("span", {}, line), el("button", {
    type: "button", class: "quiet", "aria-label": `Add: ${line}`,
    onclick: (event) => { values.value = [...lines(values.value), line].join("\n"); event.target.closest("li").remove(); values.focus(); },
  }, "Add"));

  const next = action("Next: see what is taken out", async () => {
    await post("/api/character", {
      name: name.value, disclosure: disclosure.value, system: system.value,
      values: lines(values.value), thinking: lines(thinking.value),
    });
    await desk.refresh();
    desk.go("review");
  }, { main: true });

  return [
    field("Its name", "One short word. It need not be your name.", name),
    field("What it says when it is asked what it is", `Everybody who meets it is told this. It must say “${found.must_say.join("” and “")}”; if it does not, that is added.`, disclosure),
    field("How it speaks", "One or two sentences to itself, about what it is and how it talks.", system),
    field("What you value", `One sentence to a line, the most important first: the first ${found.in_every_prompt} are before its eyes whenever it speaks. For example: “I say what I saw, and call a guess a guess.”`, values),
    found.candidates.length ? more(`Sentences from your writing that may belong here (${found.candidates.length})`, el("ul", { class: "candidates" }, found.candidates.map(add))) : null,
    more("How you think (may stay empty)", field("How you think", "One habit of thought to a line, like “I change one thing, then I look.” It is learnt, and never quoted.", thinking)),
    next.node,
  ].filter(Boolean);
}
