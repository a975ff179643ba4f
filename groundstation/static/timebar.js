// The time bar under every room: altitude as a line, what was thought and the chapters as ticks. It
// chooses the moment that the open room shows, of a flight that is live or over.

import { moment, now, setMoment, watchMoment } from "./clock.js";
import { byId, svg, write } from "./dom.js";
import { ending, freshness } from "./flight.js";
import * as format from "./format.js";
import { altitudeAt, chapters, isGap, marks, points, samples } from "./track.js";

const POINTS_MAX = 400;
const LEAST_M = 1000; // of the scale of altitude
const TICK_PX = 5;
const TOP_PX = 6;
const LEAST_MS = 60_000;
let ends = null; // [from, to] in UTC ms
let drawn = { known: "", toMs: 0 };

export function start() {
  const range = byId("moment");
  range.addEventListener("input", () => choose(Number(range.value)));
  range.addEventListener("keydown", (event) => {
    const step = { PageUp: 1, PageDown: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(neighbour(step));
  });
  byId("moment-now").addEventListener("click", () => setMoment(null));
  watchMoment(tell);
  new ResizeObserver(draw).observe(byId("timebar-line"));
}

const choose = (ms) => setMoment(ms >= Number(byId("moment").max) ? null : ms);

/** The thought before the moment that is shown, or after it. */
function neighbour(step) {
  const shown = moment() ?? ends[1];
  const times = marks().map((mark) => mark.t).sort((a, b) => a - b);
  const found = step > 0 ? times.find((at) => at > shown) : times.findLast((at) => at < shown);
  return found ?? ends[step > 0 ? 1 : 0];
}

/** From the first that is known to now; to the last that is known, once nothing more comes. */
function span() {
  const times = [points()[0]?.[0], points().at(-1)?.[0], samples()[0]?.[0], samples().at(-1)?.[0], ...marks().map((mark) => mark.t)]
    .filter((at) => at !== undefined);
  if (times.length === 0) return null;
  const [from, to] = times.reduce(([low, high], at) => [Math.min(low, at), Math.max(high, at)], [Infinity, -Infinity]);
  const end = ending()?.at_ms ?? (freshness() === "silent" ? to : Math.max(to, now()));
  return [from, Math.max(end, from + LEAST_MS)];
}

export function draw() {
  ends = span();
  byId("timebar").hidden = ends === null;
  const [wide, high] = [byId("timebar-line").clientWidth, byId("timebar-line").clientHeight];
  if (ends === null || wide === 0) return;
  const range = byId("moment");
  [range.min, range.max] = ends.map((at) => Math.round(at));
  tell();
  if (isDrawn(wide, high)) return;
  const x = (at) => (((at - ends[0]) / (ends[1] - ends[0])) * wide).toFixed(1);
  const picture = byId("timebar-line");
  picture.setAttribute("viewBox", `0 0 ${wide} ${high}`);
  picture.replaceChildren(
    ...parts(x, high),
    svg("path", { class: "altitude", d: altitude(x, high) }),
    svg("path", { class: "ticks", d: ticks(["musing", "reply"], x, high) }),
    svg("path", { class: "ticks pictures", d: ticks(["thumbnail"], x, high) }),
  );
}

/** While time passes, what comes within a pixel of it waits for the next. */
function isDrawn(wide, high) {
  const [from, to] = ends;
  const before = drawn;
  const known = [from, wide, high, marks().length, chapters().length].join();
  const passedMs = to - before.toMs;
  if (known === before.known && passedMs > 0 && passedMs < (to - from) / wide) return true;
  drawn = { known, toMs: to };
  return false;
}

function altitude(x, high) {
  const rows = points().filter((row) => row[3] !== null);
  const stride = Math.ceil(rows.length / POINTS_MAX);
  const top = rows.reduce((best, row) => Math.max(best, row[3]), LEAST_M);
  const y = (metres) => (high - TICK_PX - 2 - (Math.max(0, metres) / top) * (high - TICK_PX - 2 - TOP_PX)).toFixed(1);
  let before = null;
  return rows.map((row, i) => {
    const isCut = before === null || isGap(rows[i - 1][0], row[0]);
    if (!isCut && i % stride && i < rows.length - 1) return "";
    before = row;
    return `${isCut ? "M" : "L"}${x(row[0])} ${y(row[3])}`;
  }).join("");
}

const ticks = (kinds, x, high) => marks().filter((mark) => kinds.includes(mark.kind))
  .map((mark) => `M${x(mark.t)} ${high}v-${TICK_PX}`).join("");

/** A line where each chapter begins, and its name where it has room. */
function parts(x, high) {
  const found = chapters().filter((part) => part.from_ms >= ends[0]);
  return found.flatMap((part, i) => {
    const left = Number(x(part.from_ms));
    const next = found[i + 1] ? Number(x(found[i + 1].from_ms)) : Number(x(ends[1]));
    const line = svg("path", { class: `part ${part.kind.toLowerCase()}`, d: `M${left} 0V${high}` });
    const hasRoom = next - left > 8 * part.title.length;
    return hasRoom ? [line, svg("text", { x: left + 5, y: 11 }, part.title)] : [line];
  });
}

/** The moment in words, and the handle where it belongs. */
function tell() {
  if (ends === null) return;
  const range = byId("moment");
  const shown = moment();
  range.value = shown ?? range.max;
  byId("timebar").classList.toggle("live", shown === null);
  const height = shown === null ? null : altitudeAt(shown);
  const words = shown === null
    ? (ending() || freshness() === "silent" ? "the end" : "now")
    : [format.clockTime(shown), height === null ? "" : format.metres(height)].filter(Boolean).join(" · ");
  write(byId("moment-words"), words);
  range.setAttribute("aria-valuetext", words);
  byId("moment-now").hidden = shown === null;
}
