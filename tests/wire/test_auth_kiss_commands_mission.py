"""Keys and counters, the KISS byte stuffing, typed commands, and sentences about mission files."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import auth, commands, kiss, mission
from wire.auth import Direction
from wire.commands import Command, Opcode

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
     Command(Opcode.PLAIN_TEXT, (65535,))],
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
     Command(Opcode.PLAIN_TEXT, ("a762",))],
)
def test_just_invalid_commands_are_refused(command: Command) -> None:
    with pytest.raises(ValueError):
        commands.encode(command)


def test_the_example_mission_loads() -> None:
    assert mission.load(ROOT / "mission.toml").payload.name == "EDDA"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("mtu_bytes", "mtu_byte"), "unknown key radio.mtu_byte; allowed here: baud"),
        (("rate_bps = 2400", 'rate_bps = "fast"'), "radio.rate_bps = 'fast'"),
        (("node_id = 7 ", "# "), "key payload.node_id is missing"),
        (("eco_mv = 3600", "eco_mv = 3400"), "power.eco_mv (3400) must be above power.low_mv"),
        (("mtu_bytes = 222", "mtu_bytes = 256"), "less than or equal to 255"),
        (("station_number = 0", "station_number = 16"), "less than or equal to 15"),
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
    with pytest.raises(mission.MissionError, match="cannot be read"):
        mission.load(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(mission.MissionError, match="not UTF-8"):
        mission.load(tmp_path / "bad.toml")
