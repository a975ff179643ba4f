// The letter box: a question is written, and goes up.

import { byId, speak, write } from "./dom.js";
import { onEntry } from "./feed.js";
import * as letters from "./letters.js";

const BYTES_MAX = 160;
const NEAR_FULL = 110;
let flight = null;
let isOver = false;

const bytes = (text) => new TextEncoder().encode(text.trim()).length;

export function setFlight(state) {
  flight = state;
  write(byId("talk-title"), `Ask ${state.name} something`);
  const form = byId("ask");
  const isOpen = state.can_transmit && !isOver;
  form.classList.toggle("closed", !isOpen);
  for (const field of form.elements) field.disabled = !isOpen;
  byId("question").placeholder = isOpen ? "Is it cold up there?" : "";
  if (isOver) note("The flight is over: the payload cannot answer any more.");
  else if (!state.can_transmit) note("This station has no key: it receives only.");
  else if (byId("question").value === "") note(`Sent in its next listening window. At most ${BYTES_MAX} characters, fewer with accents.`);
  letters.show(state, isOver);
}

/** Once the flight has ended, nothing can be asked. */
export function setEnding(ending) {
  if (isOver === Boolean(ending)) return;
  isOver = Boolean(ending);
  if (flight) setFlight(flight);
}

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
  try {
    const answer = await fetch("/api/ask", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ text }),
    });
    const said = await answer.json();
    if (!answer.ok) return note(said.error, true);
    letters.own(said.id);
    field.value = "";
    note("Queued. It will be sent in the next listening window.");
    speak("Question queued");
  } catch {
    note("The station did not answer; your question is kept here.", true);
  }
}

onEntry((entry) => { if (entry.kind === "reply") letters.draw(); });
byId("ask").addEventListener("submit", send);
byId("question").addEventListener("input", () => {
  const used = bytes(byId("question").value);
  if (used > NEAR_FULL) note(used > BYTES_MAX ? `Characters too many: ${used - BYTES_MAX}` : `Characters left: ${BYTES_MAX - used}`, used > BYTES_MAX);
});
byId("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    byId("ask").requestSubmit();
  }
});
