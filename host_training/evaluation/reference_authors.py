"""Reference authors: other people's words, the zero of the authorship scale.

Those whom the author wrote with are the best floor, since they talk of the same things. Where the
exports hold too little of them, it is an author of the project's own example, whose notebook is
shipped with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from host_training.common.messages import Notes
from host_training.evaluation.authorship import BAG_CHARS
from host_training.importers.notebook import import_notebook
from host_training.rows.partners import Line

CHARS_MIN = 4 * BAG_CHARS  # two bags to learn from, two to judge
SHIPPED = Path(__file__).parents[1] / "examples" / "edda" / "notebook"
PARTNERS = "people the author wrote with"
EXAMPLE = "another author, of the included example"


@dataclass(frozen=True, slots=True)
class Floor:
    """Others' lines, and who they are, in words for the page."""

    who: str
    lines: Sequence[Line]


def floor(found: Sequence[Line], author: Iterable[str]) -> Floor | None:
    """The partners, else the shipped author; None for that author's own persona.

    Args:    found: of ``rows.partners.partners_of``.
             author: lines of the author who is judged.
    """
    if sum(len(text) for _, text in found) >= CHARS_MIN:
        return Floor(PARTNERS, found)
    shipped = [(f"{path.name} {entry.message.message_id}", entry.message.text)
               for path in sorted(SHIPPED.glob("*.md")) for entry in import_notebook(path, Notes())]
    if {text for _, text in shipped}.intersection(author):
        return None
    return Floor(EXAMPLE, shipped)


def halves(lines: Sequence[Line]) -> tuple[list[str], list[str]]:
    """Texts of every other session, and of the rest."""
    turn = {session: number % 2 for number, session in enumerate(dict.fromkeys(
        session for session, _ in lines))}
    return ([text for session, text in lines if turn[session] == 0],
            [text for session, text in lines if turn[session] == 1])
