// A picture as far as it has come: the small first look, and the pieces laid over it in place.

import { el } from "./dom.js";
import * as format from "./format.js";

/** Whether there is anything of it to look at. */
export const isVisible = (entry) => entry.is_shown || (entry.tiles ?? []).length > 0;

const piecesInAll = (entry) => entry.columns * entry.rows;
export const isPartial = (entry) => entry.tiles.length < piecesInAll(entry);

/** Draw the picture of this entry into ``box``, or add to it what came since. */
export function show(box, entry) {
  const name = source(entry, entry.id);
  if (box.dataset.name !== name) {
    box.dataset.name = name;
    box.replaceChildren();
    if (entry.is_shown) box.append(image("first", name));
  }
  box.className = piecesInAll(entry) ? "picture large" : "picture";
  box.role = "img";
  box.ariaLabel = ["Picture", words(entry), count(entry)].filter(Boolean).join(", ");
  for (const [place, id] of entry.tiles) {
    if (!box.querySelector(`[data-place="${place}"]`)) box.append(piece(entry, place, id));
  }
}

/** What it shows and from where, such as "horizon, from 12 340 m". */
export function words(entry) {
  const where = entry.alt_m === null ? "" : `from ${format.metres(entry.alt_m)}`;
  return [entry.scene, where].filter(Boolean).join(", ");
}

/** "9 of 12 pieces" while it is not whole. */
export function count(entry) {
  return isPartial(entry) ? `${entry.tiles.length} of ${piecesInAll(entry)} tiles` : "";
}

/** Under a name of its own for each flight: a browser keeps pictures for a day. */
const source = (entry, id) => `/api/picture/${id}?${entry.heard_ms}`;

function piece(entry, place, id) {
  const node = image("piece", source(entry, id));
  node.dataset.place = place;
  node.style.width = `${100 / entry.columns}%`;
  node.style.height = `${100 / entry.rows}%`;
  node.style.left = `${((place % entry.columns) * 100) / entry.columns}%`;
  node.style.top = `${(Math.floor(place / entry.columns) * 100) / entry.rows}%`;
  return node;
}

/** One that cannot be decoded is taken away, so that what lies below is seen. */
function image(className, path) {
  const node = el("img", className);
  node.alt = "";
  node.loading = "lazy";
  node.src = path;
  node.addEventListener("error", () => { node.hidden = true; });
  return node;
}
