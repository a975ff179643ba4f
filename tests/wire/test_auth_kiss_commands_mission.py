"""Keys and counters, the KISS byte stuffing, typed commands, and sentences about mission files."""

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import auth, commands, mission
from wire.auth import Direction
from wire.commands import Command, Opcode
from wire.modems import kiss

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = (ROOT / "mission.toml").read_text()


def test_keys_differ_by_payload_and_direction() -> None:
    keys = {auth.derive_key(bytes(32), n, d) for n in range(256) for d in Direction}
    assert len(keys) == 512


def test_key_derivation_golden() -> None:
    key = auth.derive_key(bytes(range(32)), 7, Direction.UPLINK)
    assert key.hex() == (ROOT / "tests/golden/uplink_key.hex").read_text().strip()


@pytest.mark.parametrize(
    ("counter", "last", "is_fresh"),
    [(1, 0, True), (5, 5, False), (4, 5, False), (6, 5, True), (auth.COUNTER_MAX, 5, False),
     (5 + auth.COUNTER_AHEAD_MAX, 5, True), (6 + auth.COUNTER_AHEAD_MAX, 5, False),
     (auth.COUNTER_MAX, auth.COUNTER_MAX - 1, True),
     (auth.COUNTER_MAX + 1, auth.COUNTER_MAX, False)],
)
def test_freshness(counter: int, last: int, is_fresh: bool) -> None:
    assert auth.is_fresh(counter, last) is is_fresh


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=6), st.integers(1, 7))
def test_kiss_frames_come_back_at_any_split(frames: list[bytes], step: int) -> None:
    stream = b"".join(kiss.encode(frame) for frame in frames)
    decoder, heard = kiss.Decoder(), []
    for start in range(0, len(stream), step):
        heard += decoder.feed(stream[start : start + step])
    assert heard == frames and decoder.bad_frames == 0


def test_kiss_tells_a_modem_how_long_to_key() -> None:
    """TXDELAY is command 1 and TXTAIL command 4, in steps of 10 ms, escaped like everything."""
    assert kiss.keying(300, 100) == bytes.fromhex("c0011ec0 c0040ac0")
    assert kiss.keying(0, 1920 - 9) == bytes.fromhex("c00100c0 c004dbdcc0")
    decoder = kiss.Decoder()
    assert decoder.feed(kiss.keying(300, 100) + kiss.encode(b"frame")) == [b"frame"]
    assert decoder.bad_frames == 0


@given(st.binary(max_size=3000), st.binary(min_size=1, max_size=50))
def test_kiss_recovers_after_any_noise(noise: bytes, frame: bytes) -> None:
    decoder = kiss.Decoder()
    decoder.feed(noise)
    assert decoder.feed(kiss.encode(frame))[-1] == frame


@given(st.binary(max_size=200))
def test_any_command_body_is_a_command_or_a_value_error(body: bytes) -> None:
    with contextlib.suppress(ValueError):
        commands.decode(body)


@pytest.mark.parametrize(
    "command",
    [Command(Opcode.PING), Command(Opcode.ASK, (0, "?")),
     Command(Opcode.ASK, (2**32 - 1, "x" * 160)), Command(Opcode.PLAIN_TEXT, (0,)),
     Command(Opcode.PLAIN_TEXT, (65535,)), Command(Opcode.FOLLOW_UP, (2, 0, "x" * 160))],
)
def test_commands_come_back(command: Command) -> None:
    assert commands.decode(commands.encode(command)) == command


@pytest.mark.parametrize(
    "command",
    [Command(Opcode.PING, (1,)), Command(Opcode.ASK, ()), Command(Opcode.ASK, (1, "")),
     Command(Opcode.ASK, (1, "x" * 161)), Command(Opcode.ASK, (-1, "a")),
     Command(Opcode.ASK, (2**32, "a")), Command(Opcode.ASK, ("a", 1)),
     Command(Opcode.ASK, (True, "a")), Command(Opcode.PLAIN_TEXT, ()),
     Command(Opcode.PLAIN_TEXT, (-1,)), Command(Opcode.PLAIN_TEXT, (65536,)),
     Command(Opcode.PLAIN_TEXT, ("a762",)), Command(Opcode.FOLLOW_UP, (2, "And now?")),
     Command(Opcode.FOLLOW_UP, (2, 1, "")), Command(Opcode.FOLLOW_UP, (2, 1, "x" * 161))],
)
def test_just_invalid_commands_are_refused(command: Command) -> None:
    with pytest.raises(ValueError):
        commands.encode(command)


