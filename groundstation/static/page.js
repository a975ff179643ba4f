// Puts the page together: loads the state, then follows the station's stream of changes.

import * as access from "./access.js";
import { now, setClock } from "./clock.js";
import { byId, el, loadScript, loadStyle, write } from "./dom.js";
import * as conflicts from "./conflicts.js";
import * as feed from "./feed.js";
import * as format from "./format.js";
import * as picture from "./picture.js";
import * as strip from "./strip.js";
import * as talk from "./talk.js";
import * as track from "./track.js";

const REDRAW_MS = 1000;
const REFRESH_MS = 60_000; // of station time: minutes of the link come with the history only
const REFRESH_CHECK_MS = 5000;
const CLOCK_GAP_MS = 60_000; // less is a clock that nobody set
const HIDDEN_MS = 60_000; // a tab that nobody sees gives its connection back
const REFUSED_MS = 30_000; // until a page that found no place for its stream asks for one again
let drawers = []; // map and plots, once they are here
let source = null;
let lastChange = 0;
let isRedrawDue = false;
let isOver = false;

/** Every message of the station tells its time, and whether the flight is known to be over. */
function setTime(message) {
  setClock(message);
  isOver = message.ending !== null;
  strip.setEnding(message.ending);
  talk.setEnding(message.ending);
}

function setFlight(state) {
  lastChange = Math.max(lastChange, state.change_id);
  strip.setFlight(state);
  track.setFlight(state);
  feed.setFlight(state);
  talk.setFlight(state);
  conflicts.setFlight(state);
  drawers.forEach((drawer) => drawer.setFlight?.(state));
  document.body.classList.toggle("waiting", !isHeard(state));
  write(byId("waiting"), waiting(state));
  write(byId("title"), state.name);
  write(byId("disclosure"), state.disclosure);
  doubts(state);
  colophon(state);
}

/** Anything of our payload, in its own format or in a stranger's. */
const isHeard = (state) => Boolean(state.beacon ?? state.sighting) || Object.keys(state.counts).length > 0;

function waiting({ name, beacon_ground_s: everyS }) {
  return `Nothing has been received from ${name} yet. On the ground it sends a beacon every ${everyS}${format.GAP}s; `
    + "this page begins with the first one: state and position, then its thoughts.";
}

/** What a reader must know before believing the page: impostors, and clocks that disagree. */
function doubts(state) {
  const words = [];
  const impostors = state.link.impostor ?? 0;
  if (impostors) {
    const claimed = impostors === 1 ? "1 frame claimed" : `${format.grouped(impostors)} frames claimed`;
    words.push(`${claimed} to be from ${state.name} and ${impostors === 1 ? "was" : "were"} not signed by it.`);
    if (!state.beacon) words.push("If these are its own frames, payload and station have different keys.");
  }
  if (state.is_signed && state.beacon?.authenticity === "unsigned") {
    words.push(`${state.name} signs what it sends, and the newest beacon is not signed.`);
  }
  const life = state.lives.at(-1);
  if (life?.life > 0) {
    words.push(`${state.name} continued with another store at ${format.clockTime(life.first_ms)}: its own was empty, damaged or absent. Its records since then are kept apart.`);
  }
  const gap = Math.abs(state.beacon?.clock_gap_s ?? 0) * 1000;
  if (gap > CLOCK_GAP_MS) {
    words.push(`Its clock and this station’s differ by ${format.span(gap)}: one of them is wrong, or the data arrived late.`);
  }
  byId("doubts").hidden = words.length === 0;
  write(byId("doubts"), words.join(" "));
}

