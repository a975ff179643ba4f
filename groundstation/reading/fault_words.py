"""The fault bits of a beacon in words."""

from __future__ import annotations

from wire.beacon import FaultBits

_WORDS = {
    FaultBits.GNSS: "GNSS receiver", FaultBits.OUTSIDE: "outside sensor",
    FaultBits.POWER_SENSOR: "power sensor", FaultBits.MIND: "mind", FaultBits.CAMERA: "camera",
    FaultBits.API: "API calls", FaultBits.RADIO: "radio", FaultBits.STORE: "store",
    FaultBits.UNDERVOLTAGE: "undervoltage", FaultBits.SAFE: "safe mode",
    FaultBits.BEACON: "beacon",
}


def fault_words(bits: float | None) -> list[str]:
    """What these bits say is broken or missing; a bit of a newer payload by its number."""
    left = int(bits or 0)
    words = []
    for bit in range(left.bit_length()):
        if left >> bit & 1:
            is_known = 1 << bit in FaultBits._value2member_map_
            words.append(_WORDS[FaultBits(1 << bit)] if is_known else f"fault {bit}")
    return words
