"""Receiver faults (docs/faults.md, 1 to 15): absent, wrong, frozen, lost, reset, jammed.

What a receiver says of a place or a height cannot be put right aboard: while it lies the phase may
be wrong, and so for some time after it (the check's grace). The beacon goes on through all of them.
"""

from __future__ import annotations

from functools import partial

from sim.balloon import Balloon
from sim.fakes.gnss_messages import long_line, nmea, oversized_ubx
from sim.faults.stage import End, Fault, Stage
from wire.earth import wrapped_deg

INJECT_EVERY_S = 5.0
LINE_BYTES = 10_000
DAY_S = 86_400
SOON_S = 10  # until the instant that a date fault is about
JUMP_M = 20_000.0
BURST_LEAD_S = 600.0
EMPTY = (
    b"GNGGA,,,,,,0,00,99.99,,,,,,", b"GNRMC,,V,,,,,,,,,,N", b"GNGGA,,,,,,,,,,,,,,",
    b"GNRMC,,,,,,,,,,,,", b"GNGLL,,,,,,V,N", b"GNGSA,A,1,,,,,,,,,,,,,99.99,99.99,99.99",
    b"GNGGA", b"GNRMC,",
)
PHASE = ("phase_right",)
# A receiver that insists is believed: what it lies about is then told, and learnt as wind.
ELSEWHERE = ("phase_right", "told_truth.place", "told_truth.landing")
TOO_HIGH = ("phase_right", "told_truth.height", "told_truth.motion", "told_truth.landing")
# That it repeats itself is known after ten seconds.
FROZEN = ("phase_right", "told_truth.place", "told_truth.height", "told_truth.motion")
# Who is started meanwhile has no time of his own to hold against it.
WRONG_TIME = ("told_truth.time",)


def _set(stage: Stage, **attributes: object) -> End:
    """Give the receiver these attributes, and their own values back at the end."""
    return stage.overrides.set(stage.world.receiver, **attributes)


def _unplug(stage: Stage) -> End:
    """Gone; what comes back has forgotten everything, as one on another port has."""
    receiver = stage.world.receiver
    receiver.is_unplugged = True

    def end() -> None:
        receiver.is_unplugged = False
        receiver.reset()

    return end


def _inject(stage: Stage, data: bytes) -> End:
    """Again and again; what the line had no room for by the end is never said."""
    receiver = stage.world.receiver
    stop = stage.every(INJECT_EVERY_S, partial(receiver.inject, data))

    def both() -> None:
        stop()
        receiver.hold_back()

    return both


def _empty_fields(stage: Stage) -> End:
    """No fix, and sentences with right checksums that say nothing."""
    end = _set(stage, is_lock_lost=True)
    stop = _inject(stage, b"".join(nmea(body.decode()) for body in EMPTY))

    def both() -> None:
        stop()
        end()

    return both


def _jump(stage: Stage, fixes: int) -> End:
    """For so many fixes, and no longer than it lasts: a receiver that was off has no old ones."""
    receiver = stage.world.receiver
    receiver.jump(JUMP_M, fixes)
    return lambda: receiver.jump(0.0, 0)


def _year(stage: Stage, year: int) -> End:
    end = _set(stage, date_offset_s=0)
    stage.world.receiver.pretend_year(year)
    return end


def _week(stage: Stage) -> End:
    """The week wraps now, and the one epoch at the wrap is dated a week early."""
    end = _set(stage, has_week_glitch=True, date_offset_s=0)
    stage.world.receiver.wrap_week_in(SOON_S)
    return end


def _midnight(stage: Stage) -> End:
    left_s = DAY_S - stage.world.clock.utc_ms // 1000 % DAY_S
    return _set(stage, date_offset_s=left_s - SOON_S)


def _walk(stage: Stage, latitude_deg: float, longitude_deg: float, step_deg: float) -> End:
    """The place moves in steps of a second across a line on the globe."""
    receiver = stage.world.receiver
    end = _set(stage, forced_latitude_deg=latitude_deg, forced_longitude_deg=longitude_deg)
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        moved_deg = (steps - 60) * step_deg
        if abs(longitude_deg) == 180:
            receiver.forced_longitude_deg = wrapped_deg(longitude_deg + moved_deg)
        else:
            receiver.forced_latitude_deg = min(90.0, latitude_deg + moved_deg)

    stop = stage.every(1.0, step)

    def both() -> None:
        stop()
        end()

    return both


def _lost_over_burst(stage: Stage) -> End:
    """The lock goes some minutes before the burst, or now where there is none ahead."""
    path = stage.world.trajectory
    burst_s = path.burst_s if isinstance(path, Balloon) else 0.0
    is_over = False
    find: End | None = None

    def lose() -> None:
        nonlocal find
        if not is_over:
            find = _set(stage, is_lock_lost=True)

    stage.after(max(0.0, burst_s - BURST_LEAD_S - stage.now_ms / 1000), lose)

    def end() -> None:
        nonlocal is_over
        is_over = True
        if find is not None:
            find()

    return end


def _reset(stage: Stage) -> None:
    """A brown-out of the receiver: back to the portable model, which ends at 12 km."""
    stage.world.receiver.reset()


def _portable(stage: Stage) -> None:
    """The setting alone is forgotten, and nothing tells of it."""
    stage.world.receiver.dynamic_model = 0


def _refuse_model(stage: Stage) -> End:
    """A clone, as it is after a reset."""
    end = _set(stage, refuses_model=True)
    stage.world.receiver.reset()
    return end


