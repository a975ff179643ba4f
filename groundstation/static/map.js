// The map: the way it went, where it will land, where the reader is. Its ground is a graticule, or the
// tiles of a file at the station: no network beyond that.
//
// What is verified is drawn full, what is not is dashed and hollow. Beside a verified way a claim has no
// part in anything that the map says of the flight: launch, burst, landing, distance, zoom.
// It follows the flight until a hand moves or zooms it, and again when the button is pressed.

import { byId, colour, el, origin, said, write } from "./dom.js";
import { musings } from "./entries.js";
import { believed, flight, since } from "./flight.js";
import * as format from "./format.js";
import { drawGrid } from "./map_grid.js";
import { drawLanding, drawOutcome, isFallForecast, landingNames, likelyArea, outcomeNames } from "./map_landing.js";
import { sheet } from "./map_sheet.js";
import { me } from "./reader_position.js";
import { claims, isGap, longitudes, peak, placeAt, points, turned } from "./track.js";
import { waySeal } from "./unsigned.js";

const BANDS = 16;
const TOPS = 1.1; // from one top of the colours to the next: each paints all of the way anew
const NAME_PX = { letter: 8, high: 18, aside: 10, above: 20 }; // of a name beside its dot
const APART_PX = 22;
const DASHES = "7 5";
const EDGE_PX = 14; // around all that it follows
const CLAIM_KM = 50; // a claim further away from the way than this does not zoom the map out
const READER_KM = 300; // nor does a reader who is this far away
const ZOOM = { max: 17, start: 13 };
const L = () => window.L;
let map = null;
let grid = null;
let sky = null; // all that is drawn of the flight
let isFollowing = true;
let isOurs = false; // the map is being moved by us, and not by a hand
let moment = null; // UTC in ms, or now
let picking = null; // what takes the place that is pressed next
let beside = longitudes([]); // how longitudes are drawn

export function start() {
  map = L().map(byId("map"), {
    attributionControl: false, zoomSnap: 0.25, minZoom: 3, maxZoom: ZOOM.max,
    fadeAnimation: false, zoomControl: false, zoomAnimation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    scrollWheelZoom: false,
  });
  ours(() => map.setView([0, 0], 3));
  L().control.zoom({ position: "bottomright" }).addTo(map);
  L().control.scale({ imperial: false, maxWidth: 90 }).addTo(map);
  addTiles(flight().map);
  [grid, sky] = [sheet(map), sheet(map, onMap)];
  map.on("moveend", ground);
  map.on("movestart zoomstart", () => { if (!isOurs) setFollowing(false); });
  map.on("click", ({ latlng }) => {
    picking?.([latlng.lat, turned(latlng.lng)]);
    pick(null);
  });
  byId("follow").addEventListener("click", () => { setFollowing(true); draw(); });
  new ResizeObserver(() => { ours(() => map.invalidateSize()); draw(); }).observe(byId("map"));
}

const onMap = ([lat, lon]) => [lat, beside(lon)];

/** Is there half an Earth between two rows, as they are drawn? */
const isAround = (from, to) => Math.abs(beside(to[2]) - beside(from[2])) > 180;

const ground = () => drawGrid(map, grid, launch(), Boolean(flight().map));

/** What moves the map in here is not the reader's hand. */
function ours(move) {
  isOurs = true;
  move();
  isOurs = false;
}

function setFollowing(value) {
  isFollowing = value;
  byId("follow").hidden = value;
}

/** Those of the station's own file; beyond its zooms they are stretched. */
function addTiles(file) {
  if (!file) return;
  L().tileLayer("/api/tiles/{z}/{x}/{y}", {
    minNativeZoom: file.min_zoom, maxNativeZoom: file.max_zoom, maxZoom: ZOOM.max,
  }).addTo(map);
  byId("map").classList.add("tiled");
}

/** The next press on the map gives its place to ``take``; null: none does. */
export function pick(take) {
  picking = take;
  byId("map").classList.toggle("picking", take !== null);
}

/** The colours of the page changed. */
export function restyle() {
  ground();
  draw();
}

/** Show where it was then; null is now. */
export function setMoment(ms) {
  moment = ms;
  draw();
}

const hasLanded = () => believed()?.phase === "LANDED";
const launch = () => { const first = points()[0]; return first ? [first[1], first[2]] : null; };

