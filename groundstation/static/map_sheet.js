// A sheet over the map: what is drawn on it stays for as long as it is drawn again alike, so that a new
// position costs its own piece of the way, and what is open or has the focus is left alone.

const L = () => window.L;

/** A sheet above those that were made before it; on it dots lie above lines. Draw all of it, then
    ``turn()`` it. ``at`` says where on the map a place [lat, lon] is drawn. */
export function sheet(map, at = (place) => place) {
  const renderer = L().canvas().addTo(map);
  const group = L().layerGroup().addTo(map);
  let shown = new Map(); // how it looks -> layer
  let drawn = new Map(); // the same of what is drawn since the last turn

  function known(look, add) {
    const key = JSON.stringify(look);
    if (!drawn.has(key)) drawn.set(key, shown.get(key) ?? add());
  }

  const put = (look, make) => known(look, () => make().addTo(group));
  const putBelow = (look, make) => known(look, () => make().addTo(group).bringToBack());
  const styled = (style) => ({ interactive: false, renderer, ...style });

  return {
    /** Two lines with the same ends and as many places between are one. */
    line: (places, style) => putBelow(["line", places.length, at(places[0]), at(places.at(-1)), style], () => L().polyline(places.map(at), styled(style))),
    area: (places, style) => putBelow(["area", places.map(at), style], () => L().polygon(places.map(at), styled(style))),
    /** Its radius is in metres on the ground. */
    ring: (place, style) => putBelow(["ring", at(place), style], () => L().circle(at(place), styled(style))),
    /** Its radius is in pixels; ``popup()`` makes what opens when it is pressed. */
    dot: (place, style, popup) => put(["dot", at(place), style], () => {
      const dot = L().circleMarker(at(place), styled({ ...style, interactive: Boolean(popup) }));
      return popup ? dot.bindPopup(popup, { closeButton: false, maxWidth: 260 }) : dot;
    }),
    name: (place, text, className) => put(["name", at(place), text, className], () => {
      const words = document.createElement("span");
      words.textContent = text;
      const icon = L().divIcon({ html: words, className: `map-label ${className}`, iconSize: [0, 0] });
      return L().marker(at(place), { icon, interactive: false, keyboard: false });
    }),
    turn() {
      for (const [key, layer] of shown) if (!drawn.has(key)) group.removeLayer(layer);
      [shown, drawn] = [drawn, new Map()];
    },
  };
}
