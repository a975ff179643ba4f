"""The one error shown to users: a sentence for each thing that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable

# Stages under which a line is reported that stays in sight:
WARNING = "warning"  # a sentence that the maker must not miss
FOUND = "found"  # what a stage did, told once


class TrainingError(Exception):
    """What the maker gave us cannot be used; each argument is one clear sentence naming
    the thing, the place and what is allowed.
    """

    def __str__(self) -> str:
        if len(self.args) == 1:
            return str(self.args[0])
        return "\n".join([f"{len(self.args)} errors:",
                          *(f"- {sentence}" for sentence in self.args)])


class NoWriting(TrainingError):
    """Nothing that was read is the author's own."""


class TooLittleWriting(TrainingError):
    """There is not enough to learn from, to choose by and to measure with."""


class Stopped(TrainingError):
    """The maker stopped it; what is done is kept, and the same command continues from there."""


def faults(checks: Iterable[Callable[[], object]]) -> list[str]:
    """The sentences of every check that raises a TrainingError, each once, in their order."""
    found: list[str] = []
    for check in checks:
        try:
            check()
        except TrainingError as error:
            found += error.args
    return list(dict.fromkeys(found))
