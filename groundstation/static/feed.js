// The diary as it is read: newest first, with the silences between. entries.js has the entries.

import { byId, el, origin, said, speak, write } from "./dom.js";
import * as entries from "./entries.js";
import { flight } from "./flight.js";
import * as format from "./format.js";
import * as picture from "./picture.js";
import { silences } from "./track.js";

const SILENCE_MS = 3 * 60_000; // a shorter pause is only breath
const SILENCE_FACTOR = 1.7; // and so is one that is usual here
const RADIO_SILENCE_MS = 60_000;
const PIXELS_PER_MINUTE = 7;
const PIXELS_MAX = 190;
const LATE_MS = 3 * 60_000;
const READING_PX = 260; // scrolled further than this, nothing new may move the page

const nodes = new Map(); // record id -> node, of what is on the page
let held = []; // ids that wait while somebody reads
let usual = 0;
let drawnFor = ""; // chapters and silences that are on the page

export function start() {
  byId("news").addEventListener("click", showHeld);
  byId("earlier").addEventListener("click", loadEarlier);
  entries.watch({ add, complete, clear, settle });
  entries.all().forEach(place);
  settle();
}

/** The state changed: chapters may have come, and silences. */
export function draw() {
  const known = `${flight().phases.length} ${silences().length}`;
  if (known === drawnFor) return;
  drawnFor = known;
  nodes.forEach((_, id) => drawBetween(id));
}

async function loadEarlier() {
  byId("earlier").disabled = true;
  await entries.loadEarlier().finally(() => { byId("earlier").disabled = false; });
}

function clear() {
  byId("feed").replaceChildren();
  nodes.clear();
  held = [];
}

const isReading = () => window.scrollY > READING_PX && document.body.dataset.room === "read";

/** What is newer than the page waits while somebody reads; a late one must not push it down. */
function add(entry) {
  const isNew = entries.newer(entry.id) === undefined || held.includes(entries.newer(entry.id).id);
  if (nodes.size > 0 && isNew && entry.text) speak(`${flight().name} wrote: ${entry.text}`);
  if (isReading() && isNew) {
    held.push(entry.id);
    return;
  }
  const heightBefore = byId("feed").offsetHeight;
  const node = place(entry);
  if (isReading() && node.getBoundingClientRect().top < 0) {
    window.scrollBy(0, byId("feed").offsetHeight - heightBefore);
  }
}

function showHeld() {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const waiting = new Set(held);
  held = [];
  entries.all().filter((entry) => waiting.has(entry.id)).reverse().forEach(place);
  settle();
  window.scrollTo({ top: 0, behavior: calm ? "auto" : "smooth" });
}

function place(entry) {
  const node = el("div", "entry", drawEntry(entry), el("div", "between"));
  let next = entries.older(entry.id);
  while (next && !nodes.has(next.id)) next = entries.older(next.id);
  byId("feed").insertBefore(node, next ? nodes.get(next.id) : null);
  nodes.set(entry.id, node);
  drawBetween(entry.id);
  const newer = entries.newer(entry.id);
  if (newer && nodes.has(newer.id)) drawBetween(newer.id);
  return node;
}

/** More of a picture that is on the page came in. */
function complete(entry) {
  const node = nodes.get(entry.id);
  if (node) drawPlate(node.querySelector(".plate .prose"), entry);
}

function settle() {
  const feed = byId("feed");
  feed.setAttribute("aria-busy", "false");
  const gap = usualGap();
  if (Math.abs(gap - usual) > usual / 5) {
    usual = gap;
    nodes.forEach((_, id) => drawBetween(id));
  }
  const shown = entries.all().filter((entry) => nodes.has(entry.id));
  const newest = shown.find((entry) => entry.text);
  feed.querySelector(".newest")?.classList.remove("newest");
  if (newest) nodes.get(newest.id).classList.add("newest");
  const lines = entries.musings().filter((entry) => held.includes(entry.id)).length;
  byId("news").hidden = held.length === 0;
  write(byId("news"), lines === 1 ? "A new line" : lines ? `${lines} new lines` : "Something new");
  byId("earlier").hidden = !entries.hasEarlier() || shown.length === 0;
  const beginning = byId("beginning");
  beginning.hidden = entries.hasEarlier();
  const name = flight()?.name ?? "It";
  write(beginning, shown.length ? "Here the diary begins." : `No line of ${name} has been received yet.`);
}

// -- one entry ------------------------------------------------------------------------------

function drawEntry(entry) {
  if (entry.kind === "api_call") return drawCall(entry);
  if (entry.kind === "thumbnail") return drawPicture(entry);
  if (entry.kind === "event") return drawEvent(entry);
  return drawLine(entry);
}

