// The map without a map: a graticule and rings around the launch. Over tiles the rings alone.

import { colour } from "./dom.js";
import { turned } from "./track.js";

const RING_KM = [1, 2, 5, 10, 20, 50, 100, 200];
const STEPS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20];

/** Draw on ``sheet``; ``launch`` is a place or null. */
export function drawGrid(map, sheet, launch, hasTiles) {
  if (!hasTiles) drawGraticule(map, sheet);
  if (launch) drawRings(map, sheet, launch);
  sheet.turn();
}

function drawGraticule(map, sheet) {
  const bounds = map.getBounds();
  const wide = bounds.getEast() - bounds.getWest();
  const tall = bounds.getNorth() - bounds.getSouth();
  const stepLon = STEPS.find((step) => wide / step <= 5) ?? 45;
  const stepLat = STEPS.find((step) => tall / step <= 4) ?? 45;
  const line = { color: colour("grid"), weight: 1 };
  const digits = (step) => (step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3);
  for (let lon = Math.ceil(bounds.getWest() / stepLon) * stepLon; lon < bounds.getEast(); lon += stepLon) {
    sheet.line([[bounds.getSouth() - tall, lon], [bounds.getNorth() + tall, lon]], line);
    const degrees = turned(lon); // the map goes on beyond the date line
    if (lon < bounds.getEast() - wide / 9) sheet.name([bounds.getNorth(), lon], `${Math.abs(degrees).toFixed(digits(stepLon))}°${degrees < 0 ? "W" : "E"}`, "lon");
  }
  for (let lat = Math.ceil(bounds.getSouth() / stepLat) * stepLat; lat < bounds.getNorth(); lat += stepLat) {
    sheet.line([[lat, bounds.getWest() - wide], [lat, bounds.getEast() + wide]], line);
    if (lat > bounds.getSouth() + tall / 7 && lat < bounds.getNorth() - tall / 9) sheet.name([lat, bounds.getWest()], `${Math.abs(lat).toFixed(digits(stepLat))}°${lat < 0 ? "S" : "N"}`, "lat");
  }
}

function drawRings(map, sheet, launch) {
  const bounds = map.getBounds();
  const acrossKm = map.distance(bounds.getSouthWest(), bounds.getSouthEast()) / 1000;
  const step = RING_KM.find((km) => acrossKm / km < 6) ?? 500;
  for (let i = 1; i <= 4; i += 1) {
    sheet.ring(launch, { radius: step * i * 1000, color: colour("grid"), weight: 1, dashArray: "2 5", fill: false });
    const north = launch[0] + (step * i) / 111.2;
    if (bounds.pad(-0.1).contains([north, launch[1]])) sheet.name([north, launch[1]], `${step * i} km`, "ring");
  }
}
