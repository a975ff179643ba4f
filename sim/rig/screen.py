"""Colours of the live log: one per process, and the persona's lines emphasised."""

from __future__ import annotations

from rich.console import Console

PERSONA = ("musing", "reply", "question")
STYLES = {
    "FAULT": "bold red", "BROKEN": "bold white on red", "command": "green", "station": "blue",
    "minute": "bold", "rig": "dim", "mind": "magenta", "refused": "yellow",
    **dict.fromkeys(PERSONA, "italic bright_cyan"),
}
_LEVELS = ("warning ", "error ")


def style_of(line: str) -> str | None:
    """The style of a line of the journal: ``hh:mm:ss.t  who  words``."""
    _, _, rest = line.partition("  ")
    who, _, words = rest.partition(" ")
    return "yellow" if words.lstrip().startswith(_LEVELS) else STYLES.get(who)


class Screen:
    """Where a person looks on. Without colours where the output is no terminal."""

    def __init__(self) -> None:
        self.console = Console(soft_wrap=True, highlight=False)

    def show(self, line: str) -> None:
        """A line of the journal."""
        self.say(line, style_of(line))

    def say(self, line: str, style: str | None = None) -> None:
        """A line as it is: what came over the radio is never read as markup."""
        self.console.print(line, style=style, markup=False)
