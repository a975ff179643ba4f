// The numbers of a chase: where it was last, how far that is from here, where it will land. Large,
// each with its age, and nothing unverified among them where the station can verify.

import { isOperator } from "./access.js";
import { now } from "./clock.js";
import { byId, el, isSun, toggleSun, write } from "./dom.js";
import { believed, ending, flight, since, unreachableSince } from "./flight.js";
import * as format from "./format.js";
import * as geo from "./geo.js";
import { askTawhiri, landing, likeliest } from "./landing.js";
import { isWatching, me, whyNot, begin } from "./reader_position.js";
import * as outcome from "./outcome.js";
import { claims, points } from "./track.js";
import { landingSeal, usualSeal } from "./unsigned.js";

const CLIMB_MS = 60_000; // a climb of another moment is not that of the position
const COPIED_MS = 2000;
const [THIN, GAP] = ["\u202f", format.GAP];
const OF_LANDING = { here: "for a burst here and now", planned: "for the planned burst", low: "for an early burst", high: "for a late burst" };

/** ``setByHand`` begins to set the reader's own position on the map; ``restyle`` draws in the
    colours of another theme. */
export function start({ setByHand, restyle }) {
  const sun = button("Sun", () => {
    toggleSun();
    sun.setAttribute("aria-pressed", String(isSun()));
    restyle();
  });
  sun.id = "sun";
  sun.setAttribute("aria-pressed", String(isSun()));
  byId("fix").append(
    sun, el("h3", ""), line("big", "fix-place"), line("ages", "fix-age"),
    figures([["altitude", "fix-altitude"], ["climb", "fix-climb"]]), acts("fix"),
    line("quiet", "fix-reach"),
  );
  const device = button("Use this device’s position", begin);
  device.id = "me-device";
  const byHand = button("Set it on the map", setByHand);
  byHand.id = "me-by-hand";
  byId("from-here").append(
    el("h3", "", "From here"), row("to-it", ["distance", "bearing", "elevation"]), row("to-landing", ["distance", "bearing"]), line("ages", "me-age"),
    el("p", "acts", device, byHand),
  );
  byId("forecast").append(
    el("h3", "", "Landing forecast"), line("big", "landing-place"), line("ages", "landing-when"),
    acts("landing"), line("ages", "landing-how"), line("ages", "landing-told"), line("ages", "landing-tawhiri"), asking(restyle),
  );
}

/** One press, one question to the weather server; its answer comes with the next drawing too. */
function asking(redraw) {
  const ask = button("Ask Tawhiri", async () => {
    ask.disabled = true;
    const why = await askTawhiri();
    ask.disabled = false;
    redraw();
    draw();
    if (why) write(byId("landing-tawhiri"), why);
  });
  const row = el("p", "acts", ask);
  row.id = "tawhiri-ask";
  return row;
}

function named(tag, className, id) {
  const node = el(tag, className);
  node.id = id;
  return node;
}

const line = (className, id) => named("p", className, id);

function figures(pairs) {
  return el("dl", "figures", ...pairs.map(([label, id]) => el("div", "", el("dt", "", label), named("dd", "", id))));
}

/** How far something is, and where. */
function row(id, names) {
  const node = el("div", "far", line("ages", `${id}-name`), figures(names.map((name) => [name, `${id}-${name}`])));
  node.id = id;
  return node;
}

function button(words, act) {
  const node = el("button", "", words);
  node.type = "button";
  node.addEventListener("click", act);
  return node;
}

/** Open the place of this name elsewhere, or copy it. */
function acts(id) {
  const link = el("a", "button", "Open in a map");
  link.id = `${id}-geo`;
  const copy = button("Copy", async () => {
    await copied(byId(`${id}-place`).textContent);
    write(copy, "Copied");
    setTimeout(() => write(copy, "Copy"), COPIED_MS);
  });
  copy.id = `${id}-copy`;
  return el("p", "acts", link, copy);
}

