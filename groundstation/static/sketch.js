// A small map beside the diary: the way it went, and where each line was thought. Lines only.
//
// What is verified is drawn full and what is not dashed. One line is in the tab order; the arrow keys
// go from one to the next, and Enter shows its moment.

import { moment, setMoment } from "./clock.js";
import { byId, svg, write } from "./dom.js";
import { musings } from "./entries.js";
import { believed, claimed, flight } from "./flight.js";
import * as format from "./format.js";
import { isGap, kilometres, longitudes, peak, placeAt, points } from "./track.js";

const WIDE = 320;
const HIGH = 240;
const EDGE = 34;
const LEAST_DEG = 0.004; // a track on one field is not enlarged into a scribble
const KM_PER_DEG = 111.2;
const SCALES_KM = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500];
const SCALE_PX = 90;
const SCALE_BOX = [0, HIGH - 28, SCALE_PX + 16, HIGH]; // no name is written over it
const PIECES_MAX = 500; // of the way
const LETTER_PX = 7.6;
const LINE_PX = 15;
let at = 0; // the line in the tab order
let drawnFor = "";

export function start() {
  const dots = byId("sketch");
  dots.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const all = [...dots.querySelectorAll(".thought")];
    if (event.key === "Enter" || event.key === " ") choose(event.target);
    else if (step && all.length) rove(all, (all.indexOf(event.target) + step + all.length) % all.length);
    else return;
    event.preventDefault();
  });
  dots.addEventListener("click", (event) => choose(event.target));
  for (const name of ["focusin", "pointerover"]) dots.addEventListener(name, (event) => caption(event.target));
  for (const name of ["focusout", "pointerleave"]) dots.addEventListener(name, () => caption(null));
}

function rove(all, next) {
  at = next;
  all.forEach((dot, i) => dot.setAttribute("tabindex", i === next ? 0 : -1));
  all[next].focus();
}

function choose(dot) {
  if (dot.dataset.at) setMoment(Number(dot.dataset.at));
}

function caption(dot) {
  const said = dot?.dataset?.at ? dot.getAttribute("aria-label") : null;
  write(byId("sketch-caption"), said ?? where());
}

/** Where it was at the moment that is shown. */
function where() {
  const [first, last] = [points()[0], points().at(-1)];
  if (!last) return "";
  const [lat, lon] = (moment() !== null && placeAt(moment())) || [last[1], last[2]];
  return `${format.place(lat, lon)} · ${kilometres([first[1], first[2]], [lat, lon]).toFixed(1)}${format.GAP}km from launch`;
}

export function draw() {
  const rows = points();
  const lines = musings().filter((entry) => entry.kind === "musing").reverse();
  const known = [rows.length, lines.length, lines.at(-1)?.id, rows.at(-1)?.[0], moment(), believed()?.phase, claimed()?.utc_ms].join();
  if (known === drawnFor) return;
  drawnFor = known;
  byId("scene").hidden = rows.length === 0;
  if (rows.length === 0) return;
  const project = projection(rows);
  const held = document.activeElement?.closest?.("#sketch") ? at : null;
  byId("sketch").replaceChildren(
    svg("g", {}, ...way(rows, project)),
    svg("g", { role: "group", "aria-label": "Lines of the diary, where they were thought" }, ...thoughts(lines, project)),
    svg("g", {}, ...named(rows, project)),
    svg("g", {}, ...scale(project)),
  );
  if (held !== null) rove([...byId("sketch").querySelectorAll(".thought")], held);
  caption(null);
}

/** From [lat, lon] to pixels, north up, all of the way inside. */
function projection(rows) {
  const ends = (values) => [Math.min(...values), Math.max(...values)];
  const [south, north] = ends(rows.map((row) => row[1]));
  const beside = longitudes(rows);
  const [west, east] = ends(rows.map((row) => beside(row[2])));
  const narrow = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const perDeg = Math.min(
    (HIGH - 2 * EDGE) / Math.max(LEAST_DEG, north - south),
    (WIDE - 2 * EDGE) / Math.max(LEAST_DEG, (east - west) * narrow),
  );
  const project = ([lat, lon]) => [
    WIDE / 2 + (beside(lon) - (west + east) / 2) * narrow * perDeg,
    HIGH / 2 - (lat - (south + north) / 2) * perDeg,
  ];
  return Object.assign(project, { perDeg });
}

const path = (places) => places.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

