"""Goal: noise goes with a reason, doubles go once, and weights add up to what was asked for.

Method: one text of each kind; drawn examples for what must always hold.
"""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_training.common.messages import Message, Notes
from host_training.common.normalise import COMBINING_MAX, plain
from host_training.common.settings import Clean
from host_training.corpus.dedup import repeats
from host_training.corpus.filtering import KEEP_MIN, REPEAT_MAX, Cleaner, noise
from host_training.corpus.languages import LanguageFilter
from host_training.corpus.sessions import Example
from host_training.errors import TrainingError
from host_training.importers.notebook import Condition
from tests.host_training.conftest import need
from tests.host_training.corpus.preparing import weigh
from tests.host_training.nasty_inputs import nasty

FAMILY = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
FLAG = "\N{REGIONAL INDICATOR SYMBOL LETTER N}\N{REGIONAL INDICATOR SYMBOL LETTER L}"


WAVE = "\N{WAVING HAND SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}"


@nasty(15, 16, 17)
@pytest.mark.parametrize(("text", "meant"), [
    (f"look {FAMILY} {FLAG} 1\ufe0f\u20e3 {WAVE}", f"look {FAMILY} {FLAG} 1\ufe0f\u20e3 {WAVE}"),
    ("shrug ¯\\_(ツ)_/¯", "shrug ¯\\_(ツ)_/¯"),
    ("safe\u202egpj.exe", "safegpj.exe"), ("\u2067שלום\u2069 abc 12", "שלום abc 12"),
    ("\ufefbسلام", "\u0644\u0627سلام"), ("e\u0301", "\u00e9"),
    ("zero\u200bwidth\u00ad", "zerowidth"),
    ("می\u200cروم", "می\u200cروم"), ("a\x1b[31mred\x1b[0m", "ared"), ("a\tb\r\nc\rd", "a b\nc\nd"),
    ("a\u0378\ue000b", "ab"), ("x" * 500 + " word", "word"), ("\n" * 100_000 + "end", "end"),
    ("风" * 500, "风" * 500), ("Việt ngữ ẫ", "Việt ngữ ẫ"),
    ("a" + "\u0315" * 30, "a" + "\u0315" * 3),
])
def test_text_is_made_plain(text: str, meant: str) -> None:
    assert plain(text) == meant


@given(st.text())
def test_plain_text_stays_plain(text: str) -> None:
    once = plain(text)
    assert plain(once) == once
    once.encode()
    assert COMBINING_MAX == 3


@nasty(13, 20)
@pytest.mark.parametrize(("text", "reason"), [
    ("/start", "command to a bot"), ("!play some song", "command to a bot"),
    ("[link] [link]", "only links"), ("Liked “see you there”", "reaction"),
    ("[IRC] <bo> hello there", "sent by a program"),
    ("Beep. I am a bot, and this action was performed automatically.", "sent by a program"),
    ("New post via IFTTT", "sent by a program"),
    ("Send this to ten friends or the hedge will never speak to you again, which would be sad for"
     " everybody.", "chain letter"),
    ("As an AI language model, I cannot feel the wind.", "words of a machine"),
    ("def f(x):\n    return x + 1\n\nfor i in range(3):\n    f(i);\n}", "code or log"),
    ("2021-03-06 18:00:00 INFO start\n2021-03-06 18:00:01 WARN cold\n[12:00:01] up\nERROR: x = 1",
     "code or log"),
    ("la la la\nthe wind\n" * 5, "song or repeated lines"),
    ("[phone] [mail] ok", "little but personal data"),
])
def test_noise_is_told_by_reason(text: str, reason: str) -> None:
    assert noise(text) == reason


@nasty(20)
@pytest.mark.parametrize("text", [
    "and/or what?", "! no", "The wind is up. I am not.", "- tape\n- foil\n- box\n- string",
    "Dear all,\nthe box flew.\nIt landed.\nIt was found.\nYours", "I sent this to Bo.",
    "ok", "see [link] for the box", "an AI wrote that, not me",
])
def test_ones_own_writing_is_no_noise(text: str) -> None:
    assert noise(text) is None


@nasty(16)
def test_stickers_alone_are_counted_and_others_words_are_only_made_plain() -> None:
    notes = Notes()
    cleaner = Cleaner(notes)

    def words(text: str, is_me: bool) -> str | None:
        return cleaner.words(Message("x", "1", "dm", "1", 0, "a", is_me, text))

    assert words("\N{FIRE}\N{FIRE}", True) is None and words("¯\\_()_/¯ 123", False) is None
    assert words("/start", True) is None and words("/start", False) == "/start"
    assert notes.skipped == {"no letters": 2, "command to a bot": 1}


