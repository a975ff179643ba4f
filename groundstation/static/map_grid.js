// The map without a map: a graticule and rings around the launch. Over tiles the rings alone.

import { colour } from "./dom.js";

const RING_KM = [1, 2, 5, 10, 20, 50, 100, 200];
const STEPS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20];
const L = () => window.L;

/** Draw into ``group``; ``launch`` is a place or null, ``label`` makes a written name. */
export function drawGrid(map, group, launch, hasTiles, label) {
  group.clearLayers();
  if (!hasTiles) drawGraticule(map, group, label);
  if (launch) drawRings(map, group, launch, label);
}

function drawGraticule(map, group, label) {
  const bounds = map.getBounds();
  const wide = bounds.getEast() - bounds.getWest();
  const tall = bounds.getNorth() - bounds.getSouth();
  const stepLon = STEPS.find((step) => wide / step <= 5) ?? 45;
  const stepLat = STEPS.find((step) => tall / step <= 4) ?? 45;
  const line = { color: colour("grid"), weight: 1, interactive: false };
  const digits = (step) => (step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3);
  for (let lon = Math.ceil(bounds.getWest() / stepLon) * stepLon; lon < bounds.getEast(); lon += stepLon) {
    L().polyline([[bounds.getSouth() - tall, lon], [bounds.getNorth() + tall, lon]], line).addTo(group);
    if (lon < bounds.getEast() - wide / 9) label([bounds.getNorth(), lon], `${Math.abs(lon).toFixed(digits(stepLon))}°${lon < 0 ? "W" : "E"}`, "lon").addTo(group);
  }
  for (let lat = Math.ceil(bounds.getSouth() / stepLat) * stepLat; lat < bounds.getNorth(); lat += stepLat) {
    L().polyline([[lat, bounds.getWest() - wide], [lat, bounds.getEast() + wide]], line).addTo(group);
    if (lat > bounds.getSouth() + tall / 7 && lat < bounds.getNorth() - tall / 9) label([lat, bounds.getWest()], `${Math.abs(lat).toFixed(digits(stepLat))}°${lat < 0 ? "S" : "N"}`, "lat").addTo(group);
  }
}

function drawRings(map, group, launch, label) {
  const bounds = map.getBounds();
  const acrossKm = map.distance(bounds.getSouthWest(), bounds.getSouthEast()) / 1000;
  const step = RING_KM.find((km) => acrossKm / km < 6) ?? 500;
  for (let i = 1; i <= 4; i += 1) {
    L().circle(launch, {
      radius: step * i * 1000, color: colour("grid"), weight: 1, dashArray: "2 5", fill: false, interactive: false,
    }).addTo(group);
    const north = launch[0] + (step * i) / 111.2;
    if (bounds.pad(-0.1).contains([north, launch[1]])) label([north, launch[1]], `${step * i} km`, "ring").addTo(group);
  }
}
