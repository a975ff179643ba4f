// Where it will land, as the station last said: the payload's own forecast, the station's, and that
// of a Tawhiri server where the station has one and was told to ask.

import { post } from "./access.js";
import { about } from "./payload.js";

const ASK_MS = 5000;
let found = null;
let askedMs = -Infinity;

/** {payload, station, tawhiri}, each null where there is none; null before the first answer. */
export const landing = () => found;

/** The likeliest place: the station's, which is newest, or else the payload's, or else the server's,
    which says nothing of its ellipse. */
export const likeliest = () => found?.station?.landings[0] ?? found?.payload ?? found?.tawhiri?.forecast ?? null;

/** Have the station ask its Tawhiri server. Gives the reason, a sentence, when it did not. */
export async function askTawhiri() {
  const { isDone, said } = await post("/api/tawhiri", {});
  if (isDone) found = said;
  return isDone ? "" : said.error;
}

/** Ask again, unless that was just done. True once there is news; what is known stays known. */
export async function refresh() {
  if (performance.now() - askedMs < ASK_MS) return false;
  askedMs = performance.now();
  const before = found?.change_id;
  try {
    const answer = await fetch(about("/api/landing"));
    if (answer.ok) found = await answer.json();
  } catch { /* its age tells */ }
  return found?.change_id !== before;
}
