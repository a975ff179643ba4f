"""Microphone faults (docs/faults.md, 84): dead, stuck, unplugged, or its worker hangs or dies."""

from __future__ import annotations

from functools import partial

from sim.fakes.microphone import MicrophoneFault
from sim.faults.stage import End, Fault, Stage

LASTS_S = (180.0, 900.0)


def _begin(stage: Stage, fault: MicrophoneFault) -> End:
    microphone = stage.world.microphone
    microphone.fault = fault

    def end() -> None:
        microphone.fault = None

    return end


def _fault(name: str, what: str, fault: MicrophoneFault) -> Fault:
    return Fault(84, f"microphone.{name}", what, partial(_begin, fault=fault), LASTS_S)


FAULTS: tuple[Fault, ...] = (
    _fault("dead", "every sample of the microphone is zero", MicrophoneFault.DEAD),
    _fault("stuck", "the microphone is stuck at full scale", MicrophoneFault.STUCK),
    _fault("hangs", "a take of the microphone never ends", MicrophoneFault.HANGS),
    _fault("cannot_be_killed", "a take never ends, and its process does not die",
           MicrophoneFault.CANNOT_BE_KILLED),
    _fault("dies", "the microphone's process crashes each time", MicrophoneFault.DIES),
    _fault("unplugged", "the microphone is disconnected and comes back",
           MicrophoneFault.UNPLUGGED),
)
