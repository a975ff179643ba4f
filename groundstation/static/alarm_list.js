// The alarms as an operator sees them: each with its age, and a button for having noticed it.

import { isOperator } from "./access.js";
import { acknowledge, alarms, hasSound, setSound, title, watch } from "./alarms.js";
import { now } from "./clock.js";
import { byId, el, keep, speak, write } from "./dom.js";
import * as format from "./format.js";

export function start() {
  byId("sound").addEventListener("click", () => { setSound(!hasSound()); draw(); });
  watch(draw);
}

export function draw() {
  const found = alarms();
  write(byId("sound"), hasSound() ? "Sound is on" : "Turn the sound on");
  byId("sound").setAttribute("aria-pressed", String(hasSound()));
  byId("alarms-none").hidden = found.length > 0;
  keep(byId("alarm-list"), found.map((alarm) => ({
    key: `${alarm.rule}-${alarm.since_ms}-${state(alarm)}`,
    make: () => item(alarm),
    tell: (node) => tell(node, alarm),
  })));
}

function state(alarm) {
  if (!alarm.is_active) return "past";
  return alarm.is_acknowledged ? "noticed" : "loud";
}

function item(alarm) {
  const told = el("div", "", el("strong", "", title(alarm)), " ", el("span", "words"), el("small", "since"));
  const button = alarm.is_acknowledged || !(isOperator() || alarm.rule === "station") ? null : noticed(alarm);
  return el("li", state(alarm), told, button);
}

function tell(node, alarm) {
  const began = `${format.clockTime(alarm.since_ms)}, ${format.span(now() - alarm.since_ms)} ago`;
  const words = { past: `over; began ${began}`, noticed: `since ${began}; acknowledged`, loud: `since ${began}` };
  write(node.querySelector(".words"), alarm.words);
  write(node.querySelector(".since"), words[state(alarm)]);
}

function noticed(alarm) {
  const node = el("button", "", "Acknowledge");
  node.type = "button";
  node.addEventListener("click", async () => {
    node.disabled = true;
    const why = await acknowledge(alarm);
    speak(why || "Acknowledged");
    node.disabled = why === ""; // a station that did not answer can be told again
    if (why) write(node, "Not acknowledged: try again");
    draw();
  });
  return node;
}
