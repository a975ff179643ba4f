"""One picture assembled as far as it came: an SVG that holds the pieces themselves."""

from __future__ import annotations

import base64

from groundstation.export.flight_data import ExportedPicture, Image
from groundstation.export.markup import Node, el, grouped

WIDE, HIGH = 640, 480
_HATCH_PX = 12
_SOFT_PX = 4


def drawn(picture: ExportedPicture) -> Node:
    """An <svg> of 4 by 3; what did not come is hatched."""
    name = f"hatch{picture.number}"
    hatch = el("pattern", {"id": name, "width": str(_HATCH_PX), "height": str(_HATCH_PX),
                           "patternUnits": "userSpaceOnUse", "patternTransform": "rotate(45)"},
               el("path", {"d": f"M0 0V{_HATCH_PX}", "stroke": "#999", "stroke-width": "3"}))
    root = el("svg", {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDE} {HIGH}",
                      "role": "img"}, el("title", None, caption(picture)))
    if picture.first is None:
        root.append(el("defs", None, hatch))
        root.append(el("rect", {"width": str(WIDE), "height": str(HIGH), "fill": f"url(#{name})"}))
    else:
        root.append(_first(picture.first, is_beneath=bool(picture.tiles)))
    for place, piece in picture.tiles.items():
        row, column = divmod(place, picture.columns)
        wide, high = WIDE / picture.columns, HIGH / picture.rows
        root.append(_image(piece, column * wide, row * high, wide, high))
    return root


def _first(image: Image, is_beneath: bool) -> Node:
    """The small first look; beneath sharp pieces it is soft, and larger so that its edge is not."""
    if not is_beneath:
        return _image(image, 0, 0, WIDE, HIGH)
    node = _image(image, -_SOFT_PX, -_SOFT_PX, WIDE + 2 * _SOFT_PX, HIGH + 2 * _SOFT_PX)
    node.set("filter", f"blur({_SOFT_PX / 2:g}px)")
    return node


def _image(image: Image, x: float, y: float, wide: float, high: float) -> Node:
    data = base64.b64encode(image.data).decode()
    return el("image", {
        "x": f"{x:g}", "y": f"{y:g}", "width": f"{wide:g}", "height": f"{high:g}",
        "preserveAspectRatio": "none", "href": f"data:{image.media_type};base64,{data}",
    })


def caption(picture: ExportedPicture) -> str:
    """What it shows, from where, and how much of it came."""
    parts: list[str] = []
    if picture.entry is not None:
        altitude_m = picture.entry["alt_m"]
        parts += dict.fromkeys([picture.entry["scene"], *picture.entry["sees"]])
        parts += [] if altitude_m is None else [f"from {grouped(altitude_m)}\u00a0m"]
    whole = picture.columns * picture.rows
    if len(picture.tiles) < whole:
        parts.append(f"{len(picture.tiles)} of {whole} tiles")
    return ", ".join(filter(None, parts)) or "a picture"
