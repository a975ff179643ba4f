"""The envelope of a frame: AX.25 UI if the modem needs a callsign on each packet, else none."""

from __future__ import annotations

from wire import ax25
from wire.ax25 import Address
from wire.mission import Mission

DESTINATION = Address("SPACEP")


class Envelope:
    """Both ends put frames into the same envelope, named in the mission file."""

    def __init__(self, mission: Mission) -> None:
        self._source: Address | None = None
        if mission.radio.framing == "ax25":
            self._source = Address.parse(mission.payload.callsign)

    def wrap(self, frame: bytes) -> bytes:
        """What the modem is given for ``frame``."""
        if self._source is None:
            return frame
        return ax25.encode(DESTINATION, self._source, frame)

    def unwrap(self, data: bytes) -> bytes | None:
        """The frame in what the modem heard; None for traffic that is not ours."""
        if self._source is None:
            return data
        packet = ax25.decode(data)
        if packet is None or packet.destination != DESTINATION:
            return None
        return packet.information
