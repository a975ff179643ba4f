"""Numbers and JSON that a stranger wrote: compared before they are converted, and bounded."""

from __future__ import annotations

import math

import pytest

from groundstation.sanitise import INTEGER_DIGITS_MAX, number, read_json


@pytest.mark.parametrize("value", [
    10**309, -(10**309), 10**5000, math.inf, -math.inf, math.nan, True, "5", None, [5], 91, -90.1,
], ids=lambda value: str(type(value).__name__))
def test_what_is_no_number_within_its_range_is_unknown(value):
    """No float holds 10^309: whoever asks whether it is finite gets an OverflowError."""
    assert number({"lat": value}, "lat", -90, 90) is None


@pytest.mark.parametrize("value", [-90, 90, 0, 89.99])
def test_a_number_within_its_range_is_itself(value):
    assert number({"lat": value}, "lat", -90, 90) == value


@pytest.mark.parametrize("text", [
    "1" * (INTEGER_DIGITS_MAX + 1), "-" + "1" * INTEGER_DIGITS_MAX, "1" * 5000, "[NaN]", "Infinity",
    "-Infinity", "[" * 30_000 + "]" * 30_000, '{"a":' * 9000, '{"a":1,"a":1}',
    '[{"a":{"b":1,"b":2}}]', b"\xff", "", "{",
], ids=range(13))
def test_what_is_not_read_as_json(text):
    with pytest.raises(ValueError):
        read_json(text)


def test_what_is_read_as_json():
    assert read_json(b'{"a": [18446744073709551615, -1.5e3, null], "b": {"a": "\\u00fc"}}') == {
        "a": [(1 << 64) - 1, -1500.0, None], "b": {"a": "ü"}}
    assert read_json("1e400") == math.inf, "which is within no range"
