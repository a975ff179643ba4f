"""Goal: the musings bench counts what it says it counts, and flies no flight twice.

Method: made-up lines whose figures are known; a flight that is only pretended; the example bundle
where a model is needed. Nothing is flown.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench import (
    __main__,
    musing_flights,
    musing_likelihood,
    musing_measures,
    musing_minds,
    musing_page,
    musings,
)
from bench.musing_flights import Flown, FlownLine
from bench.musing_measures import TrainingText
from host_training.stages import RunDir
from payload import prompt
from payload.prompt import Moment
from payload.storage import database
from wire import mission
from wire.records import Kind, pack_body

CLIMBING = "climbing, 12 km up. outside -56 C. sun high. battery good."
THOUGHT = "Grandfather began each page of his log with the weather. The kettle was on."


def line(text: str, seed: int = 1, about: str = "height", senses: str = CLIMBING, at_s: float = 60.0
         ) -> FlownLine:
    return FlownLine(seed, at_s, text, about, senses, 12_004, 20, 10_000)


def flown(*texts: str, seed: int = 1, answers: int = 0, refused: int = 0) -> Flown:
    return Flown(seed, [line(text, seed) for text in texts], answers, refused, 0, 1.5)


@pytest.fixture
def mind() -> musing_flights.FlownMind:
    return musing_flights.load_mind("tiny", musing_minds.TINY, mission.load(musings.MISSION))


def test_forty_letters_in_a_row_are_a_copy_and_thirty_nine_are_none() -> None:
    text = musing_measures.letters(THOUGHT)
    trained = TrainingText([THOUGHT])
    assert trained.has(f"zq {text[10:50]} zq".strip())
    start = text.index("began")
    for size, is_copy in ((40, True), (39, False)):
        planted = f"xx{text[start : start + size]}xx"
        assert trained.has(planted) is is_copy
    assert trained.has("GRANDFATHER, began each page: of his log with...")


def test_a_short_line_is_a_copy_where_it_is_a_whole_sentence() -> None:
    trained = TrainingText([THOUGHT, "One line\nand another"])
    assert trained.has("The kettle was on!") and trained.has("and another.")
    assert not trained.has("The kettle was") and not trained.has("the weather the kettle was on")


def test_no_copy_runs_over_from_one_text_into_the_next() -> None:
    trained = TrainingText(["the first text ends with these words", "and the second begins so"])
    assert not trained.has("ends with these words and the second begins so")


def test_repeats_are_counted_within_a_flight_and_across_flights() -> None:
    near = "The string has not let go of either of us so far."
    first = flown("The string has not let go of either of us.", "A dry day.", "a DRY day!", near)
    second = flown("A dry day.", "Nothing at all is like this.", seed=2)
    assert musing_measures.repeats_within([first, second]) == musing_measures.Repeats(1, 2)
    assert musing_measures.repeats_across([first, second]) == musing_measures.Repeats(1, 1)
    assert musing_measures.repeats_across([second]) == musing_measures.Repeats(0, 0)


def test_lines_are_held_against_their_own_moment() -> None:
    wrong, right = line("I am falling."), line("I am climbing.")
    assert [found for found, _ in musing_measures.contradicting([wrong, right])] == [wrong]


def test_replies_refused_are_of_all_replies_and_cost_as_much_as_those_kept() -> None:
    flights = [flown("One.", "Two.", answers=1, refused=1), flown("Three.", refused=0)]
    assert musing_measures.refused_share(flights) == 1 / 5
    assert musing_measures.joules(flights) == pytest.approx(10 * 1.5 / (4 / 5))
    assert musing_measures.refused_share([flown()]) is None
    assert musing_measures.joules([flown()]) is None


def test_groups_are_drawn_alike_each_time_and_hold_no_moment_twice() -> None:
    lines = [line(f"Line {n}.", about=f"topic{n % 7}") for n in range(40)]
    groups = musing_measures.groups(lines, 5, 20, seed=1)
    assert groups == musing_measures.groups(lines, 5, 20, seed=1)
    assert groups != musing_measures.groups(lines, 5, 20, seed=2)
    assert len(groups) == 4 and all(len(group) == 5 for group in groups)
    assert all(len({one.about for one in group}) == 5 for group in groups)
    assert len({one.text for group in groups for one in group}) == 20
    assert musing_measures.groups(lines[:4], 5, 20, seed=1) == []


def test_a_line_is_asked_for_as_in_flight() -> None:
    moment = Moment("cold", "ascent", 12_000, outside_c=-56, sun="high", api=("news", "404"))
    said = line("x", about="cold", senses=prompt.senses_in_words(moment))
    assert musing_likelihood._suffix(said) == prompt.suffix(moment)


def test_a_model_knows_its_own_moments_and_what_is_no_sentence(
        mind: musing_flights.FlownMind) -> None:
    group = [
        line("The ground is in the grass, and I lie in it and wait for boots.", about="landed",
             senses="landed. outside 14 C. sun high. battery good."),
        line("I asked the tides and it was a 404.", about="notfound",
             senses="climbing, 3 km up. sun high. battery good. asked tides: 404."),
        line("The battery is low and so am I.", about="battery",
             senses="floating, 28 km up. sun high. battery low.")]
    model = mind.persona.bundle / "model.gguf"
    own = musing_likelihood.own_moments(model, prompt.prefix(mind.persona.text), group)
    turned = [replace(one, about=other.about, senses=other.senses)
              for one, other in zip(group, [*group[1:], group[0]], strict=True)]
    assert own == [True] * 3
    assert musing_likelihood.own_moments(
        model, prompt.prefix(mind.persona.text), turned) == [False] * 3
    whole, broken = ("The kettle is on.",), ("Eht elttek si no.",)
    assert musing_likelihood.bits_per_byte(model, whole) < musing_likelihood.bits_per_byte(
        model, broken)


def test_a_flight_that_is_kept_is_not_flown_again(
        mind: musing_flights.FlownMind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []

    def pretend(of: musing_flights.FlownMind, seed: int, plan: Any) -> Flown:
        begun.append(seed)
        if seed == 3 and begun.count(3) == 1:
            raise KeyboardInterrupt
        return flown("A line.", seed=seed)

    monkeypatch.setattr(musing_flights, "_flown", pretend)

    def fly_all() -> list[Flown]:
        return [musing_flights.fly(mind, seed, musings.MISSION, RunDir(tmp_path), lambda said: None)
                for seed in (1, 2, 3)]

    with pytest.raises(KeyboardInterrupt):
        fly_all()
    assert [flight.seed for flight in fly_all()] == [1, 2, 3]
    assert begun == [1, 2, 3, 3]
    assert fly_all()[0] == flown("A line.", seed=1) and begun == [1, 2, 3, 3]


def test_lines_are_read_from_the_disk_of_the_payload(tmp_path: Path) -> None:
    musing = {"text": "A line.", "about": "cold", "senses": CLIMBING, "by": "model", "tok": 5,
              "ms": 900}
    answers = [{"text": "Yes.", "by": by} for by in ("model", "canned")]
    rows = [(Kind.MUSING, musing), (Kind.REPLY, answers[0]), (Kind.REPLY, answers[1]),
            (Kind.MUSING, {**musing, "alt": 12_004}), (Kind.TRACK, {})]
    with sqlite3.connect(tmp_path / "payload.sqlite") as db:
        db.executescript(database.SCHEMA)
        db.executemany(
            "INSERT INTO record (id, class, kind, boot, mono_ms, time_ms, quality, body, crc32)"
            " VALUES (?, 0, ?, 1, ?, 0, 0, ?, 0)",
            [(at, int(kind), at * 1000, pack_body(body)) for at, (kind, body) in enumerate(rows)])
    lines, answered = musing_flights.read_lines(tmp_path / "payload.sqlite", 7)
    assert lines == [FlownLine(7, 0.0, "A line.", "cold", CLIMBING, None, 5, 900),
                     FlownLine(7, 3.0, "A line.", "cold", CLIMBING, 12_004, 5, 900)]
    assert answered == 1


def test_refusals_are_counted_over_a_reboot() -> None:
    world: Any = SimpleNamespace(flight=None)
    refusals = musing_flights._Refusals(world)
    for boot in ([(0, 0), (2, 1)], [(0, 0), (3, 0)]):
        refusals.on_boot()
        for rejected, given_up in boot:
            world.flight = SimpleNamespace(
                mind=SimpleNamespace(rejected=rejected, given_up=given_up))
            refusals.on_step()
        world.flight = None
        refusals.on_step()
    assert refusals.total == (5, 1)


def test_the_untuned_base_is_asked_with_the_words_of_the_persona(
        mind: musing_flights.FlownMind, tmp_path: Path) -> None:
    """The example's own file stands for a base."""
    base = mind.persona.bundle / "model.gguf"
    bundle = musing_minds.prompted_base(mind, base, RunDir(tmp_path))
    made = musing_flights.load_mind("base", bundle, mission.load(musings.MISSION))
    assert made.persona.text == mind.persona.text
    assert made.persona.manifest.public_key != mind.persona.manifest.public_key
    assert made.persona.manifest.runtime["n_ctx"] == musing_minds.N_CTX
    assert bundle == musing_minds.prompted_base(mind, base, RunDir(tmp_path)), "made once"


