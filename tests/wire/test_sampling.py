"""The sampling of a manifest: what may stand there, and the sentence where it does not."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from wire.mission import MindSection
from wire.sampling import DRAFTS_MAX, RANGES, Sampling, sampling_of


def test_what_a_manifest_does_not_name_is_the_default() -> None:
    found = sampling_of({"n_ctx": 512, "drafts": DRAFTS_MAX, "temperature": 1})
    assert asdict(found) == {**asdict(Sampling()), "drafts": DRAFTS_MAX, "temperature": 1.0}


@pytest.mark.parametrize(("name", "value", "says"), [
    ("temperature", 2.01, "temperature: must be a number from 0 to 2, not 2.01"),
    ("temperature", float("nan"), "temperature: must be a number"),
    ("min_p", -0.01, "min_p: must be a number from 0 to 1"),
    ("min_p", "0.1", "min_p: must be a number from 0 to 1, not '0.1'"),
    ("drafts", 0, "drafts: must be a whole number from 1 to 8"),
    ("drafts", DRAFTS_MAX + 1, "drafts: must be a whole number from 1 to 8, not 9"),
    ("drafts", True, "drafts: must be a whole number"),
    ("max_tokens", 64.0, "max_tokens: must be a whole number from 1 to 256, not 64.0"),
    ("sentences_max", 11, "sentences_max: must be a whole number from 1 to 10"),
])
def test_a_value_out_of_range_is_named(name: str, value: Any, says: str) -> None:
    with pytest.raises(ValueError, match=f"^{says}"):
        sampling_of({name: value})


@pytest.mark.parametrize("name", RANGES)
def test_the_mission_file_overrides_within_the_same_ranges(name: str) -> None:
    for bound, beyond in zip(RANGES[name], (-1, 1), strict=True):
        assert MindSection.model_validate({name: bound}).overrides == {name: bound}
        with pytest.raises(ValueError, match=name):
            MindSection.model_validate({name: bound + beyond})
