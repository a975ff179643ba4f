"""How a persona is sampled: its signed manifest says it, and the mission file may override it.

The examination before signing uses these same values, so that what was examined is what flies.
The ranges are checked by hand, since the mind worker reads a manifest: pydantic would take 9 MB of
the memory that it shares with the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

DRAFTS_MAX = 8
TOKENS_MAX = 256

RANGES: Mapping[str, tuple[int, int]] = MappingProxyType({  # of each value of Sampling
    "temperature": (0, 2), "min_p": (0, 1), "drafts": (1, DRAFTS_MAX), "sentences_max": (1, 10),
    "max_tokens": (1, TOKENS_MAX)})


@dataclass(frozen=True, slots=True)
class Sampling:
    """The values of one bundle; those it does not name are the defaults here."""

    temperature: float = 0.7  # 0: the likeliest token
    min_p: float = 0.05  # share of the likeliest token's (arXiv 2407.01082)
    drafts: int = 1  # in one batch; the best one is kept
    sentences_max: int = 2
    max_tokens: int = 64  # of one draft

    def overridden(self, by: Mapping[str, int | float]) -> Sampling:
        """These values, but those that ``by`` names, which were checked where they were read."""
        return replace(self, **by)  # type: ignore[arg-type]


def sampling_of(runtime: Mapping[str, Any]) -> Sampling:
    """The sampling in a manifest's ``runtime``. Raises ValueError naming the key."""
    known: dict[str, int | float] = {}
    for field in fields(Sampling):
        if field.name in runtime:
            known[field.name] = _checked(field.name, runtime[field.name],
                                         is_whole=isinstance(field.default, int))
    return Sampling(**known)  # type: ignore[arg-type]


def _checked(name: str, value: Any, is_whole: bool) -> int | float:
    low, high = RANGES[name]
    is_number = type(value) is int or (type(value) is float and not is_whole)
    if not is_number or not low <= value <= high:
        kind = "a whole number" if is_whole else "a number"
        raise ValueError(f"{name}: must be {kind} from {low} to {high}, not {value!r}")
    return int(value) if is_whole else float(value)
