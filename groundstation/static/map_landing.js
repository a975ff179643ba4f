// The landing forecast on the map: dashed, for it is not known yet, and each with its ellipse.

import { colour } from "./dom.js";
import * as geo from "./geo.js";
import { landing, likeliest } from "./landing.js";
import { outcome } from "./outcome.js";

const WAY = { weight: 1.25, dashArray: "3 5" };
const SIGMAS = 1.5; // of a fall, two landings of three lie inside

/** Draw on ``sheet``: the ways to the ground, and where they end. */
export function drawLanding(sheet) {
  const { payload, station, tawhiri } = landing() ?? {};
  for (const each of station?.landings ?? []) {
    const isBest = each === likeliest();
    drawWay(sheet, each, isBest ? "accent" : "muted");
    if (isBest) drawEllipse(sheet, each, "accent", 0.1);
    drawEnd(sheet, each, isBest ? "accent" : "muted");
  }
  if (tawhiri?.forecast) {
    drawWay(sheet, tawhiri.forecast, "muted");
    drawEnd(sheet, tawhiri.forecast, "muted");
  }
  if (!payload) return;
  drawEllipse(sheet, payload, "low", 0);
  drawEnd(sheet, payload, "low");
}

/** Once it is down: what was said of it when it began to fall, to be seen beside the way. */
export function drawOutcome(sheet) {
  const first = ofTheBurst();
  if (!first) return;
  drawWay(sheet, first, "muted");
  drawEllipse(sheet, first, "muted", 0);
  drawEnd(sheet, first, "muted");
}

const ofTheBurst = () => outcome()?.moments[0]?.station ?? null;

/** What is written there. */
export const outcomeNames = () => (ofTheBurst() ? [named(ofTheBurst(), "as forecast")] : []);

function drawWay(sheet, { way }, name) {
  sheet.line(way.map(([lat, lon]) => [lat, lon]), { ...WAY, color: colour(name) });
}

/** Around the likeliest landing; empty while none is known. */
export function likelyArea() {
  const best = likeliest();
  return best ? area(best) : [];
}

/** The ellipse was scored on falls; before the burst nobody knows its share. */
export const isFallForecast = () => Boolean(landing()?.station?.is_falling);

const area = (each) => !each.along_m ? [[each.lat, each.lon]] : geo.ellipse([each.lat, each.lon], SIGMAS * each.along_m, SIGMAS * each.across_m, each.bearing_deg);

function drawEllipse(sheet, each, name, fillOpacity) {
  sheet.area(area(each), { color: colour(name), weight: 1.25, dashArray: "5 5", fillColor: colour(name), fillOpacity });
}

function drawEnd(sheet, { lat, lon }, name) {
  sheet.dot([lat, lon], { radius: 4, weight: 1.25, color: colour(name), dashArray: "2 2", fill: false });
}

/** What is written where it will land: the station's word, the payload's and the server's. */
export function landingNames(payloadName) {
  const { payload, station, tawhiri } = landing() ?? {};
  return [
    station && named(station.landings[0], "landing"),
    tawhiri?.forecast && named(tawhiri.forecast, "Tawhiri"),
    payload && named(payload, `${payloadName}’s forecast`),
  ].filter(Boolean);
}

const named = ({ lat, lon }, text) => ({ place: [lat, lon], text, kind: "forecast" });
