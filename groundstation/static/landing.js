// Where it will land, as the station last said: the payload's own forecast and the station's.

const ASK_MS = 5000;
let found = null;
let askedMs = -Infinity;

/** {payload, station}, each null where there is none; null before the first answer. */
export const landing = () => found;

/** The likeliest place: the station's, which is newer, or else the payload's. */
export const likeliest = () => found?.station?.landings[0] ?? found?.payload ?? null;

/** Ask again, unless that was just done. True once there is news; what is known stays known. */
export async function refresh() {
  if (performance.now() - askedMs < ASK_MS) return false;
  askedMs = performance.now();
  const before = found?.change_id;
  try {
    const answer = await fetch("/api/landing");
    if (answer.ok) found = await answer.json();
  } catch { /* its age tells */ }
  return found?.change_id !== before;
}