function colophon(state) {
  const link = state.link;
  const others = [...state.foreign.map((node) => `node ${node.node_id}`), ...state.neighbours.map((other) => other.callsign)];
  const words = [
    `Received at ${state.station}: ${format.grouped(link.heard)} frames, ${format.grouped(link.lost)} lost`,
    link.forgotten ? `${format.grouped(link.forgotten)} low-value receptions deleted to make room` : "",
    link.dropped ? `${format.grouped(link.dropped)} lost while the disk refused writes` : "",
    link.noise ? `${format.grouped(link.noise)} bursts of noise` : "",
    link.undecodable ? `${format.grouped(link.undecodable)} undecodable receptions, see spacepi-ground undecodable` : "",
    link.old_beacons ? `${format.grouped(link.old_beacons)} old beacons, late or replayed` : "",
    link.old_data ? `${format.grouped(link.old_data)} old data frames, late or replayed` : "",
    link.unplaced ? `${format.grouped(link.unplaced)} signed frames of an unknown session` : "",
    link.sealed ? `the texts of ${format.grouped(link.sealed)} records need a text model that this station lacks` : "",
    others.length ? `also heard: ${others.join(", ")}` : "",
  ].filter(Boolean).join("; ");
  byId("colophon").replaceChildren(
    el("p", "", `${words}.`),
    ...(state.carries ? [el("p", "", carries(state.carries))] : []),
    el("p", "", authenticity(state)),
    ...(state.sondehub.mode === "off" ? [] : [el("p", "", sondehub(state.sondehub))]),
  );
}

/** What this link can bring, so that a slow one is not taken for a broken one. */
function carries({ beacon_every_ms: everyMs, musings, pictures }) {
  const words = `about ${format.grouped(musings)} musings`;
  const images = pictures < 1
    ? `a picture in ${format.grouped(Math.ceil(1 / pictures))} hours`
    : `${format.grouped(Math.floor(pictures))} ${pictures < 2 ? "picture" : "pictures"}`;
  return `This link carries a beacon every ${format.span(everyMs)} and in an hour, `
    + `when nothing is lost, ${words} or ${images}.`;
}

/** What the public map was told, and why it is not being told more. */
function sondehub({ mode, taken, refused, set_aside: aside, trouble }) {
  const what = mode === "dev" ? "SondeHub checked, without storing," : "SondeHub has accepted";
  const words = [`${what} ${taken === 1 ? "1 position" : `${format.grouped(taken)} positions`}`];
  if (refused) words.push(`refused ${format.grouped(refused)}`);
  if (aside) words.push(`failed on ${format.grouped(aside)}`);
  if (trouble) words.push(`it does not answer now (${trouble}); waiting positions are kept`);
  return `${words.join("; ")}.`;
}

function authenticity(state) {
  if (state.is_verifying) {
    const claims = ["horus", "ukhas", "summary"].reduce((sum, via) => sum + (state.link[`sightings_${via}`] ?? 0), 0);
    const others = claims === 1 ? "1 beacon in another format is" : `${format.grouped(claims)} beacons in other formats are`;
    return `This data was signed by ${state.name}: this station verified every frame.`
      + (claims ? ` ${others} not signed: dashed and hollow on the map, and only where nothing signed was received.` : "");
  }
  if (state.is_signed) return `${state.name} signs its frames. This station has no key and cannot verify them.`;
  return "The downlink is not signed: anyone on the channel could have sent these frames.";
}

function showPicture() {
  const newest = feed.pictures()[0];
  if (!newest) return;
  byId("view").hidden = false;
  picture.show(byId("view-picture"), newest);
  const height = newest.alt_m === null ? "" : format.metres(newest.alt_m);
  const parts = ["latest picture", format.clockTime(newest.when_ms), height, picture.count(newest)];
  write(byId("view-caption"), parts.filter(Boolean).join(" · "));
}

function redraw() {
  if (isRedrawDue) return;
  isRedrawDue = true;
  setTimeout(() => {
    isRedrawDue = false;
    drawers.forEach((drawer) => drawer.draw());
  }, REDRAW_MS);
}

async function loadHistory() {
  const answer = await fetch("/api/history");
  const history = await answer.json();
  track.setHistory(history);
  feed.addSilences(history.silences);
}

function noInstruments(why) {
  byId("map").replaceChildren(el("p", "missing", why));
  byId("map").classList.add("absent");
}