def test_the_page_has_lines_from_the_whole_of_each_flight_that_nobody_chose() -> None:
    flights = [flown(*(f"Flight {seed}, line {n}." for n in range(9)), seed=seed)
               for seed in (4, 2)]
    text = musing_page.page("Edda", 5, flights, 6, ["A sentence on them."])
    shown = [part.partition("*")[2].rstrip("*") for part in text.splitlines()
             if part.startswith("- ")]
    assert shown == [f"Flight {seed}, line {n}." for seed in (4, 2) for n in (0, 4, 8)]
    assert "- 0:01, climbing, 12 km up, height: *Flight 4, line 0.*" in text
    assert "They are 6 of 18" in " ".join(text.split()) and "A sentence on them." in text
    every = musing_page.page("Edda", 5, flights, 100, [])
    assert every.count("Flight 4, line") == every.count("Flight 2, line") == 9


def test_the_first_mind_is_held_against_the_targets_and_the_others_stand_beside_it() -> None:
    copied = "copied from the training text"
    rows = musings.rows({"new": {"lines": 9, copied: 1.0}, "old": {"lines": 8, copied: 90.0}})
    row = next(row for row in rows if copied in row.what)
    assert row.target == 3.0 and row.is_met and row.peers == {"old": 90.0}
    assert len(rows) == 2, "what nobody could measure is no row"


@pytest.mark.parametrize(("arguments", "said"), [
    (["nonsense"], "unknown benchmark 'nonsense'"),
    (["link", "--seeds", "7"], "--seeds: options go with one benchmark of: musings"),
    (["--seeds", "7"], "--seeds: options go with one benchmark of: musings"),
])
def test_bad_arguments_get_a_sentence(
        arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--seeds", "7,x"], ["--mind", "tiny"], ["--lines", "many"]])
def test_bad_options_get_a_sentence(
        options: Sequence[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        musings.run(tmp_path, options)
    assert options[1] in capsys.readouterr().err or "many" in options


def test_what_a_flight_keeps_is_read_back(tmp_path: Path) -> None:
    kept = flown("A line.", "Another, with ü.", answers=2, refused=1)
    path = tmp_path / musing_flights.FILE
    path.write_text(json.dumps(musing_flights.asdict(kept)), encoding="utf-8")
    assert Flown.load(path) == kept
