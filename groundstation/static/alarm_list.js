// The alarms as an operator sees them: each with its age, and a button for having noticed it.

import { isOperator } from "./access.js";
import { acknowledge, alarms, hasSound, NAMES, setSound, watch } from "./alarms.js";
import { now } from "./clock.js";
import { byId, el, speak, write } from "./dom.js";
import * as format from "./format.js";

export function start() {
  byId("sound").addEventListener("click", () => { setSound(!hasSound()); draw(); });
  watch(draw);
}

export function draw() {
  const list = byId("alarm-list");
  const found = alarms();
  const held = document.activeElement?.dataset?.alarm; // a redraw must not take the focus away
  write(byId("sound"), hasSound() ? "Sound is on" : "Turn the sound on");
  byId("sound").setAttribute("aria-pressed", String(hasSound()));
  list.replaceChildren(...(found.length ? found.map(item) : [el("li", "none", "No alarm.")]));
  if (held) list.querySelector(`[data-alarm="${held}"]`)?.focus();
}

function item(alarm) {
  const state = !alarm.is_active ? "over" : alarm.is_acknowledged ? "noticed" : "loud";
  const since = `${state === "over" ? "over; began" : "since"} ${format.clockTime(alarm.since_ms)}, ${format.span(now() - alarm.since_ms)} ago${alarm.is_acknowledged ? "; acknowledged" : ""}`;
  const told = el("div", "", el("strong", "", NAMES[alarm.rule] ?? alarm.rule), " ", el("span", "words", alarm.words), el("small", "", since));
  return el("li", state, told, alarm.is_acknowledged ? null : button(alarm));
}

function button(alarm) {
  if (!isOperator() && alarm.rule !== "station") return null;
  const node = el("button", "", "Acknowledge");
  node.type = "button";
  node.dataset.alarm = `${alarm.rule}-${alarm.since_ms}`;
  node.addEventListener("click", async () => {
    node.disabled = true;
    speak(await acknowledge(alarm) || "Acknowledged");
    draw();
  });
  return node;
}
