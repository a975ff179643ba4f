// Puts the page together: the stream fills the models, and what shows them is drawn. One way only.

import * as access from "./access.js";
import { setAlarms, setReached } from "./alarms.js";
import { now, setClock } from "./clock.js";
import { byId, restoreTheme, write } from "./dom.js";
import * as entries from "./entries.js";
import { ending, flight, isHeard, setEnding, setFlight, setUnreachable, unreachableSince } from "./flight.js";
import * as payload from "./payload.js";
import * as rooms from "./rooms.js";
import { follow, FULL, LONGEST_WAIT_MS } from "./stream.js";
import * as strip from "./status_strip.js";
import * as timebar from "./timebar.js";
import * as track from "./track.js";

const TICK_MS = 1000;
const REFRESH_MS = 60_000; // of station time: minutes of the link come with the history only
const REFRESH_CHECK_MS = 5000;
const RETRY_MS = 2000;
const NOT_ADMITTED = 401;
const SILENT = "The station does not answer: what the payload does is unknown. This page shows its last data.";
const CROWDED = `Too many pages are open at this station: this one is updated every ${LONGEST_WAIT_MS / 1000}\u00a0s.`;
let lastChange = 0;
let isDrawDue = false;

/** Every message of the station tells its time, and whether the flight is known to be over. */
function setTime(message) {
  setClock(message);
  setEnding(message.ending);
  setAlarms(message.alarms);
}

function show() {
  strip.draw();
  payload.draw();
  isDrawDue = true;
}

/** Once a second ages grow, and what is costly is drawn, in the same frame, if anything has changed. */
function tick() {
  strip.tick();
  if (!isDrawDue) {
    rooms.tick();
    return;
  }
  isDrawDue = false;
  rooms.draw();
  timebar.draw();
}

const drawSoon = () => { isDrawDue = true; };

/** All of it anew. Gives the reason, a sentence, when this page may not read; throws while the
    station cannot answer. */
async function reload() {
  const answer = await fetch(payload.about("/api/flight"));
  const { role, entries: found, history, error, ...state } = await answer.json();
  if (answer.status === NOT_ADMITTED) return error;
  if (!answer.ok) throw new Error(error);
  access.setRole(role);
  setTime(state);
  setFlight(state);
  lastChange = state.change_id;
  track.setHistory(history);
  entries.setNewest(found);
  strip.draw();
  payload.draw();
  return "";
}

async function loadHistory() {
  const answer = await fetch(payload.about("/api/history"));
  track.setHistory(await answer.json());
}

const hearing = {
  async update(update) {
    const wasHeard = isHeard();
    setTime(update);
    setFlight(update.flight);
    track.extend(update);
    entries.arrive(update.entries);
    show();
    if (!wasHeard && isHeard()) await loadHistory().then(show);
  },
  clock(message) {
    const wasOver = Boolean(ending());
    setTime(message);
    strip.tick();
    if (wasOver !== Boolean(ending())) drawSoon();
  },
  resync: () => reload().then(drawSoon),
};

function connect() {
  follow({
    since: () => lastChange,
    hear(event, data, id) {
      if (id !== null) lastChange = id;
      Promise.resolve(hearing[event]?.(data)).catch(() => {}); // the next message mends it
    },
    open() {
      setUnreachable(null);
      banner("");
      setReached(true);
    },
    async lost(status) {
      if (status !== FULL) setUnreachable(unreachableSince() ?? now());
      if (!ending()) setReached(status === FULL);
      if (ending()) banner("The simulator is closed. This page keeps its last data until you leave it.");
      else if (status !== FULL) banner(SILENT);
      else await reload().then(() => { drawSoon(); banner(CROWDED); }, () => banner(SILENT)); // no place: look anyway
    },
  });
}

function banner(text) {
  byId("banner").hidden = !text;
  write(byId("banner"), text);
}

/** A link to something in a room opens the room and goes there. */
function skipLinks() {
  for (const link of document.querySelectorAll("a[data-room]")) {
    link.addEventListener("click", async (event) => {
      event.preventDefault();
      await rooms.go(link.dataset.room);
      document.querySelector(link.hash).focus();
    });
  }
}

/** Is this page let in? Waits until the station has said so, and given it all that it begins with. */
async function isAdmitted() {
  for (;;) {
    try {
      const refusal = await access.enter() || await reload();
      banner(refusal);
      return refusal === "";
    } catch (error) {
      const isSaid = error.name === "Error"; // by the station; others are the browser's
      banner(`${isSaid ? error.message : "The station does not answer."} Trying again.`);
      await new Promise((resolve) => { setTimeout(resolve, RETRY_MS); });
    }
  }
}

function refreshNowAndThen() {
  let refreshedMs = now();
  setInterval(async () => {
    if (now() - refreshedMs < REFRESH_MS || document.hidden || !flight()) return;
    refreshedMs = now();
    await loadHistory().then(drawSoon, () => {});
  }, REFRESH_CHECK_MS);
}

async function start() {
  restoreTheme();
  skipLinks();
  payload.start();
  if (!await isAdmitted()) return;
  document.body.classList.add("ready");
  setInterval(tick, TICK_MS);
  connect();
  refreshNowAndThen();
  timebar.start();
  timebar.draw();
  await rooms.start();
  document.body.classList.add("complete");
}

start();