def test_the_example_mission_loads() -> None:
    assert mission.load(ROOT / "mission.toml").payload.name == "EDDA"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("mtu_bytes", "mtu_byte"), "[radio]: unknown key 'mtu_byte' (did you mean 'mtu_bytes'?)"),
        (("rate_bps = 2400", 'rate_bps = "fast"'), "radio.rate_bps = 'fast'"),
        (("node_id = 7 ", "# "), "key payload.node_id is missing"),
        (("eco_mv = 3600", "eco_mv = 3400"), "power.eco_mv (3400) must be above power.low_mv"),
        (("mtu_bytes = 222", "mtu_bytes = 256"), "a whole number from 64 to 255 bytes"),
        (("station_number = 0", "station_number = 16"), "a whole number from 0 to 15"),
        (("[payload]", "[payload"), "is not TOML"),
        ((EXAMPLE, ""), "is empty"),
    ],
)
def test_a_wrong_mission_is_one_sentence(change: tuple[str, str], sentence: str) -> None:
    with pytest.raises(mission.MissionError) as caught:
        mission.parse(EXAMPLE.replace(*change), "m.toml")
    message = str(caught.value)
    assert message.startswith("m.toml: ") and sentence in message and "\n" not in message


def test_a_missing_mission_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(mission.MissionError, match="pass yours with --mission"):
        mission.load(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(mission.MissionError, match="not UTF-8"):
        mission.load(tmp_path / "bad.toml")


@pytest.mark.parametrize("opcode", list(Opcode))
def test_every_number_of_every_command_has_a_range(opcode: Opcode) -> None:
    """Both ends of each are taken, the next number is not."""
    kinds = commands.ARGUMENTS[opcode]
    ranges = commands.RANGES.get(opcode, ())
    assert sum(kind is int for kind in kinds) == len(ranges)
    lows, highs = iter(ranges), iter(ranges)
    low = tuple(next(lows).low if kind is int else "?" for kind in kinds)
    high = tuple(next(highs).high if kind is int else "?" for kind in kinds)
    for arguments in (low, high):
        command = Command(opcode, arguments)
        assert commands.decode(commands.encode(command)) == command
        with pytest.raises(ValueError):
            commands.encode(Command(opcode, (*arguments, 1)))
    for number in (at for at, kind in enumerate(kinds) if kind is int):
        for wrong in (low[number] - 1, high[number] + 1):
            with pytest.raises(ValueError, match=r" must be \d+\.\.\d+"):
                commands.encode(Command(opcode, (*low[:number], wrong, *low[number + 1 :])))


def _with_flight(lines: str) -> str:
    return EXAMPLE.split("[flight]")[0] + f"[flight]\n{lines}\n"


def test_a_fence_is_read_and_closed_sentences_say_what_is_wrong() -> None:
    fence = "fence = [[52, 4], [52.5, 6.0], [51.0, 5.0]]"
    plan = mission.parse(_with_flight(fence), "m")
    assert plan.flight.fence == ((52, 4), (52.5, 6.0), (51.0, 5.0))
    armed = mission.parse(_with_flight(fence + "\ncutdown_pin = 17\nfence_may_fire = true"), "m")
    assert armed.flight.fence_may_fire


@pytest.mark.parametrize(("lines", "word"), [
    ("fence = [[52, 4], [52.5, 6.0]]", "2 corners"), ("fence = [[91, 4], [0, 0], [1, 1]]", "fence"),
    ("fence = [[1], [0, 0], [1, 1]]", "fence"), ('fence = "here"', "fence"),
    ("fence_may_fire = true\ncutdown_pin = 17", "fence_may_fire"),
    ("fence_may_fire = true\nceiling_m = 30000", "cutdown_pin"), ("burn_s = 31", "burn_s"),
    ("cutdown_pin = 4", "cutdown_pin"), ("cutdown_pin = 15", "cutdown_pin"),
    ("burn_s = 0", "burn_s"), ("landing_mps = 0", "landing_mps"),
    ("cutdown_pin = 28", "cutdown_pin"),
])
def test_a_flight_section_that_cannot_be_is_one_sentence(lines: str, word: str) -> None:
    with pytest.raises(mission.MissionError, match=word) as caught:
        mission.parse(_with_flight(lines), "m")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "is_refused"), [("Ä" * 12 + "abc", False), ("高" * 16, True)])
def test_a_name_with_which_the_callsign_fits_into_no_frame_is_refused(
    name: str, is_refused: bool
) -> None:
    """A bug: such a mission was accepted, and the first callsign ended the flight core."""
    text = re.sub(r"(?m)^mtu_bytes *=.*$", "mtu_bytes = 64", EXAMPLE)
    text = re.sub(r"(?m)^name *=.*$", f'name = "{name}"', text, count=1)
    if not is_refused:
        mission.parse(text, "m")
        return
    with pytest.raises(mission.MissionError, match=r"name: has 48 bytes.*allowed are up to \d+ by"):
        mission.parse(text, "m")
