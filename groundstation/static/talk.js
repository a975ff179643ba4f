// The letter box. Every state is said in words, and "heard" only when the payload showed it.

import { byId, el, said, speak, write } from "./dom.js";
import { musings, onEntry } from "./feed.js";
import * as format from "./format.js";

const BYTES_MAX = 160;
const NEAR_FULL = 110;
const SHOWN = 5;
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
  if (isOver) note("The flight is over: nobody is up there to answer.");
  else if (!state.can_transmit) note("This station has no key: it only listens.");
  else if (byId("question").value === "") note(`It listens in its pauses. At most ${BYTES_MAX} letters, fewer with accents.`);
  drawLetters();
}

/** Once the flight has ended, nothing can be asked. */
export function setEnding(ending) {
  if (isOver === Boolean(ending)) return;
  isOver = Boolean(ending);
  if (flight) setFlight(flight);
}

function drawLetters() {
  byId("letters").replaceChildren(...flight.outbox.slice(0, SHOWN).map(letter));
}

function note(text, isBad = false) {
  const node = byId("ask-note");
  write(node, text);
  node.classList.toggle("bad", isBad);
}

/** What became of a letter, as one would tell it. */
function fate(item) {
  const times = item.attempts === 1 ? "once" : `${item.attempts} times`;
  switch (item.state) {
    case "queued": return isOver ? "the flight ended before it went up" : `waiting until ${flight.name} listens`;
    case "sent": return `sent ${times}, no sign yet that it was heard`;
    case "confirmed": return `heard by ${flight.name} at ${format.clockTime(item.confirmed_ms)}, not answered yet`;
    case "answered": return `answered at ${format.clockTime(item.answered_ms)}`;
    default: return `not delivered: ${item.why || "given up"}`;
  }
}

function letter(item) {
  const words = item.kind === "question" ? item.text : item.command.toLowerCase().replaceAll("_", " ");
  const reply = item.state === "answered" && musings().find((entry) => entry.kind === "reply" && entry.question_id === item.id);
  const answer = reply ? said("p", "answer", reply.text) : null;
  return el("li", item.state, said("q", "", words), answer, el("span", "fate", fate(item)));
}

async function send(event) {
  event.preventDefault();
  const field = byId("question");
  const text = field.value.trim();
  if (!text) return note("Write something first.", true);
  if (bytes(text) > BYTES_MAX) return note(`That is too long. Letters too many: ${bytes(text) - BYTES_MAX}.`, true);
  try {
    const answer = await fetch("/api/ask", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ text }),
    });
    const said = await answer.json();
    if (!answer.ok) return note(said.error, true);
    field.value = "";
    note("Queued. It goes up when it next listens.");
    speak("Question queued");
  } catch {
    note("The station did not answer; your words are still here.", true);
  }
}

onEntry((entry) => { if (entry.kind === "reply") drawLetters(); });
byId("ask").addEventListener("submit", send);
byId("question").addEventListener("input", () => {
  const used = bytes(byId("question").value);
  if (used > NEAR_FULL) note(used > BYTES_MAX ? `Letters too many: ${used - BYTES_MAX}` : `Letters left: ${BYTES_MAX - used}`, used > BYTES_MAX);
});
byId("question").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    byId("ask").requestSubmit();
  }
});
