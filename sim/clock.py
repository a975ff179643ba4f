"""The simulated clock: one integer that the world moves and every fake reads.

Nothing in ``sim`` reads the machine's clock, but ``live`` and ``__main__``, which pace and time
what a person watches.
"""

from __future__ import annotations

import random
from collections.abc import Callable


class SimClock:
    """Milliseconds since the simulation began, and the UTC that goes with them."""

    def __init__(self, start_utc_ms: int) -> None:
        """``start_utc_ms`` is the true UTC at the beginning, ms since 1970."""
        self.now_ms = 0
        self.start_utc_ms = start_utc_ms

    @property
    def now_s(self) -> float:
        return self.now_ms / 1000

    @property
    def utc_ms(self) -> int:
        """True UTC now, ms since 1970; the payload learns it from its receiver only."""
        return self.start_utc_ms + self.now_ms


class Repeated:
    """An action that is done again and again, on whosever clock ``after`` plans."""

    def __init__(
        self, action: Callable[[], None], seconds: float,
        after: Callable[[float, Callable[[], None]], None],
    ) -> None:
        self._action, self._seconds, self._after = action, seconds, after
        self._is_over = False

    def run(self) -> None:
        """Do it now, and ``seconds`` later again, until ``stop``."""
        if not self._is_over:
            self._action()
            self._after(self._seconds, self.run)

    def stop(self) -> None:
        self._is_over = True


def part_rng(seed: int, name: str) -> random.Random:
    """The random numbers of one part of one world: other parts drawing more never shifts them."""
    return random.Random(f"{seed}:{name}")


def life_rng(seed: int, name: str, life: int) -> random.Random:
    """The same for one part of the payload in one of its lives."""
    return part_rng(seed, f"{name} {life}")
