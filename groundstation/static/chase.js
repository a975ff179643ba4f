// Chase: where it is and which way it went, for whoever drives after it.

import { byId, el, loadScript, loadStyle } from "./dom.js";
import { flight } from "./flight.js";

let instruments = []; // map and plots, once they are here

export async function start() {
  if (!flight().has_vendor) {
    without("Map and plots are not installed; run make.");
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

export const draw = () => instruments.forEach((instrument) => instrument.draw());
export const tick = () => instruments.forEach((instrument) => instrument.tick?.());
