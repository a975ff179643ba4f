// What was received of the diary, newest first: data only, for every room. The feed draws it.

import { about } from "./payload.js";

const PAGE = 200; // what the station gives at once
const known = new Map(); // record id -> entry
let order = []; // record ids, newest first
let isMore = false; // at the station, older than the oldest here
let loading = null; // the promise of the page on its way
const watchers = [];

/** ``add(entry)`` for every entry, old or new; ``complete(entry)`` when more of a picture came;
    ``clear()`` when all of it is read again; ``settle()`` once a batch is through. All optional. */
export function watch(watcher) {
  watchers.push(watcher);
}

const tell = (what, ...words) => watchers.forEach((watcher) => watcher[what]?.(...words));

export const get = (id) => known.get(id);
export const all = () => order.map((id) => known.get(id));
export const musings = () => all().filter((entry) => entry.text);
export const hasEarlier = () => isMore;

/** The entry after this one in time, undefined for the newest; and the one before. */
export const newer = (id) => known.get(order[order.indexOf(id) - 1]);
export const older = (id) => known.get(order[order.indexOf(id) + 1]);

/** The newest page, as the station gave it; older ones are forgotten. */
export function setNewest(found) {
  known.clear();
  order = [];
  tell("clear");
  takePage(found);
}

function takePage(found) {
  isMore = found.length === PAGE;
  found.forEach(take);
  tell("settle");
}

/** The page before the oldest entry that is here. */
export function loadEarlier() {
  loading ??= (async () => {
    const answer = await fetch(about(`/api/musings?limit=${PAGE}&before=${order.at(-1)}`));
    takePage((await answer.json()).entries);
  })().finally(() => { loading = null; });
  return loading;
}

/** Everything since this moment, UTC in ms; -Infinity for all of the diary. */
export async function loadSince(ms) {
  while (isMore && known.get(order.at(-1)).when_ms > ms) await loadEarlier();
}

/** Entries that came with the stream. */
export function arrive(found) {
  found.forEach(take);
  tell("settle");
}

function take(entry) {
  const before = known.get(entry.id);
  if (before && (entry.kind !== "thumbnail" || entry.tiles.length <= before.tiles.length)) return;
  known.set(entry.id, entry);
  if (before) {
    tell("complete", entry);
    return;
  }
  let at = order.findIndex((id) => id < entry.id);
  if (at < 0) at = order.length;
  order.splice(at, 0, entry.id);
  tell("add", entry);
}
