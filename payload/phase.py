"""Where the flight is: a table of transitions over altitude, climb and stillness.

    BOOT -> GROUND -> ASCENT -> (FLOAT) -> DESCENT -> LANDED, and INFLIGHT_UNKNOWN after a reboot
    in the air. From flight no way leads to GROUND; LANDED can fly again.

The receiver's altitudes decide, never its silence: only the half-hour rule moves without a fix.
The barometer has one vote, against a launch that only the receiver saw, and loses it with height.
``saved()`` is stored every ten seconds and at every transition, and given back at the next boot.

Terms: *peak* the highest altitude of the flight, *hold* how long a condition must stay true.
Source: research/flight.md 5.2; tuned on four recorded flights (tests/payload/test_phase.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from payload.clock import is_plausible_utc
from payload.gnss import flaw, ground_distance_m
from payload.notes import Note, event
from payload.phase_inputs import Motion, is_good_for_phase
from payload.ports import GnssFix
from wire.beacon import Phase
