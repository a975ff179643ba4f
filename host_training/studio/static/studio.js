// The page: the steps at its side, one of them in its middle, and the live state that moves both.

import { byId, el, speak, write } from "./dom.js";
import * as card from "./steps/card.js";
import * as character from "./steps/character.js";
import * as found from "./steps/found.js";
import * as learning from "./steps/learning.js";
import * as report from "./steps/report.js";
import * as review from "./steps/review.js";
import * as talk from "./steps/talk.js";
import * as writing from "./steps/writing.js";

const STEPS = { writing, found, character, review, learning, report, talk, card };
const NAMES = Object.keys(STEPS);
let state = null;
let shown = null; // {name, update}

const inAddress = () => (NAMES.includes(location.hash.slice(1)) ? location.hash.slice(1) : null);
const stepOf = (name) => state.steps.find((step) => step.id === name);

/** Where the user goes on: the first step that is open and not done. */
const current = () => (state.steps.find((step) => step.is_open && !step.is_done) ?? state.steps.at(-1)).id;

/** Go to a step once it is open. */
function go(name) {
  if (location.hash === `#${name}`) show(name);
  else location.hash = name;
}

function show(name) {
  const box = byId("step");
  const isFirst = shown === null;
  box.replaceChildren();
  shown = { name, update: STEPS[name].show(box, { state, go, refresh }) };
  document.title = `${STEPS[name].title} · spacepi studio`;
  drawSteps();
  if (!isFirst) {
    scrollTo(0, 0);
    box.focus({ preventScroll: true });
  }
}

function drawSteps() {
  const focused = document.activeElement?.dataset?.step;
  byId("steps").replaceChildren(...NAMES.map((name, at) => {
    const step = stepOf(name);
    const mark = el("span", { class: "mark", "aria-hidden": "true" }, step.is_done ? "✓" : `${at + 1}`);
    const told = el("span", { class: "hidden" }, step.is_done ? ", done" : step.is_open ? "" : ", later");
    const isHere = shown?.name === name;
    const inner = [mark, el("span", { class: "name" }, STEPS[name].title), told];
    const entry = step.is_open || isHere
      ? el("a", { href: `#${name}`, "data-step": name, ...(isHere ? { "aria-current": "step" } : {}) }, inner)
      : el("span", { class: "later" }, inner);
    return el("li", { class: step.is_done ? "done" : "" }, entry);
  }));
  if (focused) document.querySelector(`[data-step="${focused}"]`)?.focus();
}

/** The newest state, now: after a change of our own nobody waits for the stream. */
async function refresh() {
  hear(await (await fetch("/api/state")).json());
  return state;
}

function hear(news) {
  state = news;
  const wanted = inAddress() ?? current();
  if (shown === null) show(stepOf(wanted).is_open ? wanted : current());
  else {
    drawSteps();
    shown.update(state);
  }
  byId("private").title = state.folder;
}

addEventListener("hashchange", () => {
  const wanted = inAddress();
  if (wanted && state && (stepOf(wanted).is_open || wanted === shown?.name)) show(wanted);
});
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("step").focus();
});

const stream = new EventSource("/api/events");
stream.onmessage = (event) => {
  byId("banner").hidden = true;
  hear(JSON.parse(event.data));
  document.body.classList.add("complete");
};
stream.onerror = () => {
  write(byId("banner"), "The studio does not answer. Start it again and this page goes on where it was; a training that is running is not stopped by it.");
  byId("banner").hidden = false;
  speak(byId("banner").textContent);
};