async function loadInstruments(hasVendor) {
  if (!hasVendor) {
    noInstruments("Map and plots are not installed; run make.");
    return;
  }
  loadStyle("/static/vendor/leaflet.css");
  loadStyle("/static/vendor/uPlot.min.css");
  await Promise.all([loadScript("/static/vendor/leaflet.js"), loadScript("/static/vendor/uPlot.iife.min.js")]);
  drawers = await Promise.all([import("./map.js"), import("./plots.js")]);
  drawers.forEach((drawer) => drawer.start());
}

async function loadAll() {
  const answer = await fetch("/api/flight");
  if (!answer.ok) throw new Error((await answer.json()).error);
  const state = await answer.json();
  setTime(state);
  setFlight(state);
  await feed.load();
  showPicture();
  document.body.classList.add("ready");
  return state;
}

function follow() {
  source?.close();
  source = new EventSource(`/api/events?after=${lastChange}`);
  source.addEventListener("update", (event) => {
    const update = JSON.parse(event.data);
    const wasWaiting = document.body.classList.contains("waiting");
    setTime(update);
    setFlight(update.flight);
    track.extend(update);
    feed.arrive(update.entries);
    showPicture();
    if (wasWaiting && isHeard(update.flight)) loadHistory().then(redraw, () => {});
    redraw();
  });
  source.addEventListener("clock", (event) => setTime(JSON.parse(event.data)));
  source.addEventListener("resync", async () => {
    await loadAll();
    await loadHistory();
    redraw();
  });
  source.addEventListener("open", () => banner(""));
  source.addEventListener("error", lost);
}

const SILENT = "The station does not answer. This page shows its last data.";

function lost() {
  if (isOver) banner("The simulator is closed. This page keeps its last data until you leave it.");
  else if (source.readyState === EventSource.CLOSED) lookAgain(source);
  else banner(SILENT); // the browser tries again by itself
}

/** The station answered, and had no place for another stream: read all of it now and then. */
async function lookAgain(refused) {
  setTimeout(() => { if (source === refused) follow(); }, REFUSED_MS);
  try {
    await loadAll();
    await loadHistory();
    redraw();
    banner(`Too many pages are open at this station: this one updates every ${REFUSED_MS / 1000}${format.GAP}s.`);
  } catch {
    banner(SILENT);
  }
}

function banner(text) {
  byId("banner").hidden = !text;
  write(byId("banner"), text);
}

function showView(name) {
  document.body.dataset.view = name;
  for (const button of document.querySelectorAll(".tabs button")) {
    if (button.dataset.to === name) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
  window.scrollTo(0, 0);
}

function watchVisibility() {
  let timer = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.hidden) {
      timer = setTimeout(() => { source?.close(); source = null; }, HIDDEN_MS);
    } else if (source === null) {
      follow();
    }
  });
}

async function start() {
  document.querySelector(".tabs").addEventListener("click", (event) => {
    if (event.target.dataset.to) showView(event.target.dataset.to);
  });
  byId("skip-ask").addEventListener("click", () => {
    if (byId("question").offsetParent === null) showView("talk"); // narrow: it stands in another view
  });
  setInterval(() => { strip.tick(); drawers.forEach((drawer) => drawer.tick?.()); }, 1000);
  let state = null;
  while (state === null) {
    try {
      await access.enter();
      state = await loadAll();
      banner("");
    } catch (error) {
      banner(`${error.message || "The station does not answer."} Trying again.`);
      await new Promise((resolve) => { setTimeout(resolve, 2000); });
    }
  }
  follow();
  watchVisibility();
  await loadHistory();
  await loadInstruments(state.has_vendor).catch(() => noInstruments("Map and plots did not load; reload the page."));
  drawers.forEach((drawer) => { drawer.setFlight?.(state); drawer.draw(); });
  let refreshedMs = now();
  setInterval(async () => {
    if (now() - refreshedMs < REFRESH_MS || document.hidden) return;
    refreshedMs = now();
    await loadHistory().catch(() => {});
    redraw();
  }, REFRESH_CHECK_MS);
  document.body.classList.add("complete");
}

start();
