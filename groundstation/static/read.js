// Read: the diary, for whoever loves the one who wrote it: by chapters, newest first, with the silences
// between. Nothing here can be commanded; who may ask is led to where one asks. entries.js has the entries, article.js draws each.

import { isOperator } from "./access.js";
import * as article from "./article.js";
import { byId, el, speak, write } from "./dom.js";
import * as entries from "./entries.js";
import { believed, ending, flight } from "./flight.js";
import * as format from "./format.js";
import { about } from "./payload.js";
import * as sketch from "./sketch.js";
import { chapterAt, chapters, silences } from "./track.js";

const SILENCE_MS = 3 * 60_000; // a shorter pause is only breath
const SILENCE_FACTOR = 1.7; // and so is one that is usual here
const RADIO_SILENCE_MS = 60_000;
const PIXELS_PER_MINUTE = 7;
const PIXELS_MAX = 190;
const READING_PX = 260; // scrolled further than this, nothing new may move the page

const nodes = new Map(); // record id -> article, of what is on the page
let parts = []; // chapters, oldest first
let lists = []; // the node of each that holds its articles
let held = []; // ids that wait while somebody reads
let usual = 0;
let drawnFor = ""; // chapters and silences that are on the page

export async function start() {
  byId("news").addEventListener("click", showHeld);
  byId("earlier").addEventListener("click", loadEarlier);
  new IntersectionObserver((seen) => {
    if (seen.some((each) => each.isIntersecting)) loadEarlier();
  }, { rootMargin: "600px" }).observe(byId("earlier"));
  byId("print").addEventListener("click", print);
  for (const link of document.querySelectorAll(".keep [download]")) link.href = about(link.getAttribute("href"));
  byId("parquet").hidden = !flight().has_parquet;
  for (const name of ["beforeprint", "afterprint"]) window.addEventListener(name, turn); // a book begins at the beginning
  sketch.start();
  entries.watch({ add, complete, clear, settle });
  arrange();
  entries.all().forEach(place);
  settle();
}

export function draw() {
  const state = flight();
  write(byId("title"), state.name);
  write(byId("disclosure"), state.disclosure);
  write(byId("day"), day(state));
  byId("asking").hidden = !state.can_transmit || Boolean(ending()) || !isOperator();
  write(byId("asking").firstElementChild, `Ask ${state.name} something`);
  rearrange();
  sketch.draw();
}

/** The day of the flight, and whose hours the page counts. */
function day(state) {
  const at = state.launch_ms ?? state.phases[0]?.at_ms ?? believed()?.utc_ms;
  return at === undefined ? "" : `${format.day(at)} · times in ${format.zone(at)}`;
}

export function setMoment(ms) {
  showMoment(ms);
  sketch.draw();
}

/** The state changed: chapters may have come, and silences. */
function rearrange() {
  const known = JSON.stringify([chapters(), silences().length]);
  if (known === drawnFor) return;
  drawnFor = known;
  arrange();
  nodes.forEach((_, id) => drawSilence(id));
}

async function loadEarlier() {
  const button = byId("earlier");
  if (button.disabled) return;
  button.disabled = true;
  await entries.loadEarlier().finally(() => { button.disabled = false; });
}

function clear() {
  nodes.clear();
  held = [];
  arrange();
}

const isReading = () => window.scrollY > READING_PX && document.body.dataset.room === "read";

/** What is newer than the page waits while somebody reads; a late one must not push it down. */
function add(entry) {
  const newer = entries.newer(entry.id);
  const isNew = newer === undefined || held.includes(newer.id);
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
  const waiting = new Set(held);
  held = [];
  entries.all().filter((entry) => waiting.has(entry.id)).reverse().forEach(place);
  settle();
  window.scrollTo({ top: 0, behavior: behaviour() });
}

