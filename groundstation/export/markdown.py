"""The diary as Markdown: a heading per chapter, a quote per question; radio text stays text."""

from __future__ import annotations

import re

from groundstation.export.flight_data import ExportedFlight
from groundstation.export.markup import clock, iso, metres
from groundstation.reading.chapters import chapter_at, chapters_of
from groundstation.reading.page_json import LineJson

_SPECIAL = re.compile(
    r"([\\`*_\[\]<>|~&@])"  # marks, tags, entities and addresses
    r"|(?<=www)(\.)|(:)(?=//)"  # what is made a link without being marked as one
    r"|^([#+-]|\d+[.)])"  # headings and lists
)


def diary(flight: ExportedFlight) -> str:
    """Every line, oldest first, by chapters."""
    parts = chapters_of(flight.state["phases"], flight.way)
    out = [f"# {_plain(flight.name)}", _plain(flight.state["disclosure"])]
    shown = None
    for entry in flight.lines:
        chapter = chapter_at(parts, entry["when_ms"])
        if chapter is not None and chapter is not shown:
            out.append(f"## {chapter.title}")
            shown = chapter
        out += _line(entry)
    return "\n\n".join(out) + "\n"


def _line(entry: LineJson) -> list[str]:
    head = f"**{clock(entry['when_ms'])}**"
    details = [f"`{iso(entry['when_ms'])}`"]
    details += [] if entry["alt_m"] is None else [metres(entry["alt_m"])]
    details += ["a canned line, not the model's"] if entry["by"] == "canned" else []
    question = [f"> {_plain(entry['question'])}"] if entry["question"] else []
    return [f"{head} {', '.join(details)}", *question, _plain(entry["text"])]


def _plain(text: str) -> str:
    """Text that a reader of Markdown shows as it is."""
    return _SPECIAL.sub(lambda found: _escaped(found.group()), text)


def _escaped(mark: str) -> str:
    """A number of a list is escaped at its dot: digits cannot be."""
    return f"{mark[:-1]}\\{mark[-1]}"