FAULTS: tuple[Fault, ...] = (
    Fault(1, "gnss.absent", "no receiver for a long time", _unplug, (600.0, 1800.0), PHASE),
    Fault(2, "gnss.replugged", "the port disappears and returns under another name", _unplug,
          (5.0, 120.0), PHASE),
    Fault(3, "gnss.wrong_baud", "continuous garbage", partial(_set, is_wrong_baud=True),
          (20.0, 300.0), PHASE),
    Fault(4, "gnss.bad_checksum", "two of three messages have a wrong checksum",
          partial(_set, bad_checksum_part=0.67), (20.0, 600.0), PHASE),
    Fault(4, "gnss.long_line", "10 kB without an end of line",
          partial(_inject, data=long_line(LINE_BYTES)), (20.0, 120.0), PHASE),
    Fault(5, "gnss.oversized_ubx", "a UBX frame that claims 65,535 bytes",
          partial(_inject, data=oversized_ubx()), (20.0, 300.0)),
    Fault(6, "gnss.empty_fields", "sentences with all fields empty", _empty_fields,
          (20.0, 300.0), PHASE),
    Fault(6, "gnss.stale_place", "no fix, and the last position in every message",
          partial(_set, is_lock_lost=True, keeps_stale_place=True), (20.0, 300.0), PHASE),
    Fault(7, "gnss.null_island", "latitude 0, longitude 0",
          partial(_set, forced_latitude_deg=0.0, forced_longitude_deg=0.0), (20.0, 300.0), PHASE),
    Fault(7, "gnss.latitude_91", "latitude 91", partial(_set, forced_latitude_deg=91.0),
          (20.0, 300.0), PHASE),
    Fault(7, "gnss.altitude_minus_500", "altitude -500 m",
          partial(_set, forced_altitude_m=-500.0), (20.0, 300.0), PHASE),
    Fault(7, "gnss.altitude_99999", "altitude 99,999 m",
          partial(_set, forced_altitude_m=99_999.0), (20.0, 300.0), PHASE),
    Fault(8, "gnss.jump", "one fix is 20 km too high", partial(_jump, fixes=1), (5.0, 5.0)),
    Fault(8, "gnss.jump_5", "five fixes are 20 km too high", partial(_jump, fixes=5), (10.0, 10.0)),
    Fault(8, "gnss.jump_120", "two minutes of fixes are 20 km too high", partial(_jump, fixes=120),
          (125.0, 125.0), TOO_HIGH),
    Fault(8, "gnss.constant_altitude", "26 km at all times",
          partial(_set, forced_altitude_m=26_000.0), (60.0, 300.0), TOO_HIGH),
    Fault(9, "gnss.freeze", "the position is frozen, messages continue",
          partial(_set, is_frozen=True), (20.0, 300.0), FROZEN),
    Fault(10, "gnss.same_time", "the same time in every message",
          partial(_set, is_time_frozen=True), (20.0, 300.0)),
    Fault(11, "gnss.reset", "a brown-out resets the receiver", _reset, (60.0, 60.0), PHASE),
    Fault(11, "gnss.portable", "the airborne model is lost without notice", _portable,
          (60.0, 60.0), PHASE),
    Fault(12, "gnss.refuses_model", "a clone that rejects every model, after a reset",
          _refuse_model, (60.0, 600.0), PHASE),
    Fault(13, "gnss.date_1980", "the date is 1980", partial(_year, year=1980)),
    Fault(13, "gnss.date_2006", "the week rolled over to 2006", partial(_year, year=2006)),
    Fault(13, "gnss.date_2046", "the week rolled over to 2046", partial(_year, year=2046)),
    Fault(13, "gnss.date_2031", "a wrong but plausible date", partial(_year, year=2031),
          excuses=WRONG_TIME),
    Fault(13, "gnss.leap_second", "the time is a second late", partial(_set, date_offset_s=-1),
          excuses=WRONG_TIME),
    Fault(13, "gnss.leap_seconds", "GPS time instead of UTC", partial(_set, date_offset_s=18),
          excuses=WRONG_TIME),
    Fault(13, "gnss.week_wrap", "the week wraps, one epoch is a week early", _week,
          excuses=WRONG_TIME),
    Fault(13, "gnss.midnight", "midnight", _midnight,
          excuses=WRONG_TIME),
    Fault(13, "gnss.antimeridian", "a track across 180 degrees",
          partial(_walk, latitude_deg=-17.0, longitude_deg=180.0, step_deg=0.0002),
          (120.0, 240.0), ELSEWHERE),
    Fault(13, "gnss.equator", "a track across the equator",
          partial(_walk, latitude_deg=0.0, longitude_deg=25.0, step_deg=0.0002),
          (120.0, 240.0), ELSEWHERE),
    Fault(13, "gnss.pole", "a track to the pole, beyond which there is no north",
          partial(_walk, latitude_deg=90.0, longitude_deg=25.0, step_deg=0.0002),
          (120.0, 240.0), ELSEWHERE),
    Fault(14, "gnss.lock_lost", "no satellites", partial(_set, is_lock_lost=True),
          (60.0, 1200.0), PHASE),
    Fault(14, "gnss.lock_lost_at_burst", "no satellites for twenty minutes across the burst",
          _lost_over_burst, (1200.0, 1200.0), PHASE),
    Fault(15, "gnss.jammed_by_camera", "the camera interferes with reception while it captures",
          partial(_set, jam_level=0.9), (600.0, 1800.0), PHASE),
    Fault(15, "gnss.jammed", "interference masks the satellites",
          partial(_set, jam_level=0.9, jammed_while=None), (60.0, 600.0), PHASE),
)
