// Commands: a form for every one of them, and the cutdown in two steps of its own, ARM and then FIRE.
// What may be sent, and when, the station and the payload decide; this page only makes it deliberate.

import { isOperator, post } from "./access.js";
import { now } from "./clock.js";
import { confirm } from "./confirm.js";
import { byId, el, speak, write } from "./dom.js";
import { ending, flight, unreached } from "./flight.js";
import * as format from "./format.js";

const ARMED_MS = 60_000; // the payload forgets an ARM after this (wire.commands.ARMED_S)
const ARM_TOLD = "ARM is queued. FIRE can follow now.";
const CUTDOWN = ["cutdown_arm", "cutdown_fire", "cutdown_abort"]; // have buttons of their own
let forms = new Map();

export async function start() {
  byId("command").addEventListener("submit", submit);
  byId("command-name").addEventListener("change", choose);
  byId("arm").addEventListener("click", arm);
  byId("fire").addEventListener("click", fire);
  byId("abort").addEventListener("click", () => send("/api/abort", {}, "The abort will be sent next, before everything else."));
  const answer = await fetch("/api/commands?limit=1");
  if (!answer.ok) return;
  const { available } = await answer.json();
  forms = new Map(available.map((form) => [form.name, form]));
  const shown = available.filter((form) => !CUTDOWN.includes(form.name));
  byId("command-name").replaceChildren(...shown.map((form) => el("option", "", form.name)));
  choose();
}

function choose() {
  const form = forms.get(byId("command-name").value);
  const field = byId("command-arguments");
  field.placeholder = form?.arguments || "no argument";
  field.disabled = !form?.arguments;
  field.value = "";
}

function submit(event) {
  event.preventDefault();
  const name = byId("command-name").value;
  const text = byId("command-arguments").value.trim();
  const act = () => send("/api/command", { name, arguments: text }, `Queued: ${name} ${text}`.trim());
  if (!forms.get(name)?.is_hazardous) act();
  else confirm(byId("command-confirm"), { words: `${name} interrupts the flight of ${flight().name}.`, action: `Queue ${name}`, act });
}

const arm = () => confirm(byId("cutdown-confirm"), {
  words: `Step 1 of 2. For one minute after ${flight().name} has accepted it, FIRE separates it from its balloon.`,
  action: "Arm",
  act: () => send("/api/command", { name: "cutdown_arm" }, ARM_TOLD),
});

const fire = () => confirm(byId("cutdown-confirm"), {
  words: `Step 2 of 2. ${flight().name} is cut from its balloon and falls. This cannot be undone.`,
  action: "Fire",
  typed: flight().name,
  act: () => send("/api/command", { name: "cutdown_fire" }, "FIRE is queued."),
});

async function send(path, body, told) {
  const { isDone, said } = await post(path, body);
  note(isDone ? told : said.error, !isDone);
}

function note(text, isBad) {
  write(byId("command-note"), text);
  byId("command-note").classList.toggle("bad", isBad);
  speak(text);
}

/** The newest command of this name in the outbox, null when there is none. */
function newest(name) {
  const { outbox, waiting } = flight();
  const found = [...outbox, ...waiting.letters].filter((item) => item.command === name);
  return found.reduce((last, item) => (item.id > (last?.id ?? 0) ? item : last), null);
}

/** Until when an ARM that is heard aboard can be followed; null when there is none. */
function armedUntil(item) {
  const isHeard = item && (item.state === "confirmed" || item.state === "answered");
  return isHeard ? item.last_sent_ms + ARMED_MS : null;
}

export function draw() {
  const state = flight();
  const isOpen = state.can_transmit && isOperator() && !ending();
  byId("commanding").classList.toggle("closed", !isOpen);
  for (const field of byId("commanding").querySelectorAll("#command select, #command button, .steps button")) field.disabled = !isOpen;
  if (!isOpen) note(whyClosed(state), false);
  const armed = newest("CUTDOWN_ARM");
  const until = armedUntil(armed);
  const canFire = Boolean(armed) && (armed.is_waiting || (until !== null && now() < until));
  byId("fire").disabled = !isOpen || !canFire;
  if (!canFire && byId("command-note").textContent === ARM_TOLD) write(byId("command-note"), "");
  write(byId("cutdown-state"), cutdownState(state, armed, until));
  byId("cutdown").classList.toggle("armed", Boolean(state.beacon?.is_cutdown_armed));
}

function whyClosed(state) {
  if (ending()) return "The flight is over: the payload cannot be commanded any more.";
  if (unreached()) return unreached();
  if (!state.can_transmit) return "This station has no key: it receives only.";
  return "Your link is read-only: commands need the operator’s link.";
}

function cutdownState(state, armed, until) {
  const said = state.beacon === null ? "" : state.beacon.is_cutdown_armed
    ? `${state.name} says: armed. ` : `${state.name} says: not armed. `;
  if (armed?.is_waiting) return `${said}An ARM is on its way.`;
  const left = until === null ? 0 : until - now();
  return left > 0 ? `${said}FIRE can be sent for ${format.span(left)}.` : said;
}
