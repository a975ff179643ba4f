// Alarms: those that the station raises and the page's own, the line that every room shows, the sound.
//
// The station decides what is an alarm and who has acknowledged it, so that all operators see the
// same. One is the page's own: that the station does not answer. It is never told as silence of the
// payload.

import { post } from "./access.js";
import { now } from "./clock.js";
import { byId, write } from "./dom.js";
import { flight } from "./flight.js";

const NAMES = {
  silence: "Silence", low_battery: "Battery", burst: "Burst", descent_rate: "Descent rate",
  fence: "Fence", fault: "Fault", landing: "Landing", station: "Station",
};
const RING_EVERY_MS = 4000;
const UNREACHED_MS = 15_000; // a connection that comes back sooner was a cut, and no more
const TONES = { burst: [660, 880], landing: [880, 660] }; // news; the others are trouble
const TROUBLE = [440, 440, 440];
const TONE_S = 0.16;
const watchers = [];
let raised = [];
let own = null; // the page's own alarm
let lostAt = null;
let audio = null; // an AudioContext once somebody has asked for sound
let rungAt = -Infinity;

/** All of them, those that nobody has acknowledged first. */
export const alarms = () => (own ? [own, ...raised] : raised);

/** What kind of alarm it is; where the page shows another payload, whose. */
export function title({ rule }) {
  const state = flight();
  return state && !state.is_ours && rule !== "station" ? state.payloads[0].name : NAMES[rule] ?? rule;
}

const isLoud = (alarm) => alarm.is_active && !alarm.is_acknowledged;

/** What the newest message of the station says. */
export function setAlarms(found) {
  raised = found;
  show();
}

/** Does the station answer this page? */
export function setReached(isReached) {
  lostAt = isReached ? null : lostAt ?? performance.now();
  if (isReached) own = null;
  show();
}

/** Told when the alarms have changed. */
export function watch(watcher) {
  watchers.push(watcher);
}

export async function acknowledge(alarm) {
  if (alarm === own) {
    own.is_acknowledged = true;
    show();
    return "";
  }
  const { isDone, said } = await post("/api/acknowledge", { rule: alarm.rule, since_ms: alarm.since_ms });
  if (isDone) setAlarms(said.alarms);
  return isDone ? "" : said.error;
}

export const hasSound = () => audio !== null;

/** A browser makes no sound before somebody has pressed something. */
export function setSound(isOn) {
  if (isOn && !audio) audio = new AudioContext();
  if (!isOn) audio?.close();
  if (!isOn) audio = null;
  rungAt = -Infinity;
  if (isOn) play([660], audio.currentTime);
  ring();
}

function show() {
  const loud = alarms().filter(isLoud);
  const line = byId("alarm-line");
  line.hidden = loud.length === 0;
  const more = loud.length > 1 ? ` (and ${loud.length - 1} more ${loud.length > 2 ? "alarms" : "alarm"})` : "";
  if (loud.length) write(line.firstChild, `${title(loud[0])}: ${loud[0].words}${more}`);
  watchers.forEach((watcher) => watcher());
  ring();
}

function ring() {
  const loud = alarms().filter(isLoud);
  if (!audio || !loud.length || performance.now() - rungAt < RING_EVERY_MS) return;
  rungAt = performance.now();
  const isTrouble = loud.some((alarm) => !(alarm.rule in TONES));
  play(isTrouble ? TROUBLE : TONES[loud[0].rule], audio.currentTime);
}

function play(tones, at) {
  tones.forEach((hertz, place) => {
    const tone = audio.createOscillator();
    const loudness = audio.createGain();
    const start = at + place * 1.5 * TONE_S;
    tone.frequency.value = hertz;
    loudness.gain.setValueAtTime(0.0001, start);
    loudness.gain.exponentialRampToValueAtTime(0.3, start + 0.01);
    loudness.gain.exponentialRampToValueAtTime(0.0001, start + TONE_S);
    tone.connect(loudness).connect(audio.destination);
    tone.start(start);
    tone.stop(start + TONE_S);
  });
}

setInterval(() => {
  if (lostAt !== null && !own && performance.now() - lostAt > UNREACHED_MS) {
    own = { rule: "station", since_ms: now(), words: "the station does not answer this page; what it shows is old", is_active: true, is_acknowledged: false };
    show();
  }
  ring();
}, 1000);
