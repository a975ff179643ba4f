"""What of a neighbour is answered, how often at most, and what has no effect."""

from __future__ import annotations

from collections import Counter

import msgpack
import pytest

from payload.hearsay import HEARD_MAX, Hearsay
from payload.mind.neighbour_talk import (
    AGE_MS_MAX,
    AHEAD_MS_MAX,
    ANSWER_EVERY_MS,
    ANSWERS_A_DAY_MAX,
    DAY_MS,
    OF_ONE_A_DAY_MAX,
    NeighbourMusing,
    NeighbourTalk,
)
from wire.sources import TEXT_CHARS_MAX

NOW_MS = 20_600 * DAY_MS
NAMES = {8: "FENN", 9: "ODA"}


def musing(
    number: int, utc_ms: int = NOW_MS, node_id: int = 8, is_reply: bool = False,
    text: str = "The frost is on the lamp."
) -> NeighbourMusing:
    return NeighbourMusing(node_id, 7, number, text, utc_ms, is_reply)


def talk(saved: object = None, hearsay: Hearsay | None = None) -> NeighbourTalk:
    return NeighbourTalk(hearsay or Hearsay(), NAMES, saved)


def test_a_musing_is_quoted_with_its_source_and_age_and_answered_once() -> None:
    talking = talk()
    talking.hear(musing(1), NOW_MS)
    answering = talking.next(NOW_MS + 120_000)
    assert answering is not None and answering.musing == (8, 7, 1)
    assert (answering.heard.source, answering.heard.age_min) == ("FENN", 2.0)
    assert talking.next(NOW_MS + 2 * ANSWER_EVERY_MS) is None


def test_the_newest_is_answered_but_a_reply_waits_its_turn() -> None:
    talking = talk()
    for number, is_reply in ((1, False), (2, True), (3, False)):
        talking.hear(musing(number, NOW_MS + number, is_reply=is_reply), NOW_MS + 10)
    answering = talking.next(NOW_MS + 10)
    assert answering is not None and answering.musing[2] == 2
    talking.hear(musing(4, NOW_MS + 4), NOW_MS + 10)
    assert (found := talking.next(NOW_MS + 10 + ANSWER_EVERY_MS)) and found.musing[2] == 4


@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_comes_again_says_nothing(number: int) -> None:
    """Also after a reboot, and when it was answered long ago."""
    talking = talk()
    for at in (1, 2, 3):
        talking.hear(musing(at, NOW_MS + at), NOW_MS + 9)
    assert talking.next(NOW_MS + 9) is not None
    talking = talk(msgpack.unpackb(msgpack.packb(talking.saved())))
    before = talking.saved()
    talking.hear(musing(number, NOW_MS + number), NOW_MS + 20)
    assert talking.saved() == before and talking.stale_musings == 1
    assert talking.next(NOW_MS + 3 * ANSWER_EVERY_MS) is None


@pytest.mark.parametrize(("now_ms", "is_heard"), [
    (NOW_MS + AGE_MS_MAX, True), (NOW_MS + AGE_MS_MAX + 1, False), (NOW_MS - AHEAD_MS_MAX, True),
    (NOW_MS - AHEAD_MS_MAX - 1, False), (None, False)])
def test_only_what_is_of_now_is_heard(now_ms: int | None, is_heard: bool) -> None:
    talking = talk()
    talking.hear(musing(1), now_ms)
    assert (talking.saved()[3][0][3] is not None) is is_heard


@pytest.mark.parametrize("text", ["", "\x1b\u200b", "<|im_end|>"])
def test_what_cannot_be_read_is_not_heard(text: str) -> None:
    talking, before = talk(), talk().saved()
    talking.hear(musing(1, text=text), NOW_MS)
    assert talking.saved() == before


def test_a_long_text_is_cut() -> None:
    hearsay = Hearsay()
    talk(hearsay=hearsay).hear(musing(1, text="long " * 999), NOW_MS)
    assert [len(saying[2]) for saying in hearsay.saved()] == [TEXT_CHARS_MAX]


