"""The watch over numbers on the air, where a modem swallows frames."""

from __future__ import annotations

from sim.verify.numbers_watch import NumbersWatch
from wire.frames import BeaconFrame, FrameCounter
from wire.session import Session

SESSION = Session(7, 1)


def numbered(number: int) -> BeaconFrame:
    return BeaconFrame(1, FrameCounter(SESSION.boot_bits, number), bytes(24), False)


def test_a_number_may_be_missing_for_each_frame_that_the_modem_swallowed() -> None:
    """Soak seed 3, an orbit: the beacon after the swallowed one follows five minutes later."""
    watch = NumbersWatch()
    watch.on_boot(SESSION)
    assert watch.on_frame(SESSION, numbered(305), 0) is None
    assert watch.on_frame(SESSION, numbered(307), 1) is None
    assert watch.on_frame(SESSION, numbered(308), 1) is None
    assert watch.on_frame(SESSION, numbered(310), 1) == "frame 310 was sent after 308"
    assert watch.on_frame(SESSION, numbered(313), 3) is None
    assert watch.on_frame(SESSION, numbered(313), 3) == "frame 313 was sent after 313"
    assert watch.on_frame(SESSION, numbered(4095), 4000) is None
    assert watch.on_frame(SESSION, numbered(0), 4000) is None
