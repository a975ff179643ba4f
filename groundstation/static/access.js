// Who this page is to the station, and the only way it sends anything there: JSON up, JSON back, and a
// sentence in every case. The token of a link stands behind the #, which a browser tells nobody; it is
// exchanged for a cookie that no script reads, and taken out of the address at once.

const MARK = "#token=";
let role = "anybody";

/** May it ask and command? */
export const isOperator = () => role === "operator";

/** The role that the station gives this page. */
export function setRole(found) {
  role = found;
  document.body.dataset.role = role;
}

/** Exchange the token of a link, where there is one, for the cookie. Gives the reason, a sentence, when
    the link is not valid; throws while the station does not answer. */
export async function enter() {
  if (!location.hash.startsWith(MARK)) return "";
  const answer = await send("/api/enter", { token: location.hash.slice(MARK.length) });
  history.replaceState(null, "", location.pathname + location.search);
  return answer.ok ? "" : (await answer.json()).error;
}

/** {isDone, said}: the station's answer, whose ``error`` is a sentence when it refused. */
export async function post(path, body) {
  try {
    const answer = await send(path, body);
    return { isDone: answer.ok, said: await answer.json() };
  } catch {
    return { isDone: false, said: { error: "The station did not answer; nothing was changed." } };
  }
}

const send = (path, body) => fetch(path, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

// A link that is opened in a page that is open already.
window.addEventListener("hashchange", () => { if (location.hash.startsWith(MARK)) location.reload(); });
