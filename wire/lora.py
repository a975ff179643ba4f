"""LoRa: how long a packet is on the air.

Source: Semtech AN1200.13, "LoRa Modem Designer's Guide", §4 (the same in the SX1276 data sheet
§4.1.1.6); for spreading factors 5 and 6 the SX1261/2 data sheet §6.1.4. The header is explicit and
the CRC on, as in every module here.
"""

from __future__ import annotations

from dataclasses import dataclass

LOW_RATE_SYMBOL_US = 16_000  # above it the low data rate optimisation is mandatory


@dataclass(frozen=True, slots=True)
class Modulation:
    """``spreading`` 5..12, ``coding`` 1..4 for 4/5..4/8, ``preamble`` in symbols."""

    spreading: int
    bandwidth_hz: int
    coding: int
    preamble: int

    def packet_ms(self, n_bytes: int) -> int:
        """A packet of ``n_bytes``, the module's own among them, rounded up."""
        is_short = self.spreading < 7
        bits = 8 * n_bytes - 4 * self.spreading + (36 if is_short else 44)
        is_slow = (1_000_000 << self.spreading) > LOW_RATE_SYMBOL_US * self.bandwidth_hz
        bits_of_block = 4 * (self.spreading - 2 * is_slow)
        blocks = max(0, -(-bits // bits_of_block))
        symbols = 8 + blocks * (self.coding + 4)
        quarters = 4 * (self.preamble + symbols) + (25 if is_short else 17)
        return -(-1000 * (quarters << self.spreading) // (4 * self.bandwidth_hz))
