"""Whatever comes in, a decoder gives events or counted noise, in bounded work and memory.

The same is done to every decoder of the list; ``make fuzz`` does it for a night. A failure names
the decoder, what was done to its example and the packets in hex.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.hostile import bounds
from tests.hostile.decoders import DECODERS, empty_place, feed, is_understood
from tests.hostile.mutations import Case, floods, hostile, sealed, systematic
from tests.hostile.registry import Decoder, Take, Tape
from tests.thorough import sampled

ROOT = Path(__file__).resolve().parents[2]
LISTED_UNDER_ANOTHER_NAME = {
    "payload/link/uplink_gate.py",  # payload.flight uplink
    "payload/devices/bosch_startup.py",  # payload.devices.bme280 and bmp388
    "payload/devices/nmea.py",  # payload.devices.gnss_ublox
    "payload/mind_server.py",  # payload.mind.protocol; ``load_engine`` opens verified files only
    "payload/llama_library.py",  # no format: it loads a library
    "payload/navigation/peak.py",  # payload.navigation.phase saved state
    "groundstation/decode/text_models.py",  # wire.text_tables file
    "groundstation/share/upload_queue.py",  # the archive's own note of its place
    "groundstation/decode/node_receiver.py",  # groundstation.ground
    "groundstation/decode/reception_decoder.py",  # groundstation.ground
    "host_training/importers/text.py",  # whatsapp
    "host_training/importers/speech.py",  # FFmpeg decodes; cut short in test_voice_notes
    "host_training/importers/prose.py",  # no format: paragraphs of plain text
}
DOORS = ("groundstation.ground", "payload.flight uplink")  # where all that the radio hears comes in
RUNS = 300
FLOOD_BYTES = 64 << 10
SMALL_FLOOD_BYTES = 2 << 10
GROWTH_MAX = 2.6  # of the lines run when the input doubles; 4 would be a loop within a loop
LINES_SPARE = 20_000


def few(cost: int) -> settings:
    """As many examples as the runs allow for something that costs this much."""
    return settings(
        max_examples=min(settings().max_examples, max(10, RUNS // 10 // cost)), deadline=None,
        derandomize=True, database=None, suppress_health_check=list(HealthCheck),
    )


every_decoder = pytest.mark.parametrize("decoder", DECODERS, ids=lambda d: d.name)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of refusals are expected here, and nobody reads them."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


@pytest.fixture
def place() -> Iterator[Path]:
    with empty_place() as folder:
        yield folder


def check(decoder: Decoder, case: Case, place: Path) -> None:
    what, tape = case
    try:
        feed(decoder, tape, place)
    except Exception as error:
        hexes = [packet.hex() for packet in tape] if sum(map(len, tape)) < 8192 else "a flood"
        error.add_note(f"{decoder.name}: {what}: {hexes}")
        raise


def test_every_module_that_decodes_is_listed() -> None:
    """Method: the names that decoders here have. A new one goes into a list with one line."""
    listed = {decoder.name.split()[0].replace(".", "/") + ".py" for decoder in DECODERS}
    names = re.compile(r"^ *def (decode|parse|feed|unpack|load|restore|unwrap|on_data)\w*\(", re.M)
    reads = re.compile(r"^ *def read\(", re.M)  # the name that every sensor's decoder has
    for room in ("wire", "payload", "groundstation", "host_training/importers"):
        for path in sorted((ROOT / room).rglob("*.py")):
            module, text = str(path.relative_to(ROOT)), path.read_text()
            is_sensor = module.startswith("payload/devices/") and reads.search(text)
            if (is_sensor or names.search(text)) and module not in LISTED_UNDER_ANOTHER_NAME:
                assert module in listed, f"{module} decodes, and no Decoder is named after it"


@every_decoder
def test_examples_are_understood(decoder: Decoder, place: Path) -> None:
    """The examples are what is then damaged, so they must be worth something."""
    for tape in decoder.examples():
        results = feed(decoder, tape, place)
        assert is_understood(results, tape), "an example was refused, or nothing came of it"


@every_decoder
@pytest.mark.parametrize("runs", sampled([RUNS // 25, RUNS]))
def test_every_damage_is_survived(decoder: Decoder, runs: int, place: Path) -> None:
    """Each single damage in each position, as it is and with the check field made right."""
    tapes = decoder.examples()
    for tape in tapes:
        count_max = 10 * runs // decoder.cost // len(tapes)
        for case in sealed(systematic(decoder, tape, count_max), decoder.seal):
            check(decoder, case, place)


@every_decoder
def test_any_packets_are_survived(decoder: Decoder, place: Path) -> None:
    """Random packets, and damage upon damage."""
    @few(decoder.cost)
    @given(hostile(decoder))
    def any_tape(tape: Tape) -> None:
        feed(decoder, tape, place)

    any_tape()


@pytest.mark.parametrize(
    "decoder", [d for d in DECODERS if d.is_stream], ids=lambda d: d.name)
def test_a_stream_means_the_same_however_it_is_cut(decoder: Decoder, place: Path) -> None:
    @few(2 * decoder.cost)
    @given(hostile(decoder), st.integers(1, 40))
    def any_cut(tape: Tape, width: int) -> None:
        stream = b"".join(tape)
        pieces = tuple(stream[at : at + width] for at in range(0, len(stream), width))
        whole = feed(decoder, (stream,), place)
        parts = feed(decoder, pieces, place)
        assert [e for es in whole for e in es] == [e for es in parts for e in es]

    any_cut()


@pytest.mark.parametrize(("decoder", "flood_bytes"), [
    *((decoder, FLOOD_BYTES // 16) for decoder in DECODERS if decoder.name in DOORS),
    *sampled([(decoder, FLOOD_BYTES) for decoder in DECODERS], quick=0),
], ids=lambda value: value.name if isinstance(value, Decoder) else str(value))
def test_memory_is_bounded(decoder: Decoder, flood_bytes: int, place: Path) -> None:
    """Method: a decoder takes long packets of every nasty kind one after another, and then its
    examples again and again; one that refuses is followed by a fresh one."""
    tapes = [tape for _, tape in floods(decoder, flood_bytes)][:: 1 + decoder.cost // 20]
    tapes += decoder.examples() * max(1, 40 // decoder.cost)
    feed(decoder, tapes[-1], place)  # tables and caches of the first use are nobody's flood
    takes: list[Take] = []

    def pour() -> None:
        takes.append(decoder.open(place))
        for packet in (packet for tape in tapes for packet in tape):
            try:
                takes[-1](packet)
            except decoder.raises:
                takes[-1] = decoder.open(place)

    held, peak = bounds.bytes_used(pour)
    assert held <= decoder.held_bytes, f"{held} bytes held"
    assert peak <= decoder.peak_bytes, f"{peak} bytes at the peak"


@every_decoder
def test_work_grows_no_faster_than_its_input(decoder: Decoder, place: Path) -> None:
    """Lines of Python are counted, of packets of every nasty kind and of ones twice as long."""
    small = list(floods(decoder, SMALL_FLOOD_BYTES))
    large = list(floods(decoder, 2 * SMALL_FLOOD_BYTES))
    for (what, tape), (_, twice) in list(zip(small, large, strict=True))[:: 1 + decoder.cost // 20]:
        feed(decoder, tape, place)
        lines = bounds.lines_run(lambda tape=tape: feed(decoder, tape, place))
        lines_twice = bounds.lines_run(lambda tape=twice: feed(decoder, tape, place))
        assert lines_twice <= GROWTH_MAX * lines + LINES_SPARE, f"{what}: {lines}, {lines_twice}"
