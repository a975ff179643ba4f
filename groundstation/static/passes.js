// The next pass of a payload in orbit, or the one that goes on: for whoever turns an antenna. The
// station reckons it from the elements of its mission.

import { now } from "./clock.js";
import { byId, el, keep, write } from "./dom.js";
import { ending, flight } from "./flight.js";
import * as format from "./format.js";
import { compassPoint } from "./geo.js";

const ASK_MS = 60_000; // after an answer that has no pass, or none at all
let found = null; // the station's newest answer
let askedAt = -Infinity;

/** Is there anything to tell? Of another payload the mission has no elements. */
const isTold = () => flight().has_passes && flight().is_ours && !ending();

async function refresh() {
  const isOver = !found?.next || now() >= found.next.set_ms;
  if (!isOver || performance.now() - askedAt < ASK_MS) return;
  askedAt = performance.now();
  try {
    const answer = await fetch("/api/passes");
    if (answer.ok) found = await answer.json();
  } catch { /* the page says that the station does not answer */ }
  show();
}

/** Also once a second: it counts down. */
export function draw() {
  byId("pass").hidden = !isTold();
  if (!isTold()) return;
  refresh();
  show();
}

function show() {
  const coming = found?.next && now() < found.next.set_ms ? found.next : null;
  write(byId("pass-title"), title(coming));
  write(byId("pass-when"), coming ? countdown(coming) : "–");
  keep(byId("pass-looks"), coming ? looks(coming).map(figure) : []);
  write(byId("pass-how"), how(coming));
}

const isUp = ({ rise_ms: riseMs }) => now() >= riseMs;

function title(coming) {
  if (!coming) return "Next pass";
  return isUp(coming) ? `Over ${coming.station} now` : `Next pass over ${coming.station}`;
}

function countdown(coming) {
  return isUp(coming) ? `sets in ${left(coming.set_ms)}` : `rises in ${left(coming.rise_ms)}`;
}

/** Seconds count when it is near. */
function left(ms) {
  const seconds = Math.max(0, Math.ceil((ms - now()) / 1000));
  if (seconds >= 3600) return format.span(ms - now());
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}${format.GAP}min`;
}

/** [name, azimuth, elevation, when] of each moment that matters; elevation and time may be null. */
function looks(coming) {
  return [
    isUp(coming) ? ["now", ...lookNow(coming), null] : ["rises", coming.rise_deg, null, coming.rise_ms],
    ["highest", coming.top_deg, coming.elevation_deg, coming.top_ms],
    ["sets", coming.set_deg, null, coming.set_ms],
  ];
}

/** Azimuth and elevation between the two known looks around this moment, the short way round. */
function lookNow({ way }) {
  const at = Math.max(1, way.findIndex(([ms]) => ms > now()));
  const [before, after] = [way[at - 1], way[at]];
  const share = Math.min(1, Math.max(0, (now() - before[0]) / (after[0] - before[0])));
  const turn = ((after[1] - before[1] + 540) % 360) - 180;
  return [(before[1] + turn * share + 360) % 360, before[2] + (after[2] - before[2]) * share];
}

/** For keep(): a figure stays and its words change. */
function figure([name, azimuth, elevation, ms]) {
  const high = elevation === null ? "" : `, ${Math.round(elevation)}° up`;
  return {
    key: name,
    make: () => el("div", "", el("dt"), el("dd")),
    tell(node) {
      write(node.firstChild, ms === null ? name : `${name} ${format.clockTime(ms)}`);
      write(node.lastChild, `${Math.round(azimuth) % 360}° ${compassPoint(azimuth)}${high}`);
    },
  };
}

function how(coming) {
  if (!found) return "The station has not computed it yet.";
  if (found.why) return found.why;
  const age = `by elements ${found.age_days < 1 ? "of today" : `${Math.round(found.age_days)} days old`}`;
  const doubt = found.is_old ? ": times may be off by minutes" : "";
  return coming ? `${format.grouped(coming.range_km)}${format.GAP}km away at the highest, ${age}${doubt}` : `None in the next ${found.hours} hours, ${age}${doubt}`;
}
