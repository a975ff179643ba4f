"""UDP options of the command line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer

from groundstation.errors import StationError
from groundstation.export.feeds import PacketFeed, SummaryFeed
from groundstation.ground import Ground
from groundstation.inputs.udp import UdpListener, UdpSender, UdpService
from groundstation.reading.reader import FlightReader
from wire.mission import Mission

HorusUdpOption = Annotated[
    str | None,
    typer.Option(
        "--horus-udp", metavar="PORT",
        help="Also receive payload summaries of Horus receivers (55672), from this machine only; "
             "0.0.0.0:PORT accepts them from any address.",
    ),
]
SummaryUdpOption = Annotated[
    str | None,
    typer.Option(
        "--summary-udp", metavar="HOST:PORT",
        help="Send each new position as a payload summary, for chasemapper and similar programs.",
    ),
]
CcsdsUdpOption = Annotated[
    str | None,
    typer.Option(
        "--ccsds-udp", metavar="HOST:PORT",
        help="Send each new record as a CCSDS space packet, for Yamcs and similar programs.",
    ),
]


def address(option: str, text: str, example: str) -> tuple[str, int]:
    """(host, port) as written. Raises StationError."""
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 0 <= int(port) <= 65535:
        raise StationError(f"{option} {text}: write it as HOST:PORT, such as {example}")
    return host.strip("[]"), int(port)


@dataclass(frozen=True, slots=True)
class Udp:
    """The UDP inputs and outputs, as written on the command line."""

    horus: str | None = None
    summary: str | None = None
    ccsds: str | None = None

    def open(
        self, ground: Ground, mission: Mission, now_ms: Callable[[], int]
    ) -> UdpService | None:
        """Raises StationError when an address is wrong or taken; None without any option."""
        listener, senders = None, []
        if self.horus is not None:
            at = self.horus if ":" in self.horus else f"127.0.0.1:{self.horus}"
            listener = UdpListener(*address("--horus-udp", at, "127.0.0.1:55672"))
        if self.summary is not None:
            reader = FlightReader(ground.archive.path, mission)
            far = address("--summary-udp", self.summary, "255.255.255.255:55672")
            senders.append(UdpSender(SummaryFeed(reader, mission), *far))
        if self.ccsds is not None:
            far = address("--ccsds-udp", self.ccsds, "127.0.0.1:10015")
            feed = PacketFeed(ground.archive.db, mission.payload.node_id)
            senders.append(UdpSender(feed, *far))
        return UdpService(ground, now_ms, listener, senders) if listener or senders else None
