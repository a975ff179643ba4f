// Black on white for a screen in the sun, for the whole page and until it is switched off.

const KEY = "theme";
const SUN = "sun";

export const isSun = () => document.documentElement.dataset.theme === SUN;

/** As it was left on this device. */
export function restore() {
  if (localStorage.getItem(KEY) === SUN) document.documentElement.dataset.theme = SUN;
}

export function toggle() {
  if (isSun()) {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem(KEY);
  } else {
    document.documentElement.dataset.theme = SUN;
    localStorage.setItem(KEY, SUN);
  }
}
