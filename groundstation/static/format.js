// Numbers and times in words. Unknown is an en dash, never a zero.

const UNKNOWN = "–";
const THIN = "\u202f"; // between thousands
export const GAP = "\u00a0"; // between a number and its unit
const MINUS = "\u2212";

const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

export function grouped(value) {
  const whole = Math.round(Math.abs(value)).toString();
  const spaced = whole.length < 5 ? whole : whole.replace(/\B(?=(\d{3})+$)/g, THIN);
  return (Math.round(value) < 0 ? MINUS : "") + spaced;
}

export const metres = (value) => (known(value) ? `${grouped(value)}${GAP}m` : UNKNOWN);

export function signed(value, digits = 0) {
  if (!known(value)) return UNKNOWN;
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : (value < 0 ? MINUS : "+") + text;
}

const AT_REST = ["BOOT", "GROUND", "LANDED"];
const REST_MPS = 1; // a receiver that stands still shows up to this

/** Up or down; at rest what a receiver shows of its own noise is none. */
export function climb(value, phase) {
  const isNoise = AT_REST.includes(phase) && Math.abs(value) < REST_MPS;
  return known(value) ? `${isNoise ? "0" : signed(value, 1)}${GAP}m/s` : UNKNOWN;
}

/** A place as one types it into another map. */
export const place = (lat, lon) => `${lat.toFixed(4)}, ${lon.toFixed(4)}`;

export function degrees(value) {
  if (!known(value)) return UNKNOWN;
  const text = Math.abs(value).toFixed(0);
  return `${value < 0 && text !== "0" ? MINUS : ""}${text}${GAP}°C`;
}

/** A number on an axis, with the digits that the step to the next one needs. */
export function onAxis(value, step, scale = 1) {
  const digits = [0, 1, 2, 3].find((each) => Number.isInteger(Number((step * scale * 10 ** each).toFixed(6)))) ?? 3;
  const text = Math.abs(value * scale).toFixed(digits);
  return `${value < 0 && Number(text) !== 0 ? MINUS : ""}${text}`;
}

export const volts = (mv) => (known(mv) ? `${(mv / 1000).toFixed(2)}${GAP}V` : UNKNOWN);
export const decibels = (level) => `${Math.round(level)}${GAP}dB`;
export const percent = (share) => (known(share) ? `${Math.round(share * 100)}${GAP}%` : UNKNOWN);
export const count = (value) => (known(value) ? String(Math.round(value)) : UNKNOWN);

/** A span of time as one would say it: 8 s, 4 min, 2 h 10 min. */
export function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds}${GAP}s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}${GAP}min`;
  const rest = minutes % 60;
  const hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.round(hours / 24)} days`;
  return rest ? `${hours}${GAP}h ${rest}${GAP}min` : `${hours}${GAP}h`;
}

const two = (value) => String(value).padStart(2, "0");

export function clockTime(ms) {
  const at = new Date(ms);
  return `${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** A day as one writes it above a letter. */
export const day = (ms) => new Date(ms).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });

/** How far the clock of this page is from UTC then: UTC, UTC+2, UTC−3:30. */
export function zone(ms) {
  const minutes = -new Date(ms).getTimezoneOffset();
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  if (minutes === 0) return "UTC";
  return `UTC${minutes < 0 ? MINUS : "+"}${hours}${rest ? `:${two(rest)}` : ""}`;
}

export function utcTime(ms) {
  return `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** Time since launch, hours and minutes, with seconds where there is room. */
export function sinceLaunch(ms, withSeconds) {
  const seconds = Math.floor(Math.abs(ms) / 1000);
  const text = `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}`;
  return (ms < 0 ? MINUS : "") + (withSeconds ? `${text}:${two(seconds % 60)}` : text);
}

export const PHASE_WORDS = {
  BOOT: "waking", GROUND: "on the ground", ASCENT: "rising", FLOAT: "floating",
  DESCENT: "falling", LANDED: "landed", INFLIGHT_UNKNOWN: "in flight",
};
