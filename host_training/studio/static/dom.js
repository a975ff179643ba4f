// The only way nodes are made here: text goes in as text, never as markup. And numbers as words.

export const byId = (id) => document.getElementById(id);

/** A node with attributes and children; strings become text nodes, nothing is left out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && typeof value !== "string") node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** Words that somebody else wrote, isolated so that their direction cannot reorder the rest. */
export const said = (tag, attributes, text) => el(tag, { dir: "auto", ...attributes }, text);

/** Set text only when it differs, so that screen readers and layout stay calm. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Tell a screen reader, politely. */
export const speak = (text) => write(byId("spoken"), text);

export const grouped = (n) => n.toLocaleString("en").replaceAll(",", " ");
export const plural = (n, one, many = `${one}s`) => `${grouped(n)} ${n === 1 ? one : many}`;
export const capital = (words) => words[0].toUpperCase() + words.slice(1);
export const percent = (share) => `${Math.round(share * 100)}%`;

export function size(bytes) {
  if (bytes < 1e3) return plural(bytes, "byte");
  const [unit, by] = bytes < 1e6 ? ["kB", 1e3] : bytes < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  const value = bytes / by;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

/** A time to wait, as one says it. */
export function wait(seconds) {
  if (seconds < 90) return seconds < 20 ? "a few seconds" : "about a minute";
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `about ${minutes} minutes`;
  const hours = Math.round(seconds / 360) / 10;
  return `about ${hours} hours`;
}

export function loadScript(path) {
  return new Promise((resolve, reject) => {
    const script = el("script", { src: path, onload: resolve, onerror: () => reject(new Error(path)) });
    document.head.append(script);
  });
}
