// The plot of a training: the surprise of your unseen lines, falling. uPlot draws it.

import { el, loadScript, percent } from "./dom.js";

const HEIGHT = 220;
let library = null;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** A plot in ``box``; ``tell(points)`` draws them. Where uPlot is not installed the box stays empty. */
export function plot(box) {
  let chart = null, drawn = [];
  library ??= loadScript("/vendor/uPlot.iife.min.js");
  const sheet = el("link", { rel: "stylesheet", href: "/vendor/uPlot.min.css" });
  document.head.append(sheet);
  new ResizeObserver(() => { if (chart && box.clientWidth) chart.setSize({ width: box.clientWidth, height: HEIGHT }); }).observe(box);

  function options() {
    const line = { stroke: colour("soft"), grid: { stroke: colour("rule"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    return {
      width: box.clientWidth || 320, height: HEIGHT, legend: { show: false }, cursor: { show: false }, padding: [8, 16, 0, 0],
      scales: { x: { time: false, range: [0, 1] } },
      axes: [{ ...line, space: 70, values: (_, at) => at.map(percent) }, { ...line, size: 44, values: (_, at) => at.map((v) => v.toFixed(2)) }],
      series: [{},
        { stroke: colour("accent"), width: 2, points: { show: false } },
        { stroke: colour("accent"), width: 0, paths: () => null, points: { show: true, size: 9, fill: colour("accent") } }],
    };
  }

  async function tell(points) {
    drawn = points;
    if (points.length === 0) return;
    try {
      await library;
    } catch {
      return; // the figures stand below in words
    }
    const data = [drawn.map((p) => p.share), drawn.map((p) => p.held_out_bpb), drawn.map((p) => (p.is_epoch ? p.held_out_bpb : null))];
    if (chart) chart.setData(data);
    else chart = new window.uPlot(options(), data, box);
  }
  return { tell };
}
