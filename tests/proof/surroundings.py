"""What surrounds a payload that runs elsewhere: a receiver on a serial line, and a modem.

    python -m tests.proof.surroundings --mission FILE --receiver LINK --modem PORT --seconds 600

The payload may be a process of another processor, in a chroot or in a virtual machine; it is given
LINK as its receiver and PORT as its modem over TCP, and flies a short hop; or it is given a modem
of its own, and ``--ear PORT`` is one that hears it. What is on the air is told, a line of JSON
each: ``began``, ``beacon`` and ``record``, with seconds since the start; at the end, and on
SIGTERM, ``heard`` with the numbers. ``--store FILE`` judges instead: is every record that was heard
(``--heard FILE``, those lines) in that store, word for word?
"""

from __future__ import annotations

import argparse
import contextlib
import json
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from groundstation.decode import text_models
from sim.clock import part_rng
from sim.fakes.ublox import FakeUblox
from sim.live import Stop
from sim.rig import verdict
from sim.rig.bench import RECEIVER_EVERY_S, RigSettings, hop
from sim.rig.live import Connection, Loop, Port, SerialLine
from sim.rig.transmissions import SentFrames
from wire import key_file, mission
from wire.envelope import Envelope
from wire.modems import kiss
from wire.records import Record

Tell = Callable[[dict[str, Any]], None]


class Surroundings:
    """Receiver and modem of one payload, for as long as ``loop`` runs."""

    def __init__(
        self, mission_path: Path, receiver: Path, modem: int, ear: int, seconds: float, tell: Tell
    ) -> None:
        """``modem`` and ``ear`` are TCP ports of this machine, 0 for any and for none.

        Raises MissionError, KeyFileError, OSError.
        """
        plan, base = mission.load(mission_path), mission_path.resolve().parent
        self.loop = Loop()
        self._tell, self._envelope, self._decoder = tell, Envelope(plan), kiss.Decoder()
        master = key_file.load(base / plan.keys.file)
        self._sent = SentFrames(self.loop.clock, plan, plan.downlink_key(master),
                                text_models.load(plan, base, ()))
        self._receiver = FakeUblox(
            self.loop.clock, hop(RigSettings(seconds), self.loop.clock.start_utc_ms),
            part_rng(0, "receiver"))
        self._line = SerialLine(self.loop, receiver)
        self._line.on_data = self._receiver.write
        self._port = Port(self.loop, self._join, modem)
        if ear:
            self._join(Connection(self.loop, socket.create_connection(("127.0.0.1", ear))))
        self.loop.every(RECEIVER_EVERY_S, self._pass_fixes)
        self._say("began", modem=self._port.number)

    def close(self) -> None:
        """Tell the numbers, and leave nothing behind."""
        self._say("heard", beacons=self._sent.counts["BeaconFrame"],
                  records=len(self._sent.records), two_meanings=len(self._sent.two_meanings))
        self._line.unplug()
        self._port.close()
        self.loop.close()

    def _say(self, what: str, **fields: object) -> None:
        self._tell({"what": what, "at_s": round(self.loop.clock.now_s, 1), **fields})

    def _pass_fixes(self) -> None:
        data = self._receiver.read(4096)
        if data:
            self._line.write(data)

    def _join(self, connection: Connection) -> None:
        """Frames come from here now; what the one before it left unfinished is forgotten."""
        self._decoder = kiss.Decoder()
        connection.on_data = self._take

    def _take(self, data: bytes) -> None:
        for packet in self._decoder.feed(data):
            frame = self._envelope.unwrap(packet)
            if frame:
                self._hear(frame)

    def _hear(self, frame: bytes) -> None:
        beacons, known = self._sent.counts["BeaconFrame"], len(self._sent.records)
        self._sent.on_frame(frame)
        state = self._sent.latest
        if self._sent.counts["BeaconFrame"] > beacons and state is not None:
            phase = None if state.phase is None else state.phase.name.lower()
            self._say("beacon", phase=phase, has_fix=state.latitude_deg is not None)
        for record in list(self._sent.records.values())[known:]:
            self._say("record", **_told(record))


def _told(record: Record) -> dict[str, Any]:
    """What identifies a record, and its contents; bytes as hexadecimal digits."""
    return {"number": record.record_id, "kind": record.kind.name.lower(), "boot": record.boot,
            "body": json.loads(json.dumps(record.body, default=bytes.hex))}


def judge(lines: Iterable[str], store: Path) -> tuple[int, list[int]]:
    """(records heard, the numbers of those that the store lacks or has differently).

    Raises sqlite3.Error where the store cannot be read.
    """
    aboard, heard, wrong = verdict.read_store(store), 0, []
    for line in lines:
        said = json.loads(line)
        if said["what"] != "record":
            continue
        heard += 1
        row = aboard.get(said["number"])
        kept = None if row is None or not row.is_whole else (
            row.kind.name.lower(), row.boot, json.loads(json.dumps(row.body, default=bytes.hex)))
        if kept != (said["kind"], said["boot"], said["body"]):
            wrong.append(said["number"])
    return heard, wrong


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="tests.proof.surroundings", description=__doc__)
    parser.add_argument("--mission", type=Path, help="the payload's mission file, with its key")
    parser.add_argument("--receiver", type=Path, help="symbolic link to make: the serial port")
    parser.add_argument("--modem", type=int, default=0, help="TCP port of the modem; 0: any")
    parser.add_argument("--ear", type=int, default=0, help="TCP port of a modem that hears it")
    parser.add_argument("--seconds", type=float, default=600, help="how long the hop takes")
    parser.add_argument("--store", type=Path, help="judge this store instead")
    parser.add_argument("--heard", type=Path, help="what was told while it flew")
    arguments = parser.parse_args()
    if arguments.store is not None:
        heard, wrong = judge(arguments.heard.read_text().splitlines(), arguments.store)
        print(f"{heard} records heard, {len(wrong)} of them not in the store", *wrong[:5])
        sys.exit(bool(wrong) or not heard)

    def tell(said: dict[str, Any]) -> None:
        print(json.dumps(said), flush=True)

    around = Surroundings(arguments.mission, arguments.receiver, arguments.modem,
                          arguments.ear, arguments.seconds, tell)
    stop = Stop()
    with contextlib.closing(around), stop.listening():
        around.loop.run_until(
            lambda: stop.is_asked or around.loop.clock.now_s >= arguments.seconds)


if __name__ == "__main__":
    main()
