// The map without a map: a graticule, rings, and the way it went. No tiles, so no network.

import { byId, colour, el, said, write } from "./dom.js";
import * as feed from "./feed.js";
import * as format from "./format.js";
import { isGap, peak, placeAt, points } from "./track.js";

const BANDS = 16;
const RING_KM = [1, 2, 5, 10, 20, 50, 100, 200];
const STEPS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20];
const NAME_PX = { x: 100, y: 18 };
const L = () => window.L;
let map = null;
let grid = null;
let way = null;
let marks = null;
let isFollowing = true;
let flight = null;

export const setFlight = (state) => { flight = state; };

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
  byId("map").hidden = rows.length === 0;
  if (rows.length === 0) {
    write(byId("map-caption"), "No position heard yet.");
    return;
  }
  follow();
  drawWay(rows);
  drawMarks(rows);
}

function drawWay(rows) {
  const top = rows.reduce((best, row) => Math.max(best, row[3] ?? 0), 1000);
  let run = [];
  let band = null;
  const flush = () => {
    if (run.length > 1) L().polyline(run, { color: bandColour(band / (BANDS - 1)), weight: 3.5, interactive: false }).addTo(way);
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
  for (const entry of feed.musings()) {
    const place = entry.lat !== null && entry.lat !== undefined && entry.lon !== null ? [entry.lat, entry.lon] : placeAt(entry.when_ms);
    if (!place) continue;
    L().circleMarker(place, { radius: 2.6, weight: 1, color: colour("paper-bg"), fillColor: colour("ink"), fillOpacity: 0.95 })
      .bindPopup(() => popup(entry), { closeButton: false, maxWidth: 260 }).addTo(marks);
  }
  const first = rows[0];
  const last = rows.at(-1);
  const hasLanded = (flight?.sighting ?? flight?.beacon)?.phase === "LANDED";
  const top = peak();
  const named = [
    { place: [last[1], last[2]], text: hasLanded ? "landed" : flight?.name ?? "", kind: hasLanded ? "landing" : "here" },
    ...(top ? [{ place: [top[1], top[2]], text: `burst ${format.metres(top[3])}`, kind: "burst" }] : []),
    { place: [first[1], first[2]], text: "launch", kind: "launch" },
  ];
  named.toReversed().forEach(dot);
  writeNames(named);
  const share = map.distance([first[1], first[2]], [last[1], last[2]]) / 1000;
  const sighting = flight?.sighting;
  const via = sighting && sighting.latitude_deg !== null ? ` · from ${format.VIA_WORDS[sighting.via]}` : "";
  write(byId("map-caption"), `${last[1].toFixed(4)}, ${last[2].toFixed(4)} · ${share.toFixed(1)} km from launch${via} · blue is low, gold is high`);
}

function dot({ place, kind }) {
  L().circleMarker(place, {
    radius: kind === "here" ? 6 : 4.5, weight: 2, color: colour("accent"), interactive: false,
    fillColor: kind === "launch" ? colour("paper-bg") : colour("accent"), fillOpacity: kind === "burst" ? 0.25 : 1,
  }).addTo(marks);
}

/** Of two names that would overlap only the first is written. */
function writeNames(named) {
  const taken = [];
  for (const { place, text, kind } of named) {
    const at = map.latLngToContainerPoint(place);
    if (taken.some(({ x, y }) => Math.abs(x - at.x) < NAME_PX.x && Math.abs(y - at.y) < NAME_PX.y)) continue;
    taken.push(at);
    label(place, text, `mark ${kind} ${at.x > map.getSize().x * 0.6 ? "west" : ""}`).addTo(marks);
  }
}

function popup(entry) {
  return el("div", "thought", said("p", "", entry.text), el("small", "", `${format.clockTime(entry.when_ms)} · ${format.metres(entry.alt_m)}`));
}

function follow() {
  const rows = points();
  if (!isFollowing || rows.length === 0 || byId("map").offsetWidth === 0) return;
  const bounds = L().latLngBounds(rows.map((row) => [row[1], row[2]]));
  map.fitBounds(bounds.pad(0.12), { animate: false, maxZoom: 13, padding: [14, 14] });
}
