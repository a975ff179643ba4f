"""Trees of HTML, SVG and XML: text goes in as text, and only the serialiser escapes it.

Radio text is always the text of a node, never an attribute.
"""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree

Node = ElementTree.Element


def el(tag: str, attributes: dict[str, str] | None = None, *children: Node | str | None) -> Node:
    """A node with its children in order; None is left out."""
    node = Node(tag, attributes or {})
    last: Node | None = None
    for child in children:
        if isinstance(child, Node):
            node.append(child)
            last = child
        elif child is not None and last is None:
            node.text = (node.text or "") + child
        elif child is not None and last is not None:
            last.tail = (last.tail or "") + child
    return node


def radio_text(tag: str, name: str, text: str) -> Node:
    """Text that a radio wrote, isolated so that its direction cannot reorder its neighbours."""
    return el(tag, {"class": name, "dir": "auto"}, text)


def html(root: Node) -> str:
    """A whole page."""
    return f"<!doctype html>\n{ElementTree.tostring(root, encoding='unicode', method='html')}\n"


def xml(root: Node) -> str:
    """A whole document."""
    ElementTree.indent(root, " ")
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def iso(utc_ms: int) -> str:
    """The moment to the second, as every file writes it."""
    return datetime.fromtimestamp(utc_ms / 1000, UTC).isoformat(timespec="seconds")


def clock(utc_ms: int) -> str:
    """Hours and minutes, UTC."""
    return f"{datetime.fromtimestamp(utc_ms / 1000, UTC):%H:%M}"


def grouped(value: float) -> str:
    """A whole number with a thin space between thousands, from five digits on."""
    digits = f"{abs(round(value)):,}".replace(",", "\u202f" if abs(value) >= 9999.5 else "")
    return ("\u2212" if round(value) < 0 else "") + digits


def metres(value: float | None) -> str:
    """With its unit; an en dash when it is unknown."""
    return "–" if value is None else f"{grouped(value)}\u00a0m"
