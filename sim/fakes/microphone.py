"""The microphone of a simulated payload: what there is to hear, through the payload's own measures.

Pressure comes from ``sim.acoustics``; a MEMS microphone makes samples of it, and
``payload.sound_features``, which the real worker runs, makes numbers of those. Without a section
[microphone] in the mission nobody starts it, and it draws no random number.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from payload.ports import DeviceAbsent, DeviceGarbage, PortError
from payload.sound import Sound
from sim.balloon import Balloon, Trajectory
from sim.clock import SimClock
from sim.sky import ZERO_C_K
from wire.mission_microphone import MicrophoneSection
from wire.standard_air import AIR_GAS_CONSTANT

if TYPE_CHECKING:
    from payload.sound_features import Samples
    from sim.acoustics import Pressure, Surroundings

SENSITIVITY_DBFS, SELF_NOISE_SPL_DB = -26.0, 29.0  # of an ICS-43434 (TDK DS-000069, table 1)
END_MS = 1_400  # the worker's start and its measures, on a Pi Zero 2
TALKING_SHARE = 0.6  # of the takes with people beside it
FOUND_S = 900.0  # from the landing to those who look for it


class MicrophoneFault(StrEnum):
    """One kind of failure; it holds for every take while it is set."""

    DEAD = "dead"  # every sample is 0
    STUCK = "stuck"  # at full scale
    HANGS = "hangs"  # the worker never ends; a cancel ends it
    CANNOT_BE_KILLED = "cannot be killed"  # the same, and after the cancel nothing starts any more
    DIES = "dies"  # the worker is killed by a signal each time
    UNPLUGGED = "unplugged"  # arecord finds no device


class SimMicrophone:
    """``payload.sound.Microphone``. Fault, None at first: ``fault``."""

    def __init__(
        self, clock: SimClock, air: Callable[[], tuple[float, float, float]],
        trajectory: Trajectory, section: MicrophoneSection | None, rng: random.Random,
    ) -> None:
        """``air`` is (C, Pa, %) around the payload."""
        self.fault: MicrophoneFault | None = None
        self._clock = clock
        self._air = air
        self._trajectory = trajectory
        self._section = section
        self._rng = rng
        self._started_ms: int | None = None
        self._is_wedged = False  # a worker that was killed and has not died

    def start(self, now_ms: int) -> bool:
        """True if the take began."""
        if self._is_wedged and self.fault is MicrophoneFault.CANNOT_BE_KILLED:
            return False
        self._is_wedged = False
        if self._started_ms is not None:
            return False
        self._started_ms = self._clock.now_ms
        return True

    def poll(self, now_ms: int) -> Sound | PortError | None:
        """The sound once the take is over, or why there is none."""
        if self.fault in (MicrophoneFault.HANGS, MicrophoneFault.CANNOT_BE_KILLED):
            return None
        started_ms, section = self._started_ms, self._section
        if started_ms is None or section is None:
            return None
        if self._clock.now_ms < started_ms + section.take_s * 1000 + END_MS:
            return None
        self._started_ms = None
        if self.fault is MicrophoneFault.UNPLUGGED:
            return DeviceAbsent(f"{section.device} records nothing: No such file or directory")
        if self.fault is MicrophoneFault.DIES:
            return DeviceGarbage("microphone worker died of signal 11")
        # numpy, which only a flight with a microphone needs.
        from payload.sound_features import NoSound, listen

        try:
            samples = self._samples(started_ms / 1000, section.take_s)
            return listen(samples, section.sensitivity_dbfs, now_ms)
        except NoSound as error:
            return DeviceGarbage(str(error))

    def cancel(self, now_ms: int) -> None:
        """Kill the worker."""
        self._is_wedged = (
            self.fault is MicrophoneFault.CANNOT_BE_KILLED and self._started_ms is not None)
        self._started_ms = None

    def _samples(self, started_s: float, take_s: int) -> Samples:
        import numpy as np

        from sim import acoustics

        around = self._surroundings(started_s, take_s)
        pressure = acoustics.pressure(around, take_s, self._rng)
        if self.fault is MicrophoneFault.DEAD:
            return np.zeros(len(pressure), dtype=np.int16)
        if self.fault is MicrophoneFault.STUCK:
            return np.where(pressure < 0, np.int16(-32_768), np.int16(32_767))
        return samples_of(pressure, self._rng)

    def _surroundings(self, started_s: float, take_s: int) -> Surroundings:
        """As in the middle of the take."""
        from sim.acoustics import Surroundings

        state = self._trajectory.state(started_s + take_s / 2)
        above_ground_m = max(0.0, state.altitude_m - state.ground_m)
        burst_at_s = None
        if isinstance(self._trajectory, Balloon):
            since_s = self._trajectory.burst_s - started_s
            burst_at_s = since_s if 0 <= since_s < take_s else None
        outside_c, pressure_pa, _ = self._air()
        is_talking = self._rng.random() < TALKING_SHARE
        return Surroundings(
            density_kgm3=pressure_pa / (AIR_GAS_CONSTANT * (outside_c + ZERO_C_K)),
            airspeed_mps=abs(state.climb_mps),
            above_ground_m=above_ground_m,
            are_people_near=is_talking and self._are_people_near(started_s),
            is_under_parachute=state.climb_mps < -1 and above_ground_m > 2,
            burst_at_s=burst_at_s,
        )

    def _are_people_near(self, t_s: float) -> bool:
        """At the launch, and when it is found."""
        path = self._trajectory
        if not isinstance(path, Balloon):
            return False
        return t_s < path.launch_s + 5 or t_s > path.landing_s + FOUND_S


def samples_of(
    pressure: Pressure, rng: random.Random, sensitivity_dbfs: float = SENSITIVITY_DBFS,
) -> Samples:
    """What a microphone makes of ``pressure`` (Pa): its own noise added, 16 bits, clipped."""
    import numpy as np

    from sim.acoustics import REFERENCE_PA

    own = np.random.default_rng(rng.getrandbits(64)).standard_normal(len(pressure))
    heard = pressure + REFERENCE_PA * 10 ** (SELF_NOISE_SPL_DB / 20) * own
    # At 1 Pa rms the rms of the samples is that of a sine so many dB below a full one.
    steps = np.round(heard * 10 ** (sensitivity_dbfs / 20) / np.sqrt(2) * 32_768)
    samples: Samples = np.clip(steps, -32_768, 32_767).astype(np.int16)
    return samples
