// The letter box: a question is written, and goes up.

import { isOperator, post } from "./access.js";
import { byId, speak, write } from "./dom.js";
import { watch } from "./entries.js";
import { ending, flight, unreached } from "./flight.js";
import * as letters from "./outbox.js";

const BYTES_MAX = 160;
const NEAR_FULL = 110;
let drawnFor = ""; // the state of the form that is on the page

const bytes = (text) => new TextEncoder().encode(text.trim()).length;

export function draw() {
  const state = flight();
  letters.draw();
  const known = `${state.name} ${state.can_transmit} ${Boolean(ending())}`;
  if (known === drawnFor) return;
  drawnFor = known;
  write(byId("talk-title"), `Ask ${state.name} something`);
  const form = byId("ask");
  const isOpen = state.can_transmit && !ending() && isOperator();
  form.classList.toggle("closed", !isOpen);
  for (const field of form.elements) field.disabled = !isOpen;
  byId("question").placeholder = isOpen ? "Is it cold up there?" : "";
  if (ending()) note("The flight is over: the payload cannot answer any more.");
  else if (unreached()) note(unreached());
  else if (!state.can_transmit) note("This station has no key: it receives only.");
  else if (!isOperator()) note("Your link is read-only: questions need the operator’s link.");
  else note(`Sent in its next listening window. At most ${BYTES_MAX} characters, fewer with accents.`);
}

/** What is left of a lifetime. */
export const tick = letters.draw;

function note(text, isBad = false) {
  const node = byId("ask-note");
  write(node, text);
  node.classList.toggle("bad", isBad);
}

async function send(event) {
  event.preventDefault();
  const field = byId("question");
  const text = field.value.trim();
  if (!text) return note("Enter a question first.", true);
  if (bytes(text) > BYTES_MAX) return note(`Too long: ${bytes(text) - BYTES_MAX} characters too many.`, true);
  const { isDone, said } = await post("/api/ask", { text });
  if (!isDone) return note(said.error, true);
  field.value = "";
  note("Queued. It will be sent in the next listening window.");
  speak("Question queued");
}

export function start() {
  letters.start();
  watch({ add: (entry) => { if (entry.kind === "reply") letters.draw(); } });
  byId("ask").addEventListener("submit", send);
  byId("question").addEventListener("input", count);
  byId("question").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      byId("ask").requestSubmit();
    }
  });
}

function count() {
  const used = bytes(byId("question").value);
  if (used > NEAR_FULL) note(used > BYTES_MAX ? `Characters too many: ${used - BYTES_MAX}` : `Characters left: ${BYTES_MAX - used}`, used > BYTES_MAX);
}