def test_a_stranger_is_not_heard() -> None:
    talking, before = talk(), talk().saved()
    talking.hear(musing(1, node_id=10), NOW_MS)
    assert talking.saved() == before


def test_what_the_ground_had_forgotten_is_not_answered() -> None:
    hearsay = Hearsay()
    talking = talk(hearsay=hearsay)
    talking.hear(musing(1), NOW_MS)
    assert hearsay.forget(0) and talking.next(NOW_MS) is None


def chatter(names: dict[int, str], days: int, reboot_every_ms: int) -> Counter[tuple[int, int]]:
    """Everybody muses each minute, in reply; how often each was answered, by day."""
    hearsay = Hearsay()
    talking = NeighbourTalk(hearsay, names)
    answered: Counter[tuple[int, int]] = Counter()
    told = 0
    for number, now_ms in enumerate(range(NOW_MS, NOW_MS + days * DAY_MS, 60_000)):
        if (now_ms - NOW_MS) % reboot_every_ms == 0:
            talking = NeighbourTalk(
                Hearsay(saved=hearsay.saved()), names, msgpack.unpackb(msgpack.packb(
                    talking.saved())))
        for node_id in names:
            talking.hear(musing(number, now_ms, node_id, is_reply=True), now_ms)
        if (answering := talking.next(now_ms)) is not None:
            answered[now_ms // DAY_MS, answering.musing[0]] += 1
        told += len(talking.take_notes())
        assert len(hearsay.saved()) <= HEARD_MAX
    assert told == days
    return answered


def test_a_loop_cannot_run_away() -> None:
    """Two that answer each other for two days, with a reboot in every hour."""
    answered = chatter({8: "FENN"}, 2, 3_600_000)
    assert answered == {(NOW_MS // DAY_MS + day, 8): OF_ONE_A_DAY_MAX for day in (0, 1)}


def test_a_crowd_cannot_either_and_each_has_its_share() -> None:
    names = {node_id: f"N{node_id}" for node_id in range(1, 12)}
    answered = chatter(names, 1, 7_200_000)
    assert answered.total() == ANSWERS_A_DAY_MAX
    assert {*answered.values()} == {2, 3}


def test_a_clock_that_goes_back_gives_no_day_anew() -> None:
    talking = talk()
    now_ms = NOW_MS
    for number in range(OF_ONE_A_DAY_MAX):
        talking.hear(musing(number, now_ms), now_ms)
        assert talking.next(now_ms) is not None
        now_ms += ANSWER_EVERY_MS
    back = talk([*talking.saved()[:3], [[8, 0, OF_ONE_A_DAY_MAX, None]]])
    back.hear(musing(99, NOW_MS - 3 * DAY_MS), NOW_MS - 3 * DAY_MS)
    assert back.next(NOW_MS - 3 * DAY_MS) is None and back.unanswered_musings == 1


@pytest.mark.parametrize("years", [1, 20])
def test_a_clock_that_was_years_ahead_and_is_right_again_makes_nobody_deaf(years: int) -> None:
    """A receiver told a false year, to both: the neighbour was not heard until that year, also
    after a reboot, and the answers of the day never came back."""
    false_ms = NOW_MS + years * 365 * DAY_MS
    talking = talk()
    for number in range(OF_ONE_A_DAY_MAX):
        at_ms = false_ms + number * ANSWER_EVERY_MS
        talking.hear(musing(number, at_ms), at_ms)
        assert talking.next(at_ms) is not None
    talking.hear(musing(50, false_ms + DAY_MS), false_ms + DAY_MS)
    talking = talk(msgpack.unpackb(msgpack.packb(talking.saved())))
    talking.hear(musing(100, NOW_MS), NOW_MS)
    talking.hear(musing(101, NOW_MS + 1_000), NOW_MS + 2_000)
    assert talking.next(NOW_MS + 2_000) is None, "no day is given anew at once"
    later_ms = NOW_MS + 2 * DAY_MS
    talking.hear(musing(101, NOW_MS + 1_000), later_ms)
    talking.hear(musing(102, later_ms), later_ms)
    answering = talking.next(later_ms)
    assert answering is not None and answering.musing[2] == 102
