// Who this page is to the station. The token of a link stands behind the #, which a browser tells
// nobody; it is exchanged for a cookie that no script reads, and taken out of the address at once.

const MARK = "#token=";
let role = "anybody";

/** May this page read? */
export const isViewer = () => role !== "anybody";

/** May it ask and command? */
export const isOperator = () => role === "operator";

/** Take the token out of the address, and learn the role. Throws while the station does not answer,
    and the station's sentence when it does not know the token. */
export async function enter() {
  const isLink = location.hash.startsWith(MARK);
  const answer = isLink ? await exchange(location.hash.slice(MARK.length)) : await fetch("/api/role");
  if (isLink) history.replaceState(null, "", location.pathname);
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  role = said.role;
  document.body.dataset.role = role;
}

const exchange = (token) => fetch("/api/enter", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ token }),
});

// A link that is opened in a page that is open already.
window.addEventListener("hashchange", () => { if (location.hash.startsWith(MARK)) location.reload(); });