# --- languages ---

SURE = [("en", "The hedge and I have an understanding."),
        ("nl", "kom je morgen ook naar het feest"),
        ("de", "Ich komme morgen nicht, die Kiste ist nass."), ("ru", "Это было очень красиво"),
        ("zh", "风吹过屋顶的时候")]


@nasty(20, 26)
@pytest.mark.parametrize("text", [
    "I asked him to pass the salt to your sister, who sat at the far end of the long table.",
    "Thank you for the kettle, it came whole. Please send my regards to your mother, she was kind.",
    "Share the cake with all of them, he said, and copy the recipe to your book before it is lost.",
])
def test_an_everyday_sentence_is_no_chain_letter(text: str) -> None:
    assert len(text) > 80 and noise(text) is None


@nasty(20, 26)
def test_one_noisy_paragraph_costs_its_block_and_not_the_diary() -> None:
    """As an AI language model, said one sentence, and the whole diary was gone."""
    day = "It rained and I mended the box. The kettle was on and nobody spoke of it.\n\n"
    diary = "".join(f"{i}: {day}" for i in range(120))
    notes = Notes()
    message = Message("notes", "1", "document", "0", 0, "me", True,
                      f"{diary}As an AI language model, I cannot feel the wind.\n\n{diary}")
    words = Cleaner(notes).words(message)
    assert words is not None and "language model" not in words
    assert len(message.text) - len(words) <= 2_100
    assert notes.skipped == {"words of a machine": 1}


@nasty(28)
@pytest.mark.parametrize(("code", "text"), SURE)
def test_a_text_is_foreign_where_its_language_is_not_wanted(code: str, text: str) -> None:
    need("py3langid")
    for wanted in (["en"], ["en", "nl"], ["ru", "de", "zh"]):
        assert LanguageFilter(wanted).is_foreign(text) == (code not in wanted)


@nasty(28)
@pytest.mark.parametrize("text", [
    "haha ja precies", "gonna b l8 m8 soz", "vær så snill", "kettle on?", "la caja volo muy alto",
    "[mail] [phone] [link] ok", "0x3f 0x2a 0xff 0x00 0x7e 0x55",
])
def test_what_is_short_or_doubtful_is_of_every_language(text: str) -> None:
    need("py3langid")
    assert not LanguageFilter(["en"]).is_foreign(text)


@nasty(28)
def test_only_own_words_are_left_out_for_their_language_and_codes_are_checked() -> None:
    need("py3langid")
    notes = Notes()
    cleaner = Cleaner(notes, ["en"])
    dutch = Message("x", "1", "dm", "1", 0, "a", False, SURE[1][1])
    assert cleaner.words(dutch) == dutch.text and cleaner.words(replace(dutch, is_me=True)) is None
    assert notes.skipped == {"another language": 1}
    with pytest.raises(TrainingError, match=r"\[clean\] languages: xx, yy not supported"):
        LanguageFilter(["yy", "en", "xx"])
    with pytest.raises(ValueError, match="languages"):
        Clean(languages=("English",))


# --- doubles ---

def first_of_each(texts: list[str]) -> list[int]:
    """Indexes of what stays at a similarity of 0.8."""
    gone = set(repeats(enumerate(texts), 0.8))
    return [index for index in range(len(texts)) if index not in gone]


LONG = "The first wind above the houses is not the same as the wind in the yard, said the box."


@nasty(18, 21)
@pytest.mark.parametrize(("texts", "kept"), [
    ([LONG, LONG.upper() + "!!"], [0]), ([LONG, LONG.replace("first", "very first")], [0]),
    ([LONG, LONG[::-1]], [0, 1]), (["ok"] * 3, [0, 1, 2]),  # short ones are stock, not doubles
    (["see you there at nine", "See you there, at nine!"], [0, 1]), ([], []),
    (["see you there at nine o'clock", "See you there, at nine o'clock!"], [0]),
    (["风吹过屋顶的时候我在院子里修补气球的盒子没有人说话只有水壶的声音在响着直到天黑为止再也没有别的了",
      "风吹过屋顶的时候我在院子里修补气球的盒子没有人说话只有水壶的声音在响着直到天黑为止再也没有别的啊"],
     [0]),
    (["วันนี้ลมแรงมากกล่องของเราลอยขึ้นไปเหนือบ้านแล้วก็หายไปในเมฆสีขาวที่ลอยอยู่",
      "วันนี้ลมแรงมากกล่องของเราลอยขึ้นไปเหนือบ้านแล้วก็หายไปในเมฆสีขาวที่ลอยอยู่นะ"], [0]),
])
def test_doubles_in_any_script(texts: list[str], kept: list[int]) -> None:
    assert first_of_each(texts) == kept


