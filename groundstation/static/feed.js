// The diary: what it thought, newest first, with the silences between.

import { byId, el, origin, said, speak, write } from "./dom.js";
import * as format from "./format.js";
import * as picture from "./picture.js";

const PAGE = 60;
const SILENCE_MS = 3 * 60_000; // a shorter pause is only breath
const SILENCE_FACTOR = 1.7; // and so is one that is usual here
const RADIO_SILENCE_MS = 60_000;
const PIXELS_PER_MINUTE = 7;
const PIXELS_MAX = 190;
const LATE_MS = 3 * 60_000;
const READING_PX = 260; // scrolled further than this, nothing new may move the page

const entries = new Map(); // record id -> {data, node, between}
let order = []; // record ids, newest first
let held = [];
let flight = null;
let silences = new Map(); // from -> to
let hasMore = false;
let usual = 0;
const listeners = [];

/** Called with every entry that is on the page, old or new. */
export function onEntry(listener) {
  listeners.push(listener);
}

export const musings = () => order.map((id) => entries.get(id).data).filter((e) => e.text);
export const pictures = () => order.map((id) => entries.get(id).data).filter((e) => e.kind === "thumbnail" && picture.isVisible(e));

export function setFlight(state) {
  const phasesBefore = flight?.phases.length;
  flight = state;
  const changed = addSilences(state.silences);
  if (phasesBefore !== state.phases.length || changed) order.forEach(drawBetween);
}

export function addSilences(list) {
  const before = silences.size;
  for (const [from, to] of list) silences.set(from, to);
  return silences.size !== before;
}

export async function load() {
  const answer = await fetch(`/api/musings?limit=${PAGE}`);
  const { entries: found } = await answer.json();
  clear();
  hasMore = found.length === PAGE;
  found.forEach(place);
  settle();
}

async function loadEarlier() {
  byId("earlier").disabled = true;
  const answer = await fetch(`/api/musings?limit=${PAGE}&before=${order.at(-1)}`);
  const { entries: found } = await answer.json();
  hasMore = found.length === PAGE;
  found.forEach(place);
  byId("earlier").disabled = false;
  settle();
}

function clear() {
  byId("feed").replaceChildren();
  entries.clear();
  order = [];
  held = [];
}

/** Entries that arrived just now. What is newer than the page waits while somebody reads. */
export function arrive(found) {
  const isReading = window.scrollY > READING_PX && document.body.dataset.view === "read";
  for (const entry of found) {
    const isNew = !entries.has(entry.id) && (order.length === 0 || entry.id > order[0]);
    if (isNew && isReading) held.push(entry);
    else placeSteadily(entry, isReading);
  }
  const line = found.filter((entry) => entry.text).at(-1);
  if (line) speak(`${flight?.name ?? "It"} wrote: ${line.text}`);
  settle();
}

export function showHeld() {
  held.sort((a, b) => a.id - b.id).forEach(place);
  held = [];
  settle();
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  window.scrollTo({ top: 0, behavior: calm ? "auto" : "smooth" });
}

/** A late entry above what is being read must not push it down. */
function placeSteadily(entry, isReading) {
  const feed = byId("feed");
  const heightBefore = feed.offsetHeight;
  place(entry);
  const node = entries.get(entry.id)?.node;
  if (isReading && node && node.getBoundingClientRect().top < 0) {
    window.scrollBy(0, feed.offsetHeight - heightBefore);
  }
}

function place(entry) {
  if (entries.has(entry.id)) {
    complete(entry);
    return;
  }
  const node = el("div", "entry", draw(entry), el("div", "between"));
  let at = order.findIndex((id) => id < entry.id);
  if (at < 0) at = order.length;
  const next = at < order.length ? entries.get(order[at]).node : null;
  byId("feed").insertBefore(node, next);
  order.splice(at, 0, entry.id);
  entries.set(entry.id, { data: entry, node });
  drawBetween(entry.id);
  if (at > 0) drawBetween(order[at - 1]);
  listeners.forEach((listener) => listener(entry));
}

/** More of a picture that is on the page came in. */
function complete(entry) {
  const known = entries.get(entry.id);
  if (entry.kind !== "thumbnail" || entry.tiles.length <= known.data.tiles.length) return;
  known.data = entry;
  drawPlate(known.node.querySelector(".plate .prose"), entry);
}

function settle() {
  const feed = byId("feed");
  feed.setAttribute("aria-busy", "false");
  const gap = usualGap();
  if (Math.abs(gap - usual) > usual / 5) {
    usual = gap;
    order.forEach(drawBetween);
  }
  const newest = order.find((id) => entries.get(id).data.text);
  feed.querySelector(".newest")?.classList.remove("newest");
  if (newest) entries.get(newest).node.classList.add("newest");
  const lines = held.filter((entry) => entry.text).length;
  const news = byId("news");
  news.hidden = held.length === 0;
  write(news, lines === 1 ? "A new line" : lines ? `${lines} new lines` : "Something new");
  byId("earlier").hidden = !hasMore || order.length === 0;
  const beginning = byId("beginning");
  beginning.hidden = hasMore;
  const name = flight?.name ?? "It";
  write(beginning, order.length ? "Here the diary begins." : `No line of ${name} has been received yet.`);
}

// -- one entry ------------------------------------------------------------------------------

function draw(entry) {
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
  if (flight?.is_verifying) return "genuine";
  return flight?.is_signed ? "unverified" : "unsigned";
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
  asked: "through the ground station",
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
  const { data, node } = entries.get(id);
  const older = entries.get(order[order.indexOf(id) + 1])?.data;
  const between = node.lastElementChild;
  const parts = [];
  const since = older ? older.when_ms : -Infinity;
  if (older) parts.push(...silence(older.when_ms, data.when_ms));
  for (const phase of (flight?.phases ?? []).slice().reverse()) {
    if (phase.at_ms > since && phase.at_ms <= data.when_ms) parts.push(heading(phase));
  }
  between.replaceChildren(...parts);
}

function heading(phase) {
  const where = phase.alt_m === null ? "" : ` · ${format.metres(phase.alt_m)}`;
  return el("h2", "chapter", el("span", "", format.chapter(phase.phase)), el("small", "", `${format.clockTime(phase.at_ms)}${where}`));
}

/** The pause between two lines that is usual in this flight. */
function usualGap() {
  const gaps = order.slice(1).map((id, i) => entries.get(order[i]).data.when_ms - entries.get(id).data.when_ms);
  gaps.sort((a, b) => a - b);
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
  for (const [start, end] of silences) sum += Math.max(0, Math.min(end, to) - Math.max(start, from));
  return sum;
}

byId("news").addEventListener("click", showHeld);
byId("earlier").addEventListener("click", loadEarlier);
