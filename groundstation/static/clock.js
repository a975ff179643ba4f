// The station's clock as seen from here, and the moment that the page shows. A simulated flight may
// run faster than the world does.

const SAMPLE_MS = 1000;
const MESSAGE_MS = 500; // twice the gap at which the station looks for news
let serverMs = null;
let localMs = 0;
let rate = 1;
let isStopped = false;

/** Take the station's time in; learn how fast it runs. ``ending``: where it stopped, or null. */
export function setClock({ now_ms: nowMs, ending }) {
  const local = performance.now();
  if (ending || isStopped) {
    isStopped = Boolean(ending);
    rate = isStopped ? 0 : 1;
  } else if (serverMs !== null) {
    const elapsed = local - localMs;
    if (elapsed < SAMPLE_MS) return;
    const measured = (nowMs - serverMs) / elapsed;
    rate = Math.abs(measured - 1) < 0.25 ? 1 : Math.min(500, Math.max(0, measured));
  }
  serverMs = ending?.at_ms ?? nowMs;
  localMs = local;
}

/** How much older than it is the newest word may look here: a fast flight goes on between two. */
export const lag = () => (rate > 1 ? rate * MESSAGE_MS : 0);

/** UTC in ms at the station now. */
export function now() {
  return serverMs === null ? Date.now() : serverMs + (performance.now() - localMs) * rate;
}

// -- the moment that is shown ---------------------------------------------------------------

let shown = null; // UTC in ms; null is now
const watchers = [];

/** What the time bar shows, UTC in ms; null is now, also after the flight. */
export const moment = () => shown;

/** Show this moment in the time bar and in the open room. */
export function setMoment(ms) {
  if (ms === shown) return;
  shown = ms;
  watchers.forEach((watcher) => watcher(ms));
}

export function watchMoment(watcher) {
  watchers.push(watcher);
}
