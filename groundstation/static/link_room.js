// The link: what was lost and how strong it was, minute by minute, what fills the air, what was refused.

import { byId, el, said, svg, write } from "./dom.js";
import { flight, since } from "./flight.js";
import * as format from "./format.js";
import { about } from "./payload.js";

const REFRESH_MS = 20_000;
const MINUTES_SHOWN = 90;
const WIDE = 540;
const HIGH = 96;
const BASE = HIGH - 16; // below it stand the minutes
// Of the tallies: what was received and had no effect, and why.
const REFUSED = [
  ["impostor", "in its name, not signed by it"], ["old_beacons", "old beacons, late or replayed"],
  ["old_data", "old data, late or replayed"], ["duplicates", "received twice"],
  ["unplaced", "signed, of an unknown session"], ["claims_refused", "sessions rejected"],
  ["noise", "noise"], ["uplink_overheard", "uplink of stations, overheard"],
];
let room = null; // the station's newest answer
let asked = -Infinity;

export function start() {
  setInterval(() => { if (byId("link").checkVisibility() && !document.hidden) load(); }, 5000);
}

async function load() {
  if (performance.now() - asked < REFRESH_MS) return;
  asked = performance.now();
  try {
    const answer = await fetch(about("/api/link"));
    if (answer.ok) room = await answer.json();
    show();
  } catch { /* the page says that the station does not answer */ }
}

export function draw() {
  load();
  show();
}

function show() {
  if (!room) return;
  const { link } = flight();
  write(byId("link-now"), now(link));
  byId("link-plot").replaceChildren(...plot());
  write(byId("link-caption"), caption());
  byId("airtime").replaceChildren(...room.airtime.map(airtime));
  write(byId("airtime-none"), room.airtime.length ? "" : "Nothing was received in the last hour.");
  const refused = REFUSED.filter(([name]) => link[name]);
  byId("refused").replaceChildren(...refused.flatMap(([name, words]) => [el("dt", "", words), el("dd", "", format.grouped(link[name]))]));
  write(byId("refused-none"), refused.length ? "" : "Nothing was refused.");
  ears(flight());
  others(flight());
}

/** Other payloads on the channel: those of our kind, and those of other formats. */
function others({ foreign, neighbours }) {
  const heard = [
    ...foreign.map(({ node_id, ident, ...counts }) => ({ name: `node ${node_id}${ident ? `, ${ident}` : ""}`, ...counts })),
    ...neighbours.map(({ callsign, via, ...counts }) => ({ name: `${callsign}, ${via}`, ...counts })),
  ];
  byId("others-heard").hidden = heard.length === 0;
  byId("others").replaceChildren(...heard.map(({ name, frames, last_ms }) => el("tr", "",
    said("th", "", name), el("td", "", format.grouped(frames)), el("td", "", since(last_ms)))));
}

/** The stations that hear it, once there is another one than this. */
function ears({ stations, station }) {
  byId("ears").hidden = stations.every((each) => each.station === station);
  byId("stations").replaceChildren(...stations.map((each) => el("tr", "",
    el("th", "", each.station + (each.station === station ? " (this)" : "")), el("td", "", format.grouped(each.frames)),
    el("td", "", format.grouped(each.firsts)), el("td", "", since(each.last_ms)))));
}

function now(link) {
  const total = link.heard + link.lost;
  const words = [`${format.percent(link.loss_recent)} of frames lost in the last five minutes of reception`];
  if (total) words.push(`${format.percent(link.lost / total)} of ${format.grouped(total)} frames in all`);
  words.push(link.rssi_dbm === null ? "the modem reports no signal strength" : `newest at ${format.signed(link.rssi_dbm)}${format.GAP}dBm`);
  if (link.snr_db !== null) words.push(`${format.signed(link.snr_db, 1)}${format.GAP}dB above the noise`);
  words.push(`${format.grouped(room.sent)} frames sent in the last hour`);
  return `${words.join("; ")}.`;
}

/** A bar for each minute: what was received, and above it what was lost; the signal as a line. */
function plot() {
  const minutes = room.loss.slice(-MINUTES_SHOWN);
  if (!minutes.length) return [];
  const first = minutes[0][0];
  const last = Math.max(minutes.at(-1)[0], first + 10 * 60_000);
  const step = WIDE / ((last - first) / 60_000 + 1);
  const most = Math.max(...minutes.map(([, heard, lost]) => heard + lost), 1);
  const x = (ms) => (ms - first) / 60_000 * step;
  const tall = (count) => count / most * (BASE - 4);
  const bars = minutes.flatMap(([ms, heard, lost]) => [
    bar("heard", x(ms), BASE - tall(heard), step, tall(heard)),
    bar("lost", x(ms), BASE - tall(heard + lost), step, tall(lost)),
  ]);
  return [...bars, ...signal(x, step, first), ...times(x, first, last)];
}

const bar = (name, left, top, wide, high) => svg("rect", { class: name, x: (left + 0.5).toFixed(1), y: top.toFixed(1), width: Math.max(0.5, wide - 1).toFixed(1), height: Math.max(0, high).toFixed(1) });

function signal(x, step, first) {
  const told = room.signal.filter(([ms, rssi]) => ms >= first && rssi !== null);
  if (told.length < 2) return [];
  const values = told.map(([, rssi]) => rssi);
  const [low, high] = [Math.min(...values) - 1, Math.max(...values) + 1];
  const y = (rssi) => BASE - 6 - (rssi - low) / (high - low) * (BASE - 14);
  const points = told.map(([ms, rssi]) => `${(x(ms) + step / 2).toFixed(1)},${y(rssi).toFixed(1)}`);
  return [svg("polyline", { class: "signal", points: points.join(" ") })];
}

function times(x, first, last) {
  const middle = (first + last) / 2;
  return [[first, "start", 0], [middle, "middle", x(middle)], [last, "end", WIDE]].map(
    ([ms, anchor, at]) => svg("text", { x: at.toFixed(1), y: HIGH - 3, "text-anchor": anchor }, format.clockTime(ms)));
}

function caption() {
  const told = room.signal.map(([, rssi]) => rssi).filter((rssi) => rssi !== null);
  const words = "Frames a minute: received, and lost above.";
  if (told.length < 2) return words;
  return `${words} Line: signal, ${format.signed(Math.min(...told))} to ${format.signed(Math.max(...told))}${format.GAP}dBm.`;
}

function airtime({ name, frames, bytes, ms }) {
  const share = ms / room.airtime.reduce((sum, each) => sum + each.ms, 0);
  return el("tr", "", el("th", "", name), el("td", "", format.grouped(frames)), el("td", "", format.grouped(bytes)),
    el("td", "", `${(ms / 1000).toFixed(1)}${format.GAP}s`), el("td", "", format.percent(share)));
}
