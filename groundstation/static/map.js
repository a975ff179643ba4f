// The map without a map: a graticule, rings, and the way it went. No tiles, so no network.
//
// What is proved is drawn full, what is not is dashed and hollow. Beside a proved way a claim has no
// part in anything that the map says of the flight: launch, burst, landing, distance, zoom.

import { byId, colour, el, origin, said, write } from "./dom.js";
import { musings } from "./entries.js";
import { believed, flight } from "./flight.js";
import * as format from "./format.js";
import { since } from "./freshness.js";
import { claims, isGap, peak, placeAt, points } from "./track.js";

const BANDS = 16;
const RING_KM = [1, 2, 5, 10, 20, 50, 100, 200];
const STEPS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20];
const NAME_PX = { letter: 7, high: 18, aside: 10, above: 16 }; // of a name beside its dot
const DASHES = "7 5";
const CLAIM_KM = 50; // a claim further away from the way than this does not zoom the map out
const L = () => window.L;
let map = null;
let grid = null;
let way = null;
let marks = null;
let isFollowing = true;

export function start() {
  const canvas = L().canvas({ padding: 0.3 });
  map = L().map(byId("map"), {
    attributionControl: false, renderer: canvas, zoomSnap: 0.25, minZoom: 3, maxZoom: 17,
    fadeAnimation: false, zoomControl: false, zoomAnimation: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    scrollWheelZoom: false,
  });
  map.setView([0, 0], 3);
  L().control.zoom({ position: "bottomright" }).addTo(map);
  L().control.scale({ imperial: false, maxWidth: 90 }).addTo(map);
  grid = L().layerGroup().addTo(map);
  way = L().layerGroup().addTo(map);
  marks = L().layerGroup().addTo(map);
  map.on("moveend", drawGrid);
  map.on("dragstart", () => { isFollowing = false; });
  map.getContainer().addEventListener("wheel", () => { isFollowing = false; }, { passive: true });
  map.getContainer().addEventListener("dblclick", () => { isFollowing = false; });
  new ResizeObserver(() => { map.invalidateSize(); draw(); }).observe(byId("map"));
}

function bandColour(share) {
  const [low, middle, high] = ["low", "middle", "high"].map((name) => rgb(colour(name)));
  const [from, to, at] = share < 0.5 ? [low, middle, share * 2] : [middle, high, share * 2 - 1];
  return `rgb(${from.map((value, i) => Math.round(value + (to[i] - value) * at)).join(",")})`;
}

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

function label(latlng, text, className) {
  const icon = L().divIcon({ html: el("span", "", text), className: `map-label ${className}`, iconSize: [0, 0] });
  return L().marker(latlng, { icon, interactive: false, keyboard: false });
}

// -- graticule and rings --------------------------------------------------------------------

function drawGrid() {
  grid.clearLayers();
  const bounds = map.getBounds();
  const wide = bounds.getEast() - bounds.getWest();
  const tall = bounds.getNorth() - bounds.getSouth();
  const stepLon = STEPS.find((step) => wide / step <= 5) ?? 45;
  const stepLat = STEPS.find((step) => tall / step <= 4) ?? 45;
  const line = { color: colour("grid"), weight: 1, interactive: false };
  const digits = (step) => (step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3);
  for (let lon = Math.ceil(bounds.getWest() / stepLon) * stepLon; lon < bounds.getEast(); lon += stepLon) {
    L().polyline([[bounds.getSouth() - tall, lon], [bounds.getNorth() + tall, lon]], line).addTo(grid);
    if (lon < bounds.getEast() - wide / 9) label([bounds.getNorth(), lon], `${Math.abs(lon).toFixed(digits(stepLon))}°${lon < 0 ? "W" : "E"}`, "lon").addTo(grid);
  }
  for (let lat = Math.ceil(bounds.getSouth() / stepLat) * stepLat; lat < bounds.getNorth(); lat += stepLat) {
    L().polyline([[lat, bounds.getWest() - wide], [lat, bounds.getEast() + wide]], line).addTo(grid);
    if (lat > bounds.getSouth() + tall / 7) label([lat, bounds.getWest()], `${Math.abs(lat).toFixed(digits(stepLat))}°${lat < 0 ? "S" : "N"}`, "lat").addTo(grid);
  }
  drawRings(bounds);
}

function drawRings(bounds) {
  const first = points()[0];
  if (!first) return;
  const acrossKm = map.distance(bounds.getSouthWest(), bounds.getSouthEast()) / 1000;
  const step = RING_KM.find((km) => acrossKm / km < 6) ?? 500;
  for (let i = 1; i <= 4; i += 1) {
    L().circle([first[1], first[2]], {
      radius: step * i * 1000, color: colour("grid"), weight: 1, dashArray: "2 5", fill: false, interactive: false,
    }).addTo(grid);
    const north = first[1] + (step * i) / 111.2;
    if (bounds.contains([north, first[2]])) label([north, first[2]], `${step * i} km`, "ring").addTo(grid);
  }
}

// -- the way --------------------------------------------------------------------------------

