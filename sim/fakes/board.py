"""The single-board computer: power and speed of each model, and what its firmware reports.

Three boards with figures of cnx-software.com, chipwired.com and llm-inference.com. The tokens are
of the largest model that a board carries well (360 million parameters on a Zero 2 W, 1.1 thousand
million on the others); that a prompt goes seven and a half times as fast as a reply, and the watts
of a camera, are assumed.

``SimBoard`` keeps the bits of ``vcgencmd get_throttled``: 0 under-voltage, 1 frequency capped,
2 throttled, and the same from 16 on for "since the start". A Zero has no detector for its supply.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from payload.ports import DeviceTimeout

THINK_OVERHEAD_MS = 400
THROTTLE_C = 80.0  # the firmware slows the cores from here on
THROTTLED_POWER_PART = 0.6  # of the power of inference that is left then
UNDERVOLTED_MV = 2_950.0  # of the cell: below, the boost converter gives up 4.63 V
HANG_MS = 5_000
UNDER_VOLTAGE, CAPPED, THROTTLED = 0x1, 0x2, 0x4
STICKY_SHIFT = 16
NONSENSE_THROTTLED = -0x50005


@dataclass(frozen=True, slots=True)
class BoardProfile:
    """One model of Raspberry Pi with the sensors on it."""

    name: str
    idle_w: float
    inference_w: float  # on top of idle, all cores
    camera_w: float  # on top of idle, while it captures
    tokens_per_s: float
    prompt_tokens_per_s: float
    soc_kpw: float  # processor above the box in dense air, K per W
    has_undervoltage_detector: bool

    def thinking_ms(self, evaluated_tokens: int, reply_tokens: int) -> int:
        """How long this board would have thought, ms."""
        prompt_s = evaluated_tokens / self.prompt_tokens_per_s
        return THINK_OVERHEAD_MS + round(1000 * (prompt_s + reply_tokens / self.tokens_per_s))


PI_ZERO_2W = BoardProfile("Pi Zero 2 W", 0.75, 1.65, 0.8, 2.6, 19.5, 13.0, False)
PI_4 = BoardProfile("Pi 4", 2.3, 2.9, 0.8, 5.0, 37.5, 10.0, True)
PI_5 = BoardProfile("Pi 5", 3.0, 5.5, 0.8, 10.0, 75.0, 5.4, True)
BOARDS = (PI_ZERO_2W, PI_4, PI_5)


class Firmware(StrEnum):
    """How the board answers when it is asked about itself."""

    WELL = "well"
    MISSING = "missing"  # no such program or file
    HANGING = "hanging"  # no answer for ``hang_ms``, and then none
    NONSENSE = "nonsense"  # no number, or one that cannot be


def _nobody_listens() -> None:
    """For a board whose answers nobody notes."""


class SimBoard:
    """``ports.Board``, its values from the simulated heat and battery.

    Faults, all off at first: ``firmware``, ``hang_ms``, ``forced_soc_c``, ``forced_throttled`` (the
    whole word, such as 0x50000 for an under-voltage that is over) and ``is_watchdog_armed``.
    """

    def __init__(
        self, profile: BoardProfile, soc_c: Callable[[], float], supply_mv: Callable[[], float],
        block: Callable[[int], None],
    ) -> None:
        """``block(ms)`` is told of the time that a hanging answer kept its caller waiting."""
        self.profile = profile
        self.firmware = Firmware.WELL
        self.hang_ms = HANG_MS
        self.forced_soc_c: float | None = None
        self.forced_throttled: int | None = None
        self.undervolted_mv = UNDERVOLTED_MV
        self.is_watchdog_armed: bool | None = True  # None: this machine has none
        self.on_answer: Callable[[], None] = _nobody_listens  # told of every temperature given
        self._soc_c = soc_c
        self._supply_mv = supply_mv
        self._block = block
        self._sticky = 0
        self._power_ups = 0

    def soc_temperature_c(self) -> float | None:
        """As /sys/class/thermal says it: whole 0.5 degrees. Raises DeviceTimeout when it hangs."""
        if not self._answers():
            return None
        if self.firmware is Firmware.NONSENSE:
            return float("nan")
        soc_c = self._soc_c() if self.forced_soc_c is None else self.forced_soc_c
        self.on_answer()
        return round(soc_c * 2) / 2

    def is_undervolted(self) -> bool | None:
        """Bit 0 of ``throttled``. Raises DeviceTimeout when it hangs."""
        word = self.throttled()
        return None if word is None or word < 0 else bool(word & UNDER_VOLTAGE)

    def boot_id(self) -> str | None:
        """Another one after each power-up."""
        return f"boot {self._power_ups}"

    def is_hardware_watchdog_armed(self) -> bool | None:
        return self.is_watchdog_armed

    def throttled(self) -> int | None:
        """The word of get_throttled; None where there is none. Raises DeviceTimeout."""
        if not self._answers() or not self.profile.has_undervoltage_detector:
            return None
        if self.firmware is Firmware.NONSENSE:
            return NONSENSE_THROTTLED
        if self.forced_throttled is not None:
            return self.forced_throttled
        now = self._now()
        self._sticky |= now
        return now | self._sticky << STICKY_SHIFT

    def watch(self) -> None:
        """Look at supply and heat, so that what nobody asks about is remembered too."""
        self._sticky |= self._now()

    def power_up(self) -> None:
        """A start: the sticky bits are gone."""
        self._sticky = 0
        self._power_ups += 1

    def _now(self) -> int:
        word = 0
        if self._supply_mv() < self.undervolted_mv:
            word |= UNDER_VOLTAGE | THROTTLED
        if self._soc_c() >= THROTTLE_C:
            word |= CAPPED | THROTTLED
        return word

    def _answers(self) -> bool:
        """Raises DeviceTimeout after the time that a hanging answer takes."""
        if self.firmware is Firmware.HANGING:
            self._block(self.hang_ms)
            raise DeviceTimeout("the firmware does not answer")
        return self.firmware is not Firmware.MISSING
