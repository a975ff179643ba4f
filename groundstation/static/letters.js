// Questions and commands on their way: what became of each, and how one is called back. What is said
// of a letter comes from the station, so that this page and its terminal say the same.

import { now } from "./clock.js";
import { byId, el, origin, said, speak, write } from "./dom.js";
import { musings } from "./entries.js";
import { ending, flight } from "./flight.js";
import * as format from "./format.js";

const WAITING_SHOWN = 6;
const FINISHED_SHOWN = 5;
const ABORT_OFFERED_MS = 120_000; // a minute armed, the burning, and a window
const isAtStation = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
const asked = new Set(); // from this page: these may be withdrawn from here

/** A letter that was queued from this page. */
export function own(id) {
  asked.add(id);
}

export function draw() {
  const { waiting: queue, outbox } = flight();
  const waiting = queue.letters.slice(0, WAITING_SHOWN);
  const finished = outbox.filter((item) => !item.is_waiting).slice(0, FINISHED_SHOWN);
  const more = queue.count - waiting.length;
  const list = byId("letters");
  const held = document.activeElement?.dataset?.letter; // a redraw must not take the focus away
  list.replaceChildren(
    ...waiting.map(letter),
    ...(more > 0 ? [el("li", "more", `${more} more are waiting`)] : []),
    ...finished.map(letter),
  );
  if (held) list.querySelector(`[data-letter="${held}"]`)?.focus();
}

function letter(item) {
  const words = item.kind === "question" ? said("q", "", item.text) : said("code", "", item.command.toLowerCase() + (item.text ? ` ${item.text}` : ""));
  const reply = item.state === "answered" && musings().find((entry) => entry.kind === "reply" && entry.question_id === item.id);
  const answer = reply ? said("p", "answer", reply.text) : null;
  const told = el("div", "", words, answer, reply ? origin(reply) : null, el("span", "fate", fate(item)));
  return el("li", item.state, told, withdrawButton(item), abortButton(item));
}

/** The station's words, and when it was or will be. */
function fate(item) {
  if (item.is_waiting && ending()) return "the flight ended before it was received";
  if (item.is_waiting) return `${item.fate}; expires in ${format.span(item.expires_ms - now())}`;
  if (item.answered_ms) return `${item.fate} at ${format.clockTime(item.answered_ms)}`;
  return item.confirmed_ms ? `${item.fate} (${format.clockTime(item.confirmed_ms)})` : item.fate;
}

function withdrawButton(item) {
  if (!item.is_waiting || ending() || !(isAtStation || asked.has(item.id))) return null;
  return button("Withdraw", item.id, () => post("/api/withdraw", { id: item.id }, (answer) => answer.told));
}

/** For as long as a cutdown that was sent may still be armed or firing. */
function abortButton(item) {
  const isRecent = item.needs_abort && now() - item.last_sent_ms < ABORT_OFFERED_MS;
  const isUnderWay = flight().waiting.letters.some((other) => other.command === "CUTDOWN_ABORT");
  if (!isRecent || isUnderWay || ending() || !isAtStation) return null;
  return button("Abort", `abort-${item.id}`, () => post("/api/abort", {}, () => "the abort will be sent next, before everything else"), "abort");
}

function button(words, name, press, className = "") {
  const node = el("button", className, words);
  node.type = "button";
  node.dataset.letter = name;
  node.addEventListener("click", () => { node.disabled = true; press(); });
  return node;
}

async function post(path, body, told) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const said = await answer.json();
    note(answer.ok ? sentence(told(said)) : said.error, !answer.ok);
  } catch {
    note("The station did not answer; nothing was changed.", true);
  }
  draw();
}

const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1)}.`;

function note(text, isBad) {
  write(byId("letters-note"), text);
  byId("letters-note").classList.toggle("bad", isBad);
  speak(text);
}
