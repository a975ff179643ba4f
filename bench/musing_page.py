"""``docs/musings.md``: lines from the whole of each flight, with their moments."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from bench.musing_flights import Flown, FlownLine

COLUMNS = 120  # of the prose; a line of hers stays whole


def page(name: str, version: int, flights: Sequence[Flown], count: int, tells: Sequence[str]
         ) -> str:
    """Markdown with ``count`` lines, as many of each flight, evenly spaced so that nobody chooses.

    Args:    name, version: of the persona.
             tells: sentences on what was measured of all lines of these flights.
    """
    share = -(-count // len(flights))
    shown = [_spaced(flight.lines, share) for flight in flights]
    n_shown, n_said = sum(map(len, shown)), sum(len(flight.lines) for flight in flights)
    prose = [
        f"What {name} (version {version} of the bundle) said in {len(flights)} simulated"
        f" flight{'s' if len(flights) > 1 else ''}:"
        f" {share} lines of each, at even steps from its first line to its last, none chosen and"
        f" none changed. They are {n_shown} of {n_said}; flights are longer than this page. The"
        " model is small, so some lines are odd, off their moment or close to each other. The"
        " persona is invented, and everybody she names.",
        "In front of a line stand the time since the payload was switched on, what it was doing,"
        " and the topic it was given. The numbers are seeds: `spacepi-sim fly --seed"
        f" {flights[0].seed}` flies the first.",
        " ".join(tells)]
    parts = [f"# {n_shown} lines"]
    parts += [textwrap.fill(part, COLUMNS, break_on_hyphens=False) for part in prose]
    for flight, lines in zip(flights, shown, strict=True):
        parts += [f"## Flight {flight.seed}", "\n".join(map(_item, lines))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _spaced(lines: Sequence[FlownLine], count: int) -> list[FlownLine]:
    """``count`` of ``lines`` at even steps from first to last; all where there are fewer."""
    if len(lines) <= count:
        return list(lines)
    step = (len(lines) - 1) / max(1, count - 1)
    return [lines[round(number * step)] for number in range(count)]


def _item(line: FlownLine) -> str:
    minutes = int(line.at_s) // 60
    doing = line.senses.partition(". ")[0].rstrip(".")
    return f"- {minutes // 60}:{minutes % 60:02d}, {doing}, {line.about}: *{line.text}*"
