// Four quiet plots over one axis of time. Silence is a gap, never a line drawn through it.

import { moment } from "./clock.js";
import { byId, colour, el, write } from "./dom.js";
import * as format from "./format.js";
import { isGap, minutes, points, samples } from "./track.js";

const HEIGHT = 88;
const AXIS = 26;
const drawn = [];

const inSeconds = (column) => column.map((ms) => ms / 1000);

function altitudeData() {
  const [t, alt] = [[], []];
  points().forEach((row, i, rows) => {
    if (i > 0 && isGap(rows[i - 1][0], row[0])) {
      t.push(rows[i - 1][0] + 1);
      alt.push(null);
    }
    t.push(row[0]);
    alt.push(row[3]);
  });
  return [inSeconds(t), alt];
}

const column = (at, scale = 1) => samples().map((row) => (row[at] === null ? null : row[at] * scale));

const CHARTS = [
  {
    title: "Altitude", data: altitudeData,
    series: [{ label: "", colour: "high", fill: "high-soft", words: format.metres }],
    scale: 0.001, unit: "km",
  },
  {
    title: "Battery", data: () => [inSeconds(column(0)), column(1, 0.001)],
    series: [{ label: "", colour: "ink-soft", words: (v) => format.volts(v * 1000) }],
    unit: "V",
  },
  {
    title: "Temperature", data: () => [inSeconds(column(0)), column(2), column(3)],
    series: [
      { label: "outside", colour: "low", words: format.degrees },
      { label: "inside", colour: "accent", dash: [5, 4], words: format.degrees },
    ],
    unit: "°C",
  },
  {
    title: "Frames a minute", isBars: true,
    data: () => [inSeconds(minutes().t), minutes().heard.map((n, i) => n + minutes().lost[i]), minutes().heard],
    series: [
      { label: "sent", colour: "lost", words: format.count },
      { label: "heard", colour: "heard", words: format.count },
    ],
    unit: "",
  },
];

function options(chart, width, isLast, legend) {
  const { uPlot } = window;
  const line = { stroke: colour("muted"), grid: { stroke: colour("grid"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
  return {
    width, height: HEIGHT + (isLast ? AXIS : 0), legend: { show: false }, padding: [6, 16, isLast ? 0 : 6, 0],
    cursor: { sync: { key: "flight" }, drag: { x: false, y: false }, points: { size: 5 }, y: false },
    axes: [
      { ...line, show: true, size: isLast ? AXIS : 0, values: (_, at) => (isLast ? at.map((s) => format.clockTime(s * 1000)) : at.map(() => "")), space: 70 },
      { ...line, size: 46, space: 26, values: (_, at, ...[, , step]) => at.map((value) => format.onAxis(value, step, chart.scale)) },
    ],
    series: [{}, ...chart.series.map((series) => ({
      stroke: colour(series.colour), width: chart.isBars ? 0 : 1.5, dash: series.dash, spanGaps: false,
      fill: chart.isBars ? colour(series.colour) : series.fill ? colour(series.fill) : undefined,
      paths: chart.isBars ? uPlot.paths.bars({ size: [0.85, 14], align: 1 }) : undefined, points: { show: false },
    }))],
    hooks: { setCursor: [(plot) => tell(chart, plot, legend)] },
  };
}

/** The value under the cursor, or the newest one. */
function tell(chart, plot, legend) {
  const times = plot.data[0];
  const isHovering = plot.cursor.idx !== null && plot.cursor.idx !== undefined;
  const parts = chart.series.map((series, i) => {
    const values = plot.data[i + 1];
    const value = isHovering ? values[plot.cursor.idx] : values.findLast?.((v) => v !== null);
    return `${series.label} ${value === null || value === undefined ? "–" : series.words(value)}`.trim();
  });
  const at = isHovering ? `${format.clockTime(times[plot.cursor.idx] * 1000)} · ` : "";
  write(legend, at + parts.join(" · "));
}

export function start() {
  CHARTS.forEach((chart, i) => {
    const legend = el("span", "value");
    const box = el("div", "plot");
    const head = el("h3", "", chart.title, chart.unit ? el("small", "", chart.unit) : null, legend);
    byId("plots").append(head, box);
    drawn.push({ chart, head, box, legend, plot: null, isSeen: false, isLast: i === CHARTS.length - 1 });
  });
  const seen = new IntersectionObserver((found) => {
    for (const { target, isIntersecting } of found) drawn.find((item) => item.box === target).isSeen = isIntersecting;
    draw();
  });
  drawn.forEach((item) => seen.observe(item.box));
  new ResizeObserver(build).observe(byId("plots"));
  matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => { rebuild(); });
  build();
}

/** A reading that nobody takes has no plot: an empty one would look like a fault of the page. */
const hasValues = ([, ...series]) => series.some((values) => values.some((value) => value !== null));

/** The colours of the page changed. */
export const restyle = () => rebuild();

function rebuild() {
  for (const item of drawn) {
    item.plot?.destroy();
    item.plot = null;
  }
  build();
}

function build() {
  const width = byId("plots").clientWidth;
  if (width === 0) return;
  for (const item of drawn) {
    if (item.plot && item.plot.width !== width) item.plot.setSize({ width, height: HEIGHT + (item.isLast ? AXIS : 0) });
    if (!item.plot) make(item, width);
  }
  align();
}

function make(item, width) {
  const data = item.chart.data();
  item.head.hidden = !hasValues(data);
  item.box.hidden = item.head.hidden;
  if (item.box.hidden) return;
  item.plot = new window.uPlot(options(item.chart, width, item.isLast, item.legend), data, item.box);
  tell(item.chart, item.plot, item.legend);
}

/** All plots share one span of time. */
function align() {
  const ends = drawn.map((item) => item.plot?.data[0] ?? []).filter((times) => times.length);
  if (ends.length === 0) return;
  const min = Math.min(...ends.map((times) => times[0]));
  const max = Math.max(...ends.map((times) => times.at(-1)));
  for (const item of drawn) if (item.isSeen) item.plot?.setScale("x", { min, max: Math.max(max, min + 60) });
}

/** What is out of sight is drawn when it comes into view. */
export function draw() {
  build();
  for (const item of drawn) {
    if (!item.plot || !item.isSeen) continue;
    item.plot.setData(item.chart.data(), false);
    tell(item.chart, item.plot, item.legend);
  }
  align();
  if (moment() !== null) setMoment(moment());
}

/** The cursor of all plots stands at the moment of the time bar; null is nowhere. */
export function setMoment(ms) {
  for (const { plot } of drawn) {
    const left = ms === null ? -10 : plot?.valToPos(ms / 1000, "x");
    plot?.setCursor({ left, top: HEIGHT / 2 });
  }
}
