// Questions and commands on their way: what became of each, and how one is called back. What is said
// of a letter comes from the station, so that this page and its terminal say the same.

import { isOperator, post } from "./access.js";
import { now } from "./clock.js";
import { byId, el, keep, said, speak, write } from "./dom.js";
import { ending, flight } from "./flight.js";
import * as format from "./format.js";
import * as thread from "./thread.js";

const WAITING_SHOWN = 6;
const FINISHED_SHOWN = 5;
const OLDER = 30;
const ABORT_OFFERED_MS = 120_000; // a minute armed, the burning, and a window

let isAllShown = false;
let older = []; // what was asked for beyond the newest ones

export function start() {
  byId("letters-older").addEventListener("click", loadOlder);
}

/** Nothing that was queued is ever forgotten: the station tells it page by page. */
async function loadOlder() {
  const shown = finished().at(-1) ?? flight().outbox.at(-1);
  const answer = await fetch(`/api/commands?limit=${OLDER}${shown ? `&before=${shown.id}` : ""}`);
  if (!answer.ok) return;
  const { commands } = await answer.json();
  isAllShown = commands.length < OLDER;
  older.push(...commands.filter((item) => !item.is_waiting));
  draw();
}

function finished() {
  const newest = thread.latest(flight().outbox).filter((item) => !item.is_waiting);
  const first = newest.slice(0, FINISHED_SHOWN);
  const known = new Map([...older, ...newest].map((item) => [item.id, item]));
  return older.length ? [...known.values()].sort((a, b) => b.id - a.id) : first;
}

export function draw() {
  const queue = flight().waiting;
  const waiting = queue.letters.slice(0, WAITING_SHOWN);
  const more = queue.count - waiting.length;
  const done = finished();
  keep(byId("letters"), [
    ...waiting.map(letter),
    ...(more > 0 ? [{ key: `more-${more}`, make: () => el("li", "more", `${more} more are waiting`) }] : []),
    ...done.map(letter),
  ]);
  byId("letters-older").hidden = isAllShown || done.length < FINISHED_SHOWN;
}

/** For keep(): rebuilt when anything but a time has changed. */
function letter(item) {
  const buttons = [mayWithdraw(item) && "withdraw", mayAbort(item) && "abort"].filter(Boolean);
  return {
    key: [item.id, item.state, Boolean(item.reply), ...buttons].join("-"),
    make: () => row(item),
    tell: (node) => write(node.querySelector(".fate"), fate(item)),
  };
}

function row(item) {
  const words = item.kind === "question" ? said("q", "", item.text) : said("code", "", item.command.toLowerCase() + (item.text ? ` ${item.text}` : ""));
  const before = thread.before(item, [...flight().outbox, ...older]);
  const told = el("div", "", ...before, words, ...thread.answer(item), el("span", "fate"), thread.stages(item));
  return el("li", item.state, told, mayWithdraw(item) ? withdrawButton(item) : null, mayAbort(item) ? abortButton(item) : null);
}

/** The station's words, and when it was or will be. */
function fate(item) {
  if (item.is_waiting && ending()) return "the flight ended before it was received";
  if (item.is_waiting) return `${item.fate}; expires in ${format.span(item.expires_ms - now())}`;
  if (item.answered_ms) return `${item.fate} at ${format.clockTime(item.answered_ms)}`;
  return item.confirmed_ms ? `${item.fate} (${format.clockTime(item.confirmed_ms)})` : item.fate;
}

const mayWithdraw = (item) => item.is_waiting && !ending() && isOperator();

const withdrawButton = (item) => button("Withdraw", () => send("/api/withdraw", { id: item.id }, (answer) => answer.told));

/** For as long as a cutdown that was sent may still be armed or firing. */
function mayAbort(item) {
  const isRecent = item.needs_abort && now() - item.last_sent_ms < ABORT_OFFERED_MS;
  const isUnderWay = flight().waiting.letters.some((other) => other.command === "CUTDOWN_ABORT");
  return isRecent && !isUnderWay && !ending() && isOperator();
}

const abortButton = () => button("Abort", () => send("/api/abort", {}, () => "the abort will be sent next, before everything else"), "abort");

function button(words, press, className = "") {
  const node = el("button", className, words);
  node.type = "button";
  node.addEventListener("click", async () => {
    node.disabled = true;
    node.disabled = await press(); // once it is done, or still possible
  });
  return node;
}

async function send(path, body, told) {
  const { isDone, said } = await post(path, body);
  note(isDone ? sentence(told(said)) : said.error, !isDone);
  return isDone;
}

const sentence = (words) => `${words[0].toUpperCase()}${words.slice(1)}.`;

function note(text, isBad) {
  write(byId("letters-note"), text);
  byId("letters-note").classList.toggle("bad", isBad);
  speak(text);
}
