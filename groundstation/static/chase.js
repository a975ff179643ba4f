// Chase: where it is, how far that is from here and where it will land, for whoever drives after it; of
// a payload in orbit when it passes.

import { byId, el, loadScript, loadStyle } from "./dom.js";
import { flight } from "./flight.js";
import * as landing from "./landing.js";
import * as me from "./reader_position.js";
import * as passes from "./passes.js";
import * as whereabouts from "./whereabouts.js";

let instruments = []; // map and plots, once they are here

export async function start() {
  whereabouts.start({
    setByHand: () => instruments[0]?.pick(me.set),
    restyle: () => instruments.forEach((instrument) => instrument.restyle()),
  });
  me.watch(draw);
  await landing.refresh();
  if (!flight().has_vendor) {
    without("Map and plots are not installed; run python -m groundstation.vendor.");
    return;
  }
  try {
    await Promise.all([
      loadStyle("/static/vendor/leaflet.css", "prepend"), loadStyle("/static/vendor/uPlot.min.css", "prepend"),
      loadScript("/static/vendor/leaflet.js"), loadScript("/static/vendor/uPlot.iife.min.js"),
    ]);
    instruments = await Promise.all([import("./map.js"), import("./plots.js")]);
    instruments.forEach((instrument) => instrument.start());
  } catch {
    without("Map and plots did not load; reload the page.");
  }
}

function without(why) {
  byId("map").replaceChildren(el("p", "missing", why));
  byId("map").classList.add("absent");
}

/** At once; and numbers and map, not the plots, again when the landing is known that belongs to it. */
export function draw() {
  whereabouts.draw();
  passes.draw();
  instruments.forEach((instrument) => instrument.draw());
  landing.refresh().then((isNews) => {
    if (!isNews) return;
    whereabouts.draw();
    instruments[0]?.draw();
  });
}

export function tick() {
  whereabouts.draw();
  passes.draw();
  instruments.forEach((instrument) => instrument.tick?.());
}

export const setMoment = (ms) => instruments.forEach((instrument) => instrument.setMoment?.(ms));
