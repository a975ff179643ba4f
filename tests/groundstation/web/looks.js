// What the tests of the page measure in a browser: boxes of words and of what can be pressed, and what
// has the focus. Evaluated in the page; gives one object.

(() => {
  const isClipped = (node) => node !== document.documentElement
    && (getComputedStyle(node).clipPath !== "none" || isClipped(node.parentElement));
  const shown = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !isClipped(node);
  const FRAME = ".strip, .timebar, .rooms, .banner, .news, .alarm-line"; // it stays while the room scrolls
  const CONTROLS = "button, input:not([type=range]), select, textarea, a";
  const EDGE = 1.5; // px by which two may touch
  const AIR = 0.2; // of the height of a line of words, above its letters and again below

  const name = (node) => `${node.localName}${node.id && `#${node.id}`} ${(node.ariaLabel ?? node.innerText ?? node.textContent).trim().slice(0, 40)}`;

  /** Is this part of a scroller of its own, or cut off on purpose? */
  const scrolled = (node) => Boolean(node.closest(".table, details:not([open]) > :not(summary)"));

  function wordBoxes() {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      const words = walker.currentNode;
      const node = words.parentElement;
      if (!words.data.trim() || !shown(node) || node.closest("select, noscript")) continue;
      const range = document.createRange();
      range.selectNodeContents(words);
      for (const { left, right, top, bottom, height } of range.getClientRects()) {
        if (right > left) found.push({ box: { left, right, top: top + AIR * height, bottom: bottom - AIR * height }, node });
      }
    }
    return found;
  }

  const controlBoxes = () => [...document.querySelectorAll(CONTROLS)].filter(shown)
    .flatMap((node) => [...node.getClientRects()].map((box) => ({ box, node })));

  const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > EDGE
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2 * EDGE;

  const isRelated = (a, b) => a === b || a.contains(b) || b.contains(a);
  const isFrame = (node) => Boolean(node.closest(FRAME));

  /** Pairs of words or controls that lie on each other; what stays is compared with what stays. */
  function collisions() {
    const boxes = [...wordBoxes(), ...controlBoxes()].filter(({ node }) => !scrolled(node));
    const found = [];
    boxes.forEach((one, i) => {
      for (const other of boxes.slice(i + 1)) {
        if (isRelated(one.node, other.node) || isFrame(one.node) !== isFrame(other.node)) continue;
        if (overlap(one.box, other.box)) found.push(`${name(one.node)} | ${name(other.node)}`);
      }
    });
    return found;
  }

  /** What reaches beyond the sides of the window. */
  const cutOff = () => [...wordBoxes(), ...controlBoxes()]
    .filter(({ box, node }) => !scrolled(node) && (box.left < -1 || box.right > innerWidth + 1))
    .map(({ node }) => name(node));

  /** [top, bottom] of what is left of the window between the parts that stay, in px. */
  function stage() {
    const boxes = [...document.querySelectorAll(FRAME)].filter(shown)
      .filter((node) => ["fixed", "sticky"].includes(getComputedStyle(node).position) || node.matches(".alarm-line"))
      .map((node) => node.getBoundingClientRect());
    const over = boxes.filter((box) => box.top < innerHeight / 3).map((box) => box.bottom);
    const under = boxes.filter((box) => box.bottom > (2 * innerHeight) / 3).map((box) => box.top);
    return [Math.max(0, ...over), Math.min(innerHeight, ...under)];
  }

  /** What has the focus, whether one sees that, and whether anything lies over it. */
  function focus() {
    const node = document.activeElement;
    const style = getComputedStyle(node);
    const box = node.getBoundingClientRect();
    const [x, y] = [box.left + Math.min(box.width / 2, innerWidth), box.top + Math.min(box.height / 2, 20)];
    const top = document.elementFromPoint(Math.min(x, innerWidth - 1), y);
    return {
      name: name(node), isBody: node === document.body,
      isMarked: (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) || parseFloat(style.strokeWidth) >= 4,
      isCovered: !top || !(isRelated(top, node) || top.closest("label, figure, svg")?.contains(node)),
    };
  }

  return { collisions, cutOff, stage, focus };
})()
