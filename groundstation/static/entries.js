// What was received of the diary, newest first: data only, for every room. The feed draws it.

const PAGE = 60;
const known = new Map(); // record id -> entry
let order = []; // record ids, newest first
let isMore = false; // at the station, older than the oldest here
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

async function fetchPage(before) {
  const answer = await fetch(`/api/musings?limit=${PAGE}${before === undefined ? "" : `&before=${before}`}`);
  const { entries } = await answer.json();
  isMore = entries.length === PAGE;
  return entries;
}

/** Read the newest page anew; older ones are forgotten. */
export async function load() {
  const found = await fetchPage();
  known.clear();
  order = [];
  tell("clear");
  found.forEach(take);
  tell("settle");
}

export async function loadEarlier() {
  (await fetchPage(order.at(-1))).forEach(take);
  tell("settle");
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
