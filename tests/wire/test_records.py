"""Records come back as packed, alone or after one another; garbage is a ValueError."""

import ast
import contextlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from wire import records, varint
from wire.records import BODY_FIELDS, EPOCH_2025_MS, Kind, Record, TimeQuality

TEXTS = st.text(max_size=40)
BODIES = st.dictionaries(
    st.text(max_size=8), st.one_of(st.integers(-(2**31), 2**31), TEXTS, st.binary(max_size=40))
)
RECORDS = st.builds(
    Record,
    record_id=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(Kind),
    boot=st.integers(0, 2**31),
    time_ms=st.integers(0, 10**9).map(lambda t: EPOCH_2025_MS + t * 100),
    quality=st.sampled_from([TimeQuality.RESTORED, TimeQuality.COMMAND, TimeQuality.GPS]),
    body=BODIES,
)


@given(st.lists(RECORDS, min_size=1, max_size=6))
def test_a_row_of_records_comes_back(row: list[Record]) -> None:
    data, previous = b"", None
    for record in row:
        data += records.encode(record, previous)
        previous = record
    at, previous = 0, None
    for record in row:
        previous, at = records.decode(data, at, previous)
        assert previous == record
    assert at == len(data)


def test_time_before_any_clock_is_since_boot() -> None:
    record = Record(1, Kind.EVENT, 2, 12_300, TimeQuality.NONE, {"event": "boot"})
    assert records.decode(records.encode(record, None), 0, None)[0] == record


@given(RECORDS)
def test_every_cut_is_truncated(record: Record) -> None:
    data = records.encode(record, None)
    for end in range(len(data)):
        try:
            records.decode(data[:end], 0, None)
            raise AssertionError("a cut record was read")
        except varint.Truncated:
            pass


@given(st.binary(max_size=80))
def test_any_bytes_are_a_record_or_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        records.decode(data, 0, None)


def test_a_musing_costs_few_bytes_beside_its_words() -> None:
    first = Record(100, Kind.MUSING, 1, EPOCH_2025_MS, TimeQuality.GPS, {"text": "x" * 80})
    body = {"text": "y" * 80}
    second = Record(101, Kind.MUSING, 1, EPOCH_2025_MS + 60_000, TimeQuality.GPS, body)
    assert len(records.encode(second, first)) - 80 <= 6 + 9  # header; msgpack map with one key


def test_every_kind_has_its_fields_and_priority() -> None:
    assert set(BODY_FIELDS) == set(Kind) == set(records.PRIORITY_OF_KIND)


def keys_read(path: Path) -> set[str]:
    """The keys that ``path`` reads from what it calls ``body``, as ``body.get("alt")`` does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case (
                ast.Subscript(ast.Name("body") | ast.Attribute(attr="body"), ast.Constant(str(key)))
                | ast.Call(
                    ast.Attribute(ast.Name("body") | ast.Attribute(attr="body"), "get"),
                    [ast.Constant(str(key)), *_])
                | ast.Call(ast.Name(), [ast.Name("body"), ast.Constant(str(key)), *_])
            ):
                found.add(key)
    return found


def test_no_key_is_read_that_no_payload_writes() -> None:
    """A body off the air is an untyped map, so a type checker does not see a misspelt key."""
    root = Path(__file__).parents[2]
    written = {key for keys in BODY_FIELDS.values() for key in keys}
    read = {key: path for room in ("groundstation", "sim", "payload")
            for path in (root / room).rglob("*.py") for key in keys_read(path)}
    assert {"alt", "lat", "question_id", "severity", "mv"} <= read.keys()
    assert {key: path for key, path in read.items() if key not in written} == {}
