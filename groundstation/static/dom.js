// The document of the page: the only way nodes are made here, text as text and never as markup, and its
// styles and theme.

const THEME_KEY = "theme";
const SUN = "sun"; // black on white for a screen in the sun, until it is switched off

export const byId = (id) => document.getElementById(id);

/** A node with a class and children; strings become text nodes. */
export function el(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A node of a drawing, with its attributes. */
export function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Text that a radio wrote, isolated so that its direction cannot reorder its neighbours. */
export function said(tag, className, text) {
  const node = el(tag, className);
  node.dir = "auto";
  node.textContent = text;
  return node;
}

/** What is said of a line that no model made. */
export function origin(entry) {
  return entry.by === "canned" ? el("p", "canned", "a canned line, not the model's") : null;
}

/** Show ``items`` in a list, a node each: {key, make(), tell(node)}. A node whose key is still there
    stays, so that no redraw swallows a press of its button or takes the focus away. */
export function keep(list, items) {
  const old = new Map([...list.children].map((node) => [node.dataset.key, node]));
  const held = document.activeElement;
  const nodes = items.map(({ key, make, tell }) => {
    const node = old.get(key) ?? make();
    node.dataset.key = key;
    tell?.(node);
    return node;
  });
  const isSame = nodes.length === list.children.length && nodes.every((node, at) => node === list.children[at]);
  if (isSame) return;
  list.replaceChildren(...nodes);
  if (list.contains(held)) held.focus();
}

/** Set text only when it differs, so that screen readers and layout stay calm. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Tell a screen reader, politely. */
export function speak(text) {
  write(byId("spoken"), text);
}

export function loadScript(path) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = path;
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${path} did not load`));
    document.head.append(script);
  });
}

/** Behind our own sheets, or before them ("prepend"), where ours may overrule it. */
export function loadStyle(path, add = "append") {
  return new Promise((resolve, reject) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = path;
    link.onload = resolve;
    link.onerror = () => reject(new Error(`${path} did not load`));
    document.head[add](link);
  });
}

/** The theme as it was left on this device. */
export function restoreTheme() {
  if (localStorage.getItem(THEME_KEY) === SUN) document.documentElement.dataset.theme = SUN;
}

export const isSun = () => document.documentElement.dataset.theme === SUN;

export function toggleSun() {
  if (isSun()) {
    delete document.documentElement.dataset.theme;
    localStorage.removeItem(THEME_KEY);
  } else {
    document.documentElement.dataset.theme = SUN;
    localStorage.setItem(THEME_KEY, SUN);
  }
}

/** The value of a colour of the theme in use. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
