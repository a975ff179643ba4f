// Who this page is to the station. The token of a link stands behind the #, which a browser tells
// nobody; it is exchanged for a cookie that no script reads, and taken out of the address at once.

const MARK = "#token=";
const NO_LINK = "This page is shown only to those who have its link; the station prints it with “spacepi-ground links”.";
let role = "anybody";

/** May this page read? */
export const isViewer = () => role !== "anybody";

/** May it ask and command? */
export const isOperator = () => role === "operator";

/** Take the token out of the address, and learn the role. Gives the reason, a sentence, when this
    page may not even read; throws while the station does not answer. */
export async function enter() {
  const isLink = location.hash.startsWith(MARK);
  const answer = isLink ? await exchange(location.hash.slice(MARK.length)) : await fetch("/api/role");
  const said = await answer.json();
  if (isLink) history.replaceState(null, "", location.pathname);
  role = said.role ?? "anybody";
  document.body.dataset.role = role;
  return isViewer() ? "" : said.error ?? NO_LINK;
}

const exchange = (token) => fetch("/api/enter", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ token }),
});

// A link that is opened in a page that is open already.
window.addEventListener("hashchange", () => { if (location.hash.startsWith(MARK)) location.reload(); });
