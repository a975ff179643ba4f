// Forecast and truth: where it landed, and beside that what each forecast of the fall had said.

import { byId, el, write } from "./dom.js";
import { flight } from "./flight.js";
import * as format from "./format.js";
import { landing } from "./landing.js";
import { landingSeal } from "./unsigned.js";

const SIGMAS = 1.5; // as the ellipse is drawn
let drawn = null; // the outcome that is on the page

/** {at_ms, lat, lon, moments}; null until it is down. */
export const outcome = () => landing()?.outcome ?? null;

/** Its lines, where they are news; the section is hidden until there are any. */
export function draw() {
  const found = outcome();
  if (found === drawn) return;
  drawn = found;
  const section = byId("outcome");
  section.hidden = !found;
  if (!found) return;
  if (!section.firstChild) section.append(...frame());
  const own = flight().name;
  write(section.querySelector(".big"), `${found.lat.toFixed(5)}, ${found.lon.toFixed(5)}`);
  write(section.querySelector(".landed"), `landed at ${format.clockTime(found.at_ms)}, ${landingSeal(found.is_verified)}`);
  section.querySelector("table").hidden = found.moments.length === 0;
  section.querySelector("thead th:last-child").textContent = `by ${own}`;
  section.querySelector("tbody").replaceChildren(...found.moments.map((moment, i) => el(
    "tr", "", heading(moment, i), error(moment.station), error(moment.payload))));
  section.querySelector(".asked").hidden = !found.tawhiri;
  if (found.tawhiri) write(section.querySelector(".asked"), `Tawhiri, asked for ${format.clockTime(found.tawhiri.at_ms)}, was ${km(found.tawhiri.error_m)} off.`);
}

function frame() {
  const head = el("tr", "", el("th", "", "forecast"), el("th", "", "by this station"), el("th", ""));
  return [
    el("h3", "", "Forecast and truth"), el("p", "big"), el("p", "ages landed"),
    el("table", "", el("thead", "", head), el("tbody", "")), el("p", "ages asked"),
    el("p", "ages", "How far each forecast of the descent was from there; the first is dashed on the map."),
  ];
}

function heading(moment, i) {
  const cell = el("th", "", i === 0 ? "at the burst" : `from ${format.metres(moment.alt_m)}`, el("small", "", ` ${format.clockTime(moment.at_ms)}`));
  cell.scope = "row";
  return cell;
}

/** How wrong it was, and whether it had said so. */
function error(forecast) {
  if (!forecast) return el("td", "", "–");
  return el("td", "", km(forecast.error_m), el("small", "", forecast.sigmas <= SIGMAS ? " inside its ellipse" : " outside its ellipse"));
}

const km = (metres) => (metres < 950 ? `${Math.round(metres / 10) * 10}${format.GAP}m` : `${(metres / 1000).toFixed(1)}${format.GAP}km`);
