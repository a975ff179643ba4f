"""Goal: a mistyped name costs one look. Method: names that are nearly right, and not at all."""

from __future__ import annotations

import pytest

from sim.faults import catalogue
from wire.unknown_name import unknown_name


@pytest.mark.parametrize(("name", "sentence"), [
    ("gnss.freez", "unknown fault 'gnss.freez' (did you mean 'gnss.freeze'?); available: "
                   "gnss.freeze, i2c.stuck"),
    ("I2C.stuck", "unknown fault 'I2C.stuck' (did you mean 'i2c.stuck'?); available: "
                  "gnss.freeze, i2c.stuck"),
    ("gnss.explode", "unknown fault 'gnss.explode'; available: gnss.freeze, i2c.stuck"),
    ("windy", "unknown fault 'windy'; available: gnss.freeze, i2c.stuck"),
    ("", "unknown fault ''; available: gnss.freeze, i2c.stuck"),
])
def test_what_was_likely_meant_is_named(name: str, sentence: str) -> None:
    assert unknown_name("fault", name, ["gnss.freeze", "i2c.stuck"]) == sentence


@pytest.mark.parametrize(("name", "sentence"), [
    ("gnss.freez", r"did you mean 'gnss\.freeze'\?\); available: gnss\.\w+, gnss\."),
    ("freeze", r"did you mean 'gnss\.freeze'\?\); available: \w+, .*, each with faults that "
               "`spacepi-sim faults` lists"),
])
def test_of_two_hundred_faults_those_near_are_listed(name: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        catalogue.find(name)