/** The clipboard is closed to pages of other machines, as the position is: there a selection does. */
async function copied(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const field = el("textarea", "hidden");
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

const hasLanded = () => believed()?.phase === "LANDED";
const exact = ([lat, lon]) => `${lat.toFixed(5)}, ${lon.toFixed(5)}`;
const km = (metres) => (metres < 950 ? `${Math.round(metres / 10) * 10}${GAP}m` : `${(metres / 1000).toFixed(metres < 99_500 ? 1 : 0)}${GAP}km`);
const direction = (deg) => `${Math.round(deg) % 360}° ${geo.compassPoint(deg)}`;

function show(id, place) {
  for (const name of ["geo", "copy"]) byId(`${id}-${name}`).hidden = !place;
  if (place) byId(`${id}-geo`).href = geo.geoUri(place);
}

/** Also once a second: ages grow, and the reader moves. */
export function draw() {
  if (!flight()) return;
  const last = points().at(-1);
  drawFix(last);
  drawFromHere(last);
  drawLanding();
  outcome.draw();
}

function drawFix(last) {
  const { is_verifying: isVerifying } = flight();
  const seal = usualSeal();
  byId("fix").classList.toggle("unverified", !isVerifying);
  write(byId("fix").querySelector("h3"), isVerifying ? "Last verified position" : `Last position, ${seal}`);
  const place = last && [last[1], last[2]];
  write(byId("fix-place"), place ? exact(place) : "–");
  write(byId("fix-age"), last ? `${seal}, ${since(last[0])}` : isVerifying ? "no verified position yet" : "no position yet");
  const beacon = believed();
  const isOfThen = last && beacon && Math.abs(beacon.utc_ms - last[0]) < CLIMB_MS;
  write(byId("fix-altitude"), last ? format.metres(last[3]) : "–");
  write(byId("fix-climb"), isOfThen ? format.climb(beacon.climb_mps, beacon.phase) : "–");
  show("fix", place);
  const lostMs = unreachableSince();
  byId("fix-reach").hidden = lostMs === null || ending() !== null;
  if (lostMs !== null) {
    write(byId("fix-reach"), `The station has been unreachable for ${format.span(now() - lostMs)}: it may hear more than this page shows.`);
  }
}

function drawFromHere(last) {
  const own = me();
  const aim = likeliest();
  byId("me-by-hand").hidden = !flight().has_vendor || points().length + claims().length === 0; // no map yet
  drawRow("to-it", flight().name, own, last && [last[1], last[2]]);
  if (own && last) drawElevation(own, last);
  drawRow("to-landing", "the landing", own, aim && !hasLanded() && [aim.lat, aim.lon]);
  const how = own?.isByHand ? "set by hand" : own?.accuracy_m ? `±${THIN}${km(own.accuracy_m)}` : "";
  const age = own && `you: ${exact(own.at)}, ${how}, ${format.span(Date.now() - own.ms)} ago`;
  write(byId("me-age"), whyNot() || age || (isWatching() ? "Waiting for this device’s position." : "Where you are stays on this device."));
}

function drawRow(id, name, own, place) {
  byId(id).hidden = !own || !place;
  if (byId(id).hidden) return;
  write(byId(`${id}-name`), `to ${name}`);
  write(byId(`${id}-distance`), km(geo.distanceM(own.at, place)));
  write(byId(`${id}-bearing`), direction(geo.bearingDeg(own.at, place)));
}

/** A reader whose altitude is unknown stands on the ground of the launch. */
function drawElevation(own, [, lat, lon, altM]) {
  const ownAltM = own.alt_m ?? landing()?.station?.ground_m ?? 0;
  const up = altM === null ? null : geo.elevationDeg(own.at, ownAltM, [lat, lon], altM);
  write(byId("to-it-elevation"), up === null ? "–" : up < 0 ? "below the horizon" : `${up.toFixed(up < 10 ? 1 : 0)}°`);
}

function drawLanding() {
  const { payload, station, tawhiri } = landing() ?? {};
  const best = likeliest();
  byId("forecast").hidden = hasLanded() || !(best || (tawhiri && points().length));
  if (byId("forecast").hidden) return;
  write(byId("landing-place"), best ? exact([best.lat, best.lon]) : "–");
  show("landing", best && [best.lat, best.lon]);
  write(byId("landing-when"), best ? whenAndHowSure(best) : "");
  byId("landing-how").hidden = !station;
  if (station) {
    const speed = `${station.fall_mps.toFixed(1)}${GAP}m/s`;
    const fall = station.is_fall_measured ? `at sea level it would fall at ${speed}, planned ${station.expected_mps.toFixed(1)}` : `${OF_LANDING[best.name]}, falling at ${speed} at sea level`;
    write(byId("landing-how"), `By this station, from a position ${since(station.at_ms)}: ${fall}`);
  }
  byId("landing-told").hidden = !payload;
  if (payload) {
    write(byId("landing-told"), `By ${flight().name} itself, ${landingSeal(payload.is_verified)}, ${since(payload.at_ms)}: ${placeBeside(payload, best)}`);
  }
  drawTawhiri(tawhiri, best);
}

function whenAndHowSure(best) {
  const leftMs = best.land_ms - now();
  const when = leftMs > 0 ? `in ${format.span(leftMs)}, at ${format.clockTime(best.land_ms)}` : `should have landed at ${format.clockTime(best.land_ms)}`;
  return best.along_m ? `${when} · ±${THIN}${km(best.along_m)} along the wind, ±${THIN}${km(best.across_m)} across` : when;
}

/** A place, and how far that is from the one which is written large. */
function placeBeside({ lat, lon }, best) {
  const apartM = geo.distanceM([best.lat, best.lon], [lat, lon]);
  return `${exact([lat, lon])}${apartM > 0 ? `, ${km(apartM)} from that` : ""}`;
}

function drawTawhiri(tawhiri, best) {
  byId("tawhiri-ask").hidden = !tawhiri || !isOperator();
  const told = [];
  if (tawhiri?.forecast) {
    const { asked_ms: askedMs, dataset, name } = tawhiri.forecast;
    const burst = name === "planned" ? ` ${OF_LANDING[name]}` : "";
    const model = dataset ? `, weather of ${dataset.slice(0, 16).replace("T", " ")}` : "";
    told.push(`By Tawhiri${burst}${model}, asked ${since(askedMs)}: ${placeBeside(tawhiri.forecast, best)}.`);
  }
  if (tawhiri?.trouble) told.push(`${tawhiri.trouble} Asked ${since(tawhiri.tried_ms)}.`);
  byId("landing-tawhiri").hidden = told.length === 0;
  write(byId("landing-tawhiri"), told.join(" "));
}