function margin(entry) {
  const time = el("time", "when", format.clockTime(entry.when_ms));
  time.dateTime = new Date(entry.when_ms).toISOString();
  const seal = format.SEALS[entry.authenticity];
  time.title = `${format.utcTime(entry.when_ms)}${entry.is_exact ? "" : ", approximate"}, ${seal}`;
  const lines = [time];
  if (entry.alt_m !== null) lines.push(el("span", "height", format.metres(entry.alt_m)));
  const late = entry.heard_ms - entry.when_ms;
  if (late > LATE_MS) lines.push(el("span", "late", `received ${format.span(late)} later`));
  if (entry.authenticity !== usualSeal()) lines.push(el("span", "late", seal));
  return el("p", "margin", ...lines);
}

/** What every line of this flight has here: only another one is worth a word. */
function usualSeal() {
  if (flight().is_verifying) return "genuine";
  return flight().is_signed ? "unverified" : "unsigned";
}

function drawLine(entry) {
  const article = el("article", entry.kind, margin(entry));
  const body = el("div", "prose");
  if (entry.kind === "reply" && entry.question) body.append(said("blockquote", "asked", entry.question));
  body.append(said("p", "text", entry.text));
  if (entry.senses) body.append(said("p", "senses", entry.senses));
  const canned = origin(entry);
  if (canned) body.append(canned);
  article.append(body);
  article.tabIndex = 0;
  return article;
}

const CALL_WORDS = {
  404: "404, not found", 429: "429, asked too often", 500: "500, a server in trouble",
  timeout: "no answer", unreachable: "unreachable", garbage: "garbage", other: "an unreadable answer",
  redirected: "redirected, not followed", blocked: "a private address, not called",
};

function drawCall(entry) {
  const answer = entry.outcome === "ok" && entry.summary ? `“${entry.summary}”` : CALL_WORDS[entry.outcome] ?? entry.outcome;
  const aside = el("div", "call", margin(entry), said("p", "prose", `asked ${entry.api}: ${answer}`));
  return aside;
}

function drawEvent(entry) {
  return el("div", "call trouble", margin(entry), said("p", "prose", entry.event));
}

function drawPicture(entry) {
  const body = el("div", "prose", el("div", "picture"), el("figcaption"));
  drawPlate(body, entry);
  return el("figure", "plate", margin(entry), body);
}

function drawPlate(body, entry) {
  const [box, caption] = body.children;
  const isVisible = picture.isVisible(entry);
  box.hidden = !isVisible;
  if (isVisible) picture.show(box, entry);
  const what = picture.words(entry);
  const shown = isVisible ? what : `a picture that cannot be displayed${what && ` (${what})`}`;
  const count = isVisible ? picture.count(entry) : "";
  caption.replaceChildren(said("span", "", shown), el("span", "count", count));
}

// -- what lies between two entries ----------------------------------------------------------

function drawBetween(id) {
  const data = entries.get(id);
  const older = entries.older(id);
  const parts = [];
  const since = older ? older.when_ms : -Infinity;
  if (older) parts.push(...silence(older.when_ms, data.when_ms));
  for (const phase of (flight()?.phases ?? []).slice().reverse()) {
    if (phase.at_ms > since && phase.at_ms <= data.when_ms) parts.push(heading(phase));
  }
  nodes.get(id).lastElementChild.replaceChildren(...parts);
}

function heading(phase) {
  const where = phase.alt_m === null ? "" : ` · ${format.metres(phase.alt_m)}`;
  return el("h2", "chapter", el("span", "", format.chapter(phase.phase)), el("small", "", `${format.clockTime(phase.at_ms)}${where}`));
}

/** The pause between two lines that is usual in this flight. */
function usualGap() {
  const times = entries.all().map((entry) => entry.when_ms);
  const gaps = times.slice(1).map((at, i) => times[i] - at).sort((a, b) => a - b);
  return gaps[gaps.length >> 1] ?? 0;
}

function silence(from, to) {
  const gap = to - from;
  const lost = radioSilence(from, to);
  const isLong = gap >= Math.max(SILENCE_MS, SILENCE_FACTOR * usual);
  if (!isLong && lost < RADIO_SILENCE_MS) return [];
  const minutes = (isLong ? gap : lost) / 60_000;
  const words = [];
  if (isLong) words.push(`${format.span(gap)} of silence`);
  if (lost >= RADIO_SILENCE_MS) words.push(words.length ? `no signal for ${format.span(lost)} of it` : `no signal for ${format.span(lost)}`);
  const space = el("p", "silence", el("span", "", words.join(", ")));
  space.style.height = `${Math.min(PIXELS_MAX, Math.round(minutes * PIXELS_PER_MINUTE) + 24)}px`;
  return [space];
}

function radioSilence(from, to) {
  let sum = 0;
  for (const [start, end] of silences()) sum += Math.max(0, Math.min(end, to) - Math.max(start, from));
  return sum;
}