/** Draw everything anew; at most once a second is asked for. */
export function draw() {
  if (!map) return;
  way.clearLayers();
  marks.clearLayers();
  const rows = points();
  const isEmpty = rows.length + claims().length === 0;
  byId("map").hidden = isEmpty;
  tick();
  if (isEmpty) return;
  follow();
  drawClaims(claims());
  drawWay(rows, flight().is_verifying);
  drawMarks(rows);
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
    if (i === 0 || isGap(rows[i - 1][0], row[0])) pieces.push([]);
    pieces.at(-1).push([row[1], row[2]]);
  });
  for (const piece of pieces) {
    L().polyline(piece, { color: colour("ink-soft"), weight: 1.5, dashArray: DASHES, interactive: false }).addTo(way);
  }
}

function drawWay(rows, isProved) {
  const dashArray = isProved ? undefined : DASHES;
  const top = rows.reduce((best, row) => Math.max(best, row[3] ?? 0), 1000);
  let run = [];
  let band = null;
  const flush = () => {
    if (run.length > 1) L().polyline(run, { color: bandColour(band / (BANDS - 1)), weight: 3.5, dashArray, interactive: false }).addTo(way);
  };
  rows.forEach((row, i) => {
    const place = [row[1], row[2]];
    const previous = rows[i - 1];
    const next = Math.min(BANDS - 1, Math.floor(((row[3] ?? 0) / top) * BANDS));
    if (previous && isGap(previous[0], row[0])) {
      flush();
      L().polyline([[previous[1], previous[2]], place], { color: colour("muted"), weight: 1.5, dashArray: "1 6", interactive: false }).addTo(way);
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
  for (const entry of musings()) {
    const place = entry.lat !== null && entry.lat !== undefined && entry.lon !== null ? [entry.lat, entry.lon] : placeAt(entry.when_ms);
    if (!place) continue;
    L().circleMarker(place, { radius: 2.6, weight: 1, color: colour("paper-bg"), fillColor: colour("ink"), fillOpacity: 0.95 })
      .bindPopup(() => popup(entry), { closeButton: false, maxWidth: 260 }).addTo(marks);
  }
  const [first, last, top, other] = [rows[0], rows.at(-1), peak(), claim()];
  const hasLanded = believed()?.phase === "LANDED";
  const named = [
    last && { place: [last[1], last[2]], text: hasLanded ? "landed" : flight().name, kind: hasLanded ? "landing" : "here" },
    top && { place: [top[1], top[2]], text: `burst ${format.metres(top[3])}`, kind: "burst" },
    first && { place: [first[1], first[2]], text: "launch", kind: "launch" },
    other && { place: [other[1], other[2]], text: "not signed", kind: "claim" },
  ].filter(Boolean);
  named.toReversed().forEach(dot);
  writeNames(named);
}

/** The caption: where it was last, how old that is and who says so; called once a second. */
export function tick() {
  const rows = points();
  const other = claim();
  const lines = [];
  if (rows.length) lines.push(where(rows.at(-1), seal()));
  if (other) lines.push(`dashed: ${where(other, "not signed")}`);
  if (rows.length) {
    const [first, last] = [rows[0], rows.at(-1)];
    const km = map.distance([first[1], first[2]], [last[1], last[2]]) / 1000;
    lines.push(`${km.toFixed(1)} km from launch · blue is low, gold is high`);
  }
  write(byId("map-caption"), lines.join("\n") || "No position received yet.");
}

function where(row, words) {
  return `${format.place(row[1], row[2])}, ${words}, ${since(row[0])}`;
}

/** Who says that it went this way. */
function seal() {
  if (flight().is_verifying) return "signed";
  const { sighting } = flight();
  if (sighting && sighting.latitude_deg !== null) return `from ${format.VIA_WORDS[sighting.via]}`;
  return flight().is_signed ? "not verified" : "not signed";
}

function dot({ place, kind }) {
  const isClaim = kind === "claim";
  const isHollow = isClaim || kind === "launch" || (["here", "landing"].includes(kind) && !flight().is_verifying);
  L().circleMarker(place, {
    radius: kind === "here" ? 6 : 4.5, weight: 2, interactive: false,
    color: colour(isClaim ? "ink-soft" : "accent"), dashArray: isClaim ? "3 3" : undefined,
    fillColor: isHollow ? colour("paper-bg") : colour("accent"), fillOpacity: kind === "burst" ? 0.25 : 1,
  }).addTo(marks);
}

/** Of two names that would overlap only the first is written; a claim looks for a free place. */
function writeNames(named) {
  const taken = [];
  for (const { place, text, kind } of named) {
    const at = map.latLngToContainerPoint(place);
    const side = at.x > map.getSize().x * 0.6 ? "west" : "east";
    const other = side === "west" ? "east" : "west";
    const tried = kind === "claim" ? [side, `${side} above`, `${side} below`, other] : [side];
    const where = tried.find((spot) => !taken.some((box) => overlap(box, nameBox(at, text, spot))));
    if (!where) continue;
    taken.push(nameBox(at, text, where));
    label(place, text, `mark ${kind} ${where}`).addTo(marks);
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
  const rows = points();
  if (!isFollowing || byId("map").offsetWidth === 0) return;
  const last = rows.at(-1);
  const isNear = (row) => !last || map.distance([row[1], row[2]], [last[1], last[2]]) < CLAIM_KM * 1000;
  const bounds = L().latLngBounds([...rows, ...claims().filter(isNear)].map((row) => [row[1], row[2]]));
  map.fitBounds(bounds.pad(0.12), { animate: false, maxZoom: 13, padding: [14, 14] });
}