const behaviour = () => (matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth");

/** More of a picture that is on the page came in. */
function complete(entry) {
  const node = nodes.get(entry.id);
  if (node) article.complete(node, entry);
}

// -- where an entry stands ------------------------------------------------------------------

/** Chapters anew, newest first, with the articles that are there. */
function arrange() {
  parts = chapters();
  const titles = parts.length ? parts : [{ title: "", from_ms: -Infinity, alt_m: null }];
  lists = titles.map(({ title }) => el("div", "entries"));
  lists.forEach((list, i) => {
    list.role = "feed";
    list.ariaLabel = `${titles[i].title || "Diary"}, newest first`;
  });
  const sections = titles.map((part, i) => el("section", "chapter", part.title ? heading(part) : null, lists[i]));
  sections.forEach((section, i) => { section.dataset.chapter = titles[i].kind ?? ""; });
  entries.all().filter((entry) => nodes.has(entry.id)).forEach((entry) => listOf(entry).append(nodes.get(entry.id)));
  byId("feed").replaceChildren(...sections.reverse());
  showChapters();
}

const listOf = (entry) => lists[chapterAt(parts, entry.when_ms)];

function heading(part) {
  const day = format.day(part.from_ms) === format.day(flight().launch_ms ?? part.from_ms) ? "" : `${format.day(part.from_ms)}, `;
  const where = part.alt_m === null ? "" : ` · ${format.metres(part.alt_m)}`;
  return el("h3", "", el("span", "", part.title), el("small", "", `${day}${format.clockTime(part.from_ms)}${where}`));
}

/** A feed without articles is none, and a part before the oldest that was loaded says nothing yet;
    a burst is a moment even if nothing was thought in it. */
function showChapters() {
  const oldest = entries.all().at(-1);
  const first = entries.hasEarlier() && oldest ? chapterAt(parts, oldest.when_ms) : 0;
  lists.forEach((list, i) => {
    list.hidden = list.childElementCount === 0;
    list.parentNode.hidden = i < first;
  });
}

function place(entry) {
  const node = article.draw(entry);
  node.dataset.id = entry.id;
  const list = listOf(entry);
  let next = entries.older(entry.id);
  while (next && nodes.get(next.id)?.parentNode !== list) next = entries.older(next.id);
  list.insertBefore(node, next ? nodes.get(next.id) : null);
  nodes.set(entry.id, node);
  drawSilence(entry.id);
  const newer = entries.newer(entry.id);
  if (newer && nodes.has(newer.id)) drawSilence(newer.id);
  return node;
}

function settle() {
  const feed = byId("feed");
  const gap = usualGap();
  if (Math.abs(gap - usual) > usual / 5) {
    usual = gap;
    nodes.forEach((_, id) => drawSilence(id));
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
  showChapters();
}

// -- on paper -------------------------------------------------------------------------------

/** All of the diary, not only what was read. */
async function print() {
  await entries.loadSince(-Infinity);
  window.print();
}

/** The order of reading, from newest first to oldest first and back. */
function turn() {
  for (const node of [byId("feed"), ...lists]) node.append(...[...node.children].reverse());
}

// -- the moment of the time bar -------------------------------------------------------------

/** Bring what was thought or seen at this moment, or last before it, into view; null is now. */
async function showMoment(ms) {
  byId("feed").querySelector("[aria-current]")?.removeAttribute("aria-current");
  if (ms === null) return;
  await entries.loadSince(ms);
  const shown = entries.all().filter((each) => nodes.has(each.id) && (each.text || each.kind === "thumbnail"));
  const entry = shown.find((each) => each.when_ms <= ms) ?? shown.at(-1);
  const node = entry && nodes.get(entry.id);
  if (!node) return;
  byId("feed").querySelector("[aria-current]")?.removeAttribute("aria-current");
  node.setAttribute("aria-current", "time");
  const { top, bottom } = node.getBoundingClientRect();
  if (top < 0.15 * window.innerHeight || bottom > 0.8 * window.innerHeight) {
    node.scrollIntoView({ block: "center", behavior: "auto" });
  }
}

// -- the silence before an entry ------------------------------------------------------------

function drawSilence(id) {
  const node = nodes.get(id);
  const older = entries.older(id);
  node.querySelector(".silence")?.remove();
  if (older) node.append(...silence(older.when_ms, entries.get(id).when_ms));
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
