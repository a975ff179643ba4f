"""Values set by faults in place of the simulated ones, right even when two faults overlap.

A fault that saved the old value itself and put it back at its end would put back what another
fault had set: a receiver that lost its lock in two ways at once would never find it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class _Attribute:
    own: Any  # what it was before any fault
    overrides: list[tuple[object, Any]] = field(default_factory=list)  # (whose, value)


class Overrides:
    """The newest of the faults that last decides; after the last the attribute is its own again."""

    def __init__(self) -> None:
        self._attributes: dict[tuple[int, str], _Attribute] = {}

    def set(self, target: object, **values: object) -> Callable[[], None]:
        """Give ``target`` these attribute values until the returned function is called."""
        whose = object()
        for name, value in values.items():
            attribute = self._attributes.setdefault(
                (id(target), name), _Attribute(getattr(target, name)))
            attribute.overrides.append((whose, value))
            setattr(target, name, value)

        def end() -> None:
            for name in values:
                self._remove(target, name, whose)

        return end

    def _remove(self, target: object, name: str, whose: object) -> None:
        attribute = self._attributes[id(target), name]
        attribute.overrides = [each for each in attribute.overrides if each[0] is not whose]
        if not attribute.overrides:
            setattr(target, name, attribute.own)
            del self._attributes[id(target), name]
        else:
            setattr(target, name, attribute.overrides[-1][1])