function bandColour(share) {
  const [low, middle, high] = ["low", "middle", "high"].map((name) => rgb(colour(name)));
  const [from, to, at] = share < 0.5 ? [low, middle, share * 2] : [middle, high, share * 2 - 1];
  return `rgb(${from.map((value, i) => Math.round(value + (to[i] - value) * at)).join(",")})`;
}

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

// -- the way --------------------------------------------------------------------------------

/** Show all of it as it is now; at most once a second is asked for. */
export function draw() {
  if (!map) return;
  const rows = points();
  const isEmpty = rows.length + claims().length === 0;
  beside = longitudes(rows.length ? rows : claims());
  byId("map").hidden = isEmpty;
  tick();
  if (!isEmpty) {
    follow();
    if (hasLanded()) drawOutcome(sky);
    else drawLanding(sky);
    drawClaims(claims());
    drawWay(rows, flight().is_verifying);
    drawMarks(rows);
    drawReader();
    drawMoment();
  }
  sky.turn();
}

function drawReader() {
  const own = me();
  if (!own) return;
  if (own.accuracy_m) sky.ring(own.at, { radius: own.accuracy_m, weight: 0, fillColor: colour("low"), fillOpacity: 0.15 });
  sky.dot(own.at, { radius: 6, weight: 2, color: colour("paper-bg"), fillColor: colour("low"), fillOpacity: 1 });
}

function drawMoment() {
  const place = moment === null ? null : placeAt(moment);
  if (place) sky.dot(place, { radius: 9, weight: 2, color: colour("ink"), fill: false });
}

/** Where others claim that it is now; null when the way is known to a later time. */
function claim() {
  const last = claims().at(-1);
  return last && last[0] > (points().at(-1)?.[0] ?? 0) ? last : null;
}

/** What others say that it went, in pieces: one way with a gap is two. */
function drawClaims(rows) {
  const pieces = [];
  rows.forEach((row, i) => {
    if (i === 0 || isGap(rows[i - 1][0], row[0]) || isAround(rows[i - 1], row)) pieces.push([]);
    pieces.at(-1).push([row[1], row[2]]);
  });
  for (const piece of pieces) sky.line(piece, { color: colour("ink-soft"), weight: 1.5, dashArray: DASHES });
}

function drawWay(rows, isVerified) {
  const dashArray = isVerified ? undefined : DASHES;
  const highest = rows.reduce((best, row) => Math.max(best, row[3] ?? 0), 1000);
  const top = TOPS ** Math.ceil(Math.log(highest) / Math.log(TOPS));
  let run = [];
  let band = null;
  const flush = () => {
    if (run.length > 1) sky.line(run, { color: bandColour(band / (BANDS - 1)), weight: 3.5, dashArray });
  };
  rows.forEach((row, i) => {
    const place = [row[1], row[2]];
    const previous = rows[i - 1];
    const next = Math.min(BANDS - 1, Math.floor(((row[3] ?? 0) / top) * BANDS));
    if (previous && isAround(previous, row)) {
      flush();
      run = [place];
    } else if (previous && isGap(previous[0], row[0])) {
      flush();
      sky.line([[previous[1], previous[2]], place], { color: colour("muted"), weight: 1.5, dashArray: "1 6" });
      run = [place];
    } else if (next !== band && previous) {
      run.push(place);
      flush();
      run = [place];
    } else {
      run.push(place);
    }
    band = Math.max(0, next);
  });
  flush();
}

function drawMarks(rows) {
  let drawn = null;
  for (const entry of musings()) {
    const place = entry.lat !== null && entry.lat !== undefined && entry.lon !== null ? [entry.lat, entry.lon] : placeAt(entry.when_ms);
    if (!place) continue;
    const at = map.latLngToContainerPoint(onMap(place));
    if (drawn?.distanceTo(at) < APART_PX) continue; // the way is to be seen between them
    drawn = at;
    sky.dot(place, { radius: 2.6, weight: 1, color: colour("paper-bg"), fillColor: colour("ink"), fillOpacity: 0.95 }, () => popup(entry));
  }
  const [first, last, top, other] = [rows[0], rows.at(-1), peak(), claim()];
  const isDown = hasLanded();
  const named = [
    last && { place: [last[1], last[2]], text: isDown ? "landed" : flight().name, kind: isDown ? "landing" : "here" },
    top && { place: [top[1], top[2]], text: `burst ${format.metres(top[3])}`, kind: "burst" },
    first && { place: [first[1], first[2]], text: "launch", kind: "launch" },
    other && { place: [other[1], other[2]], text: "not signed", kind: "claim" },
  ].filter(Boolean);
  named.toReversed().forEach(dot);
  const own = me();
  writeNames([
    ...named, ...(own ? [{ place: own.at, text: "you", kind: "reader" }] : []),
    ...(isDown ? outcomeNames() : landingNames(flight().name)),
  ]);
}