function way(rows, project) {
  const stride = Math.ceil(rows.length / PIECES_MAX);
  const kept = rows.filter((_, i) => i % stride === 0 || i === rows.length - 1);
  const kind = flight().is_verifying ? "way" : "way unverified";
  const pieces = [];
  kept.forEach((row, i) => {
    const place = project([row[1], row[2]]);
    const isCut = i > 0 && isGap(kept[i - 1][0], row[0] - (stride - 1) * (row[0] - kept[i - 1][0]) / stride);
    if (i === 0 || isCut) pieces.push([]);
    pieces.at(-1).push(place);
  });
  const bridges = pieces.slice(1).map((piece, i) => svg("path", { class: "bridge", d: path([pieces[i].at(-1), piece[0]]) }));
  return [...bridges, ...pieces.map((piece) => svg("path", { class: kind, d: path(piece) }))];
}

function thoughts(lines, project) {
  at = Math.min(at, Math.max(0, lines.length - 1));
  const placed = lines.map((entry) => [entry, placeOf(entry)]).filter(([, place]) => place);
  return placed.map(([entry, place], i) => {
    const [x, y] = project(place);
    return svg("circle", {
      class: "thought", cx: x.toFixed(1), cy: y.toFixed(1), r: 2.6, role: "button", tabindex: i === at ? 0 : -1,
      "data-at": entry.when_ms, "aria-label": `${format.clockTime(entry.when_ms)}, ${format.metres(entry.alt_m)}: ${entry.text}`,
    });
  });
}

const placeOf = (entry) => (typeof entry.lat === "number" && typeof entry.lon === "number" ? [entry.lat, entry.lon] : placeAt(entry.when_ms));

/** The named places: of two names that would overlap only the first is written. */
function named(rows, project) {
  const [first, last, top] = [rows[0], rows.at(-1), peak()];
  const hasLanded = believed()?.phase === "LANDED";
  const now = moment() === null ? null : placeAt(moment());
  const places = [
    { at: now ?? [last[1], last[2]], kind: "here", words: now ? format.clockTime(moment()) : hasLanded ? "landed" : flight().name },
    ...(now ? [{ at: [last[1], last[2]], kind: "end", words: hasLanded ? "landed" : flight().name }] : []),
    ...(top ? [{ at: [top[1], top[2]], kind: "burst", words: `burst ${format.metres(top[3])}` }] : []),
    { at: [first[1], first[2]], kind: "launch", words: "launch" },
  ];
  const taken = [SCALE_BOX];
  const line = rows.map((row) => project([row[1], row[2]]));
  const names = places.map((place) => name(place, project, taken, line)).filter(Boolean);
  const dots = places.map(({ at: where, kind }) => {
    const [x, y] = project(where);
    return svg("circle", { class: `dot ${kind}`, cx: x.toFixed(1), cy: y.toFixed(1), r: kind === "here" ? 5 : 3.5 });
  });
  return [...dots.reverse(), ...names];
}

/** A name on the side where it covers least of the way and no other name; null where there is none. */
function name({ at: where, words }, project, taken, line) {
  const [x, y] = project(where);
  const wide = words.length * LETTER_PX;
  const sides = [
    [x + 9, y + 4, "start"], [x - 9, y + 4, "end"], [x, y - 11, "middle"], [x, y + 19, "middle"],
    [x - 4, y - 11, "end"], [x + 4, y - 11, "start"], [x - 4, y + 19, "end"], [x + 4, y + 19, "start"],
  ].map(([left, base, anchor]) => {
    const from = left - { start: 0, end: wide, middle: wide / 2 }[anchor];
    return { left, base, anchor, box: [from, base - LINE_PX, from + wide, base + 4] };
  }).filter(({ box }) => box[0] >= 2 && box[1] >= 2 && box[2] <= WIDE - 2 && box[3] <= HIGH - 2
    && !taken.some((other) => overlap(box, other)));
  const covers = ({ box }) => line.filter(([px, py]) => px > box[0] && px < box[2] && py > box[1] && py < box[3]).length;
  const best = sides.map((side) => [covers(side), side]).sort((a, b) => a[0] - b[0])[0]?.[1];
  if (!best) return null;
  taken.push(best.box);
  return svg("text", { x: best.left.toFixed(1), y: best.base.toFixed(1), "text-anchor": best.anchor }, words);
}

const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

function scale({ perDeg }) {
  const km = SCALES_KM.findLast((each) => (each / KM_PER_DEG) * perDeg <= SCALE_PX) ?? SCALES_KM[0];
  const wide = (km / KM_PER_DEG) * perDeg;
  const base = HIGH - 8;
  return [
    svg("path", { class: "scale", d: `M8 ${base - 4}V${base}H${(8 + wide).toFixed(1)}V${base - 4}` }),
    svg("text", { class: "scale", x: 12, y: base - 4 }, `${km}${format.GAP}km`),
  ];
}
