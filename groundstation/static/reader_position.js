// Where the reader of the page is: from the device, or set on the map by hand. Never sent anywhere.
//
// Browsers give their position to pages of this machine and over https only; on another machine's
// page it is set by hand. Ages are of the device's clock, not of the station's.

let place = null; // {at: [lat, lon], alt_m, accuracy_m, ms, isByHand}
let watching = null;
let trouble = "";
let changed = () => {};

const DENIED = "This device does not give its position to this page; set it on the map.";
const INSECURE = "Browsers give a position to pages of the station’s own machine only; set it on the map.";
const NONE = "This device does not know where it is; set it on the map.";

/** Call ``listener`` whenever something changes. */
export function watch(listener) { changed = listener; }

export const me = () => place;
export const isWatching = () => watching !== null;
/** Why there is no position, in a sentence; empty when nothing is wrong. */
export const whyNot = () => trouble;

/** Take the device's position from now on. */
export function begin() {
  trouble = "";
  if (!window.isSecureContext || !navigator.geolocation) {
    trouble = window.isSecureContext ? NONE : INSECURE;
    changed();
    return;
  }
  end();
  watching = navigator.geolocation.watchPosition(({ coords, timestamp }) => {
    trouble = "";
    place = {
      at: [coords.latitude, coords.longitude], alt_m: coords.altitude, accuracy_m: coords.accuracy,
      ms: timestamp, isByHand: false,
    };
    changed();
  }, (error) => {
    trouble = error.code === error.PERMISSION_DENIED ? DENIED : NONE;
    if (error.code === error.PERMISSION_DENIED) end();
    changed();
  }, { enableHighAccuracy: true, maximumAge: 5000 });
  changed();
}

export function end() {
  if (watching !== null) navigator.geolocation.clearWatch(watching);
  watching = null;
}

/** Here I am, says the hand. */
export function set(at) {
  end();
  trouble = "";
  place = { at, alt_m: null, accuracy_m: null, ms: Date.now(), isByHand: true };
  changed();
}