/** The caption: where it was last, how old that is and who says so; called once a second. */
export function tick() {
  const rows = points();
  const other = claim();
  const lines = [];
  if (rows.length) lines.push(where(rows.at(-1), waySeal()));
  if (other) lines.push(`dashed: ${where(other, "not signed")}`);
  if (rows.length) {
    const [first, last] = [rows[0], rows.at(-1)];
    const km = map.distance([first[1], first[2]], [last[1], last[2]]) / 1000;
    lines.push(`${km.toFixed(1)} km from launch · blue is low, gold is high`);
  }
  if (!hasLanded() && isFallForecast()) lines.push("the ellipse contains about two of three landings");
  if (flight().map?.attribution) lines.push(flight().map.attribution);
  write(byId("map-caption"), lines.join("\n") || "No position received yet.");
}

function where(row, words) {
  return `${format.place(row[1], row[2])}, ${words}, ${since(row[0])}`;
}

function dot({ place, kind }) {
  const isClaim = kind === "claim";
  const isHollow = isClaim || kind === "launch" || (["here", "landing"].includes(kind) && !flight().is_verifying);
  sky.dot(place, {
    radius: kind === "here" ? 6 : 4.5, weight: 2,
    color: colour(isClaim ? "ink-soft" : "accent"), dashArray: isClaim ? "3 3" : undefined,
    fillColor: isHollow ? colour("paper-bg") : colour("accent"), fillOpacity: kind === "burst" ? 0.25 : 1,
  });
}

/** A name looks for a free place beside its dot; of two that find none only the first is written. */
function writeNames(named) {
  const [taken, spots] = [[], []];
  for (const { place, text, kind } of named) {
    const at = map.latLngToContainerPoint(onMap(place));
    if (["launch", "burst"].includes(kind) && spots.some((spot) => spot.distanceTo(at) < NAME_PX.high)) continue; // one place, one name
    spots.push(at);
    const side = at.x > map.getSize().x * 0.6 ? "west" : "east";
    const other = side === "west" ? "east" : "west";
    const where = [side, `${side} above`, `${side} below`, other].find((spot) => {
      const box = nameBox(at, text, spot);
      return box[0] > 0 && box[2] < map.getSize().x && !taken.some((name) => overlap(name, box));
    });
    if (!where) continue;
    taken.push(nameBox(at, text, where));
    sky.name(place, text, `mark ${kind} ${where}`);
  }
}

/** [left, top, right, bottom] of a name, about. */
function nameBox(at, text, where) {
  const wide = text.length * NAME_PX.letter;
  const left = where.startsWith("west") ? at.x - NAME_PX.aside - wide : at.x + NAME_PX.aside;
  const middle = at.y + (where.endsWith("above") ? -NAME_PX.above : where.endsWith("below") ? NAME_PX.above : 0);
  return [left, middle - NAME_PX.high / 2, left + wide, middle + NAME_PX.high / 2];
}

const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

function popup(entry) {
  return el("div", "thought", said("p", "", entry.text), origin(entry), el("small", "", `${format.clockTime(entry.when_ms)} · ${format.metres(entry.alt_m)}`));
}

function follow() {
  if (!isFollowing || byId("map").offsetWidth === 0) return;
  const last = points().at(-1);
  const within = (km) => (place) => !last || map.distance(place, [last[1], last[2]]) < km * 1000;
  const ways = [points(), claims()].map((rows) => rows.map((row) => [row[1], row[2]]));
  const own = me();
  const ahead = hasLanded() ? [] : likelyArea();
  const bounds = L().latLngBounds([
    ...ways[0], ...ways[1].filter(within(CLAIM_KM)), ...ahead.filter(within(READER_KM)),
    ...(own ? [own.at].filter(within(READER_KM)) : [])].map(onMap));
  const roomy = bounds.pad(0.12);
  const zoom = Math.min(ZOOM.start, map.getBoundsZoom(roomy, false, L().point(2 * EDGE_PX, 2 * EDGE_PX)));
  if (zoom <= map.getZoom() && map.getBounds().contains(bounds.pad(0.02))) return; // it is all in view, and as large
  ours(() => map.fitBounds(roomy, { animate: false, maxZoom: ZOOM.start, padding: [EDGE_PX, EDGE_PX] }));
}
