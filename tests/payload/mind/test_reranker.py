"""Goal: the drafts that readers kept come first, and a file that is no reranker is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from payload.mind import reranker
from payload.mind.reranker import Reranker, RerankerError, words_of
from tests.bundles import sign_bundle
from wire.bundle import RERANKER, BundleError, canonical_json, read_manifest, verify_bundle
from wire.file_hashes import FileHashes

KEPT = Reranker(-0.3, {"thicker": -0.5, "cold|thicker": -1.0, "cold|log": 1.0})
COLD = ["The cold is thicker.", "I wait.", "The log keeps the cold."]


def test_words_decide_alone_and_under_the_topic() -> None:
    assert KEPT.ordered(COLD, "cold") == [COLD[2], COLD[1], COLD[0]]
    assert KEPT.worth(COLD[0], "cold") == -1.5 and KEPT.worth(COLD[0], "wind") == -0.5


def test_the_place_of_an_unranked_draft_says_nothing() -> None:
    slightly = Reranker(-0.3, {"cold|wait": 0.1})
    assert slightly.ordered(COLD, "cold") == COLD
    assert slightly.ordered(["It is cold.", "I wait."], "cold", is_ranked=False) == [
        "I wait.", "It is cold."]


def test_equal_drafts_stay_in_the_order_of_the_model() -> None:
    assert KEPT.ordered(["One.", "Two.", "Three."], "cold") == ["One.", "Two.", "Three."]
    assert KEPT.ordered([], "cold") == []


@pytest.mark.parametrize("topic", ["wind", "question", ""])
def test_of_a_topic_that_nobody_graded_it_says_nothing(topic: str) -> None:
    assert KEPT.ordered(COLD, topic) == COLD


def test_words_are_compared_without_case_numbers_and_marks() -> None:
    assert words_of("It's 40 °C: KÄLTE!", "cold") == {
        "it's", "c", "kälte", "cold|it's", "cold|c", "cold|kälte"}


def test_what_is_written_is_read_again() -> None:
    assert reranker.parse(KEPT.json_bytes()) == KEPT


@pytest.mark.parametrize(("data", "complaint"), [
    (b"", "not JSON"), (b"[" * 100_000, "not JSON"), (b"[]", "exactly place and weights"),
    (b'{"place":0}', "exactly place and weights"),
    (b'{"place":0,"weights":[]}', "weights must be a table"),
    (b'{"place":true,"weights":{}}', "the weight of 'place' must be a number"),
    (b'{"place":NaN,"weights":{}}', "the weight of 'place' must be a number"),
    (b'{"place":0,"weights":{"cold":100.5}}', "of 'cold' must be a number from -100 to 100"),
    (b'{"place":0,"weights":{"cold":"1"}}', "of 'cold' must be a number"),
    (json.dumps({"place": 0, "weights": dict.fromkeys(map(str, range(50_001)), 0)}).encode(),
     "at most 50000 words"),
])
def test_what_is_no_reranker_is_named(data: bytes, complaint: str) -> None:
    with pytest.raises(RerankerError, match=complaint):
        reranker.parse(data)


@pytest.mark.parametrize("data", [
    b'{"place":0,"weights":{"%s":"no"}}' % (b"x" * 1_000_000),
    b'{"place":0,"weights":{"cold":%s}}' % (b"9" * 4_000),
    json.dumps({"place": 0, "weights": {"cold": "x" * 1_000_000}}).encode(),
])
def test_a_complaint_is_one_sentence_however_long_the_file(data: bytes) -> None:
    """It goes to the journal."""
    with pytest.raises(RerankerError) as raised:
        reranker.parse(data)
    assert len(str(raised.value)) < 200


def test_a_bundle_may_have_none(tmp_path: Path) -> None:
    key = sign_bundle(tmp_path)
    assert reranker.load(tmp_path, read_manifest(tmp_path, [key]), FileHashes()) is None


def test_a_bundles_own_is_read_as_it_was_signed(tmp_path: Path) -> None:
    key = _signed_with(tmp_path, KEPT.json_bytes())
    manifest = verify_bundle(tmp_path, [key])
    assert reranker.load(tmp_path, manifest, FileHashes()) == KEPT
    (tmp_path / RERANKER).write_bytes(KEPT.json_bytes().replace(b"-0.5", b"+0.5"))
    with pytest.raises(BundleError, match=r"reranker\.json: its contents differ"):
        reranker.load(tmp_path, manifest, FileHashes())


def test_a_signed_one_may_still_come_from_a_program_with_a_bug(tmp_path: Path) -> None:
    key = _signed_with(tmp_path, b"{}")
    with pytest.raises(BundleError, match=r"reranker\.json: must have exactly place and weights"):
        reranker.load(tmp_path, verify_bundle(tmp_path, [key]), FileHashes())


def test_one_of_more_than_a_megabyte_is_refused(tmp_path: Path) -> None:
    key = _signed_with(tmp_path, b" " * ((1 << 20) + 1))
    with pytest.raises(BundleError, match=r"reranker\.json has 1048577 bytes, at most 1048576"):
        verify_bundle(tmp_path, [key])


def _signed_with(place: Path, data: bytes) -> bytes:
    """Sign a bundle in ``place`` that has ``data`` as its reranker; the public key."""
    sign_bundle(place)
    (place / RERANKER).write_bytes(data)
    table = json.loads((place / "manifest.json").read_bytes())
    table["files"].append({"path": RERANKER, "bytes": len(data),
                           "sha256": FileHashes().sha256((place / RERANKER).open("rb"))})
    return sign_bundle(place, canonical_json(table))