@given(st.lists(st.text("abc ", max_size=80), max_size=12))
def test_what_stays_does_not_shrink_further(texts: list[str]) -> None:
    kept = [texts[i] for i in first_of_each(texts)]
    assert first_of_each(kept) == list(range(len(kept)))


def test_no_near_duplicate_of_three_hundred_is_missed() -> None:
    """Hashes that hardly differed from one another missed seventeen."""
    rng = random.Random(1)
    texts = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=90)) for _ in range(300)]
    twins = [f"{text[:45]}1{text[46:]}" for text in texts]  # 81 runs of 91 are the same
    assert first_of_each(texts + twins) == list(range(300))


@pytest.mark.parametrize(("n_changed", "is_one"), [(4, True), (5, False)])
def test_from_the_threshold_on_two_texts_are_one(n_changed: int, is_one: bool) -> None:
    text = "".join(random.Random(2).choices("abcdefghijklmnopqrstuvwxyz", k=40))
    twin = text[: 40 - n_changed] + "1" * n_changed  # 36 runs, n_changed of them different
    gone = list(repeats([(0, text), (1, twin)], 32 / 40))
    assert gone == ([1] if is_one else [])


def said(text: str, tier: int = 4, year: float = 2020, condition: Condition | None = None
         ) -> Example:
    return Example("thought" if condition else "monologue", text, "x",
                   round((year - 1970) * 31_557_600_000), condition=condition, tier=tier)


@nasty(26)
def test_of_equal_short_replies_a_logarithm_stays() -> None:
    notes = Notes()
    kept = weigh([said("ok")] * 1000 + [said("Ok!!")] * 24 + [said("rare")], Clean(), notes)
    assert len(kept) == 1 + int(math.log2(1024)) + 1
    assert notes.skipped == {"stock reply": 1013}


@nasty(21)
def test_the_better_tier_of_two_copies_stays_and_thoughts_always_do() -> None:
    thought = said(LONG, 2, condition=Condition("wind"))
    twin = said(LONG, 2, condition=Condition("sun"))
    kept = weigh([said(LONG, 4), said(LONG, 1), thought, twin], Clean(), Notes())
    assert [(e.tier, e.condition is not None) for e in kept] == [(2, True), (2, True)]
    kept = weigh([said(LONG, 4), said(LONG, 1)], Clean(), Notes())
    assert [e.tier for e in kept] == [1]


def distinct(n: int, tier: int) -> list[Example]:
    return [said(f"{tier} {i:03} " + "abcdefghij"[i % 10] * 90, tier) for i in range(n)]


def share_of_high(examples: list[Example]) -> float:
    high = sum(e.weight * len(e.text) for e in examples if e.tier <= 2)
    return high / sum(e.weight * len(e.text) for e in examples)


def test_tiers_one_and_two_carry_seventy_percent() -> None:
    loose = Clean(near_duplicate=1.0)
    kept = weigh(distinct(20, 1) + distinct(40, 4), loose, Notes())
    assert share_of_high(kept) == pytest.approx(0.7, abs=0.02)
    kept = weigh(distinct(20, 2) + distinct(20, 4),
                 Clean(near_duplicate=1.0, thoughtful_share=0.9), Notes())
    assert share_of_high(kept) == pytest.approx(0.9, abs=0.02)
    kept = weigh(distinct(90, 1) + distinct(5, 4), loose, Notes())
    assert share_of_high(kept) > 0.7  # more of it is not taken away
    assert {e.weight for e in weigh(distinct(9, 4), loose, Notes())} == {1.0}


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(2000, 2026)), min_size=1, max_size=30))
def test_weights_stay_within_bounds(rows: list[tuple[int, int]]) -> None:
    examples = [said(f"{i} " + "abcdefgh"[i % 8] * 60, tier, year)
                for i, (tier, year) in enumerate(rows)]
    for example in weigh(examples, Clean(recency_half_life_years=2), Notes()):
        assert KEEP_MIN <= example.weight <= REPEAT_MAX


def test_recency_halves_the_weight_and_thoughts_are_untouched() -> None:
    old, new = said("a" * 50, 4, 2010), said("b" * 50, 4, 2014)
    thought = said("c" * 50, 2, 2001, Condition("wind"))
    kept = weigh([old, new, thought], Clean(recency_half_life_years=4), Notes())
    assert kept[0].weight * 2 == pytest.approx(kept[1].weight, abs=0.01)
    assert kept[2].weight == 1.0
