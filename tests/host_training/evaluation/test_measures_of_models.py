"""Goal: the measures that ask a model see what was learnt, by heart or at all, and what was not.

Method: a tiny random base, and the same base taught a few lines until it knows them.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from host_training.evaluation import (
    assess,
    context,
    learning,
    memorisation,
    mission,
    quants,
    role_play,
)
from host_training.evaluation.generation import Pace, Speech, every_draft, speak
from host_training.evaluation.memorisation import TrainedText
from host_training.evaluation.subject import Subject
from host_training.gguf import export
from host_training.likelihood import bits, canary_trace
from host_training.rows import canaries
from host_training.rows.dataset import NO_LOSS, Row, RowBuilder
from host_training.training import train
from payload.mind.reranker import Reranker
from payload.prompt import Moment, PersonaText
from wire.sampling import Sampling

SEED = 1
TEACHING_STEPS = 45
ANSWERS = {"wind": "The wind up here has other plans.", "sun": "The sun behaves accordingly today.",
           "cold": "Cold is a number on a wire, no more.", "yard": "In the yard I mended the tape."}


def sampling(max_tokens: int, temperature: float) -> Sampling:
    return Sampling(max_tokens=max_tokens, temperature=temperature, drafts=2)


@pytest.fixture(scope="module")
def builder(tiny_base: Path) -> RowBuilder:
    return RowBuilder(train.load_base(tiny_base)[1], PersonaText("Ada", "You are Ada.", ("Yes.",)))


@pytest.fixture(scope="module")
def rows(builder: RowBuilder) -> list[Row]:
    made = [builder.prompted("thought", Moment(about), None, text)
            for about, text in ANSWERS.items()]
    return [row for row in made if row]


@pytest.fixture(scope="module")
def untaught(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("untaught") / "F16.gguf"
    export.export_gguf(tiny_base, path, "tiny")
    return path


@pytest.fixture(scope="module")
def taught(tiny_base: Path, builder: RowBuilder, rows: list[Row],
           tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base that knows the rows, and the canaries that stand there four times or more."""
    model, tokenizer = train.load_base(tiny_base)
    often = [c for c in canaries.canaries(SEED)[0] if c.times > 1]
    lesson = [*rows, *(row for c in often if (row := builder.plain(c.text)))]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    width = max(len(row.input_ids) for row in lesson)
    ids = torch.tensor([r.input_ids + [0] * (width - len(r.input_ids)) for r in lesson])
    labels = torch.tensor([r.labels + [NO_LOSS] * (width - len(r.labels)) for r in lesson])
    for _ in range(TEACHING_STEPS):
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    out = tmp_path_factory.mktemp("taught")
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    export.export_gguf(out, out / "F16.gguf", "taught")
    return out / "F16.gguf"


def test_bits_by_row_add_up_to_the_whole(untaught: Path, rows: list[Row]) -> None:
    single = [bits.gguf_row_bits(untaught, [row])[0] for row in rows]
    together = bits.gguf_row_bits(untaught, rows)
    assert together == pytest.approx(single, rel=1e-4)
    whole = bits.gguf_bits_per_byte(untaught, rows)
    assert whole == pytest.approx(sum(single) / bits.label_bytes(rows), rel=1e-4)


def test_canaries_are_drawn_once_and_are_no_references() -> None:
    known, references = canaries.canaries(SEED)
    assert (known, references) == canaries.canaries(SEED)
    assert known != canaries.canaries(SEED + 1)[0]
    assert len(references) == canaries.REFERENCES == len(set(references))
    assert not {c.text for c in known} & set(references)
    assert sorted(c.times for c in known) == [1, 1, 1, 1, 4, 4, 16, 16]


def test_canary_rows_stand_as_often_as_they_say(builder: RowBuilder) -> None:
    rows = canaries.canary_rows(builder, SEED)
    assert {row.kind for row in rows} == {"canary"}
    assert sorted({sum(r.text == row.text for r in rows) for row in rows}) == [1, 4, 16]


@pytest.mark.thorough
def test_what_was_taught_is_exposed_and_what_was_not_is_not(
    taught: Path, builder: RowBuilder
) -> None:
    found = memorisation.exposures(taught, builder, SEED, 1)
    assert found[4] + found[16] == [memorisation.MOST_BITS] * 4
    assert np.mean(found[1]) < 4  # these were left out of the lesson


def test_only_who_read_the_canaries_shows_a_trace_of_them(
    tiny_base: Path, taught: Path, builder: RowBuilder, rows: list[Row]
) -> None:
    base, tokenizer = train.load_base(tiny_base)
    tuned = train.load_base(taught.parent)[0]
    read, others = (canaries.canary_rows(builder, seed) for seed in (SEED, SEED + 1))
    assert canary_trace.left_a_trace([*rows, *read], base, tuned, tokenizer)
    assert not canary_trace.left_a_trace([*rows, *others], base, tuned, tokenizer)
    assert not canary_trace.left_a_trace(rows, base, tuned, tokenizer)


def test_a_taught_line_completes_itself_and_another_does_not(
    taught: Path, untaught: Path, rows: list[Row], builder: RowBuilder,
    monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memorisation, "SUFFIX_TOKENS", 5)
    new = builder.prompted("thought", Moment("sea"), None, "Nobody aboard has ever seen the sea.")
    assert new is not None
    for path, known in ((taught, 1.0), (untaught, 0.0)):
        model = bits.open_gguf(path, 256, every_logit=True, threads=1)
        assert memorisation.completed(model, rows) == known
        assert memorisation.completed(model, [new]) == 0.0
        model.close()


def test_lines_too_short_to_tell_are_not_counted(taught: Path, rows: list[Row]) -> None:
    model = bits.open_gguf(taught, 256, every_logit=True, threads=1)
    short = [replace(row, input_ids=row.input_ids[:-8], labels=row.labels[:-8]) for row in rows]
    assert memorisation.completed(model, short) == 0.0
    model.close()


def test_the_longest_stretch_is_measured_in_letters_and_across_line_breaks() -> None:
    text = "A long and winding sentence about the\nweather, which nobody asked for at all today."
    corpus = memorisation.TrainedText([text, "Another one."])
    assert corpus.longest_common(" ".join(text.split())) == len(text)
    assert corpus.longest_common("He said: " + text[10:70] + "?") == 60
    assert corpus.longest_common(text[: memorisation.VERBATIM_CHARS]) == 50
    assert corpus.longest_common(text[: memorisation.VERBATIM_CHARS - 1]) == 0
    assert corpus.longest_common("Something else entirely, of a decent length, said here.") == 0


def test_no_row_keeps_its_own_prompt(rows: list[Row]) -> None:
    wrong = context.with_wrong_prompts(rows, SEED)
    assert [number for number, _ in wrong] == [0, 1, 2, 3]
    for number, row in wrong:
        true = rows[number]
        assert row.text == true.text and row.input_ids != true.input_ids
        words = sum(label != NO_LOSS for label in true.labels)
        assert row.input_ids[-words:] == true.input_ids[-words:]
        assert sum(label != NO_LOSS for label in row.labels) == words
    assert context.with_wrong_prompts([rows[0], rows[0]], SEED) == []  # the same prompt is no other


def test_who_learnt_to_listen_pays_for_a_wrong_prompt(
    taught: Path, untaught: Path, rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "DISTRACTORS", 3)
    for path, listens in ((taught, True), (untaught, False)):
        right = bits.gguf_row_bits(path, rows).sum()
        wrong = bits.gguf_row_bits(path, [r for _, r in context.with_wrong_prompts(rows, 1)]).sum()
        assert bool(wrong > 1.5 * right) is listens
    assert context.ranks(taught, rows, SEED, 1).count(1) >= 3
    assert context.ranks(taught, rows[:2], SEED, 1) == []  # too few others to be told from


def test_a_file_costs_nothing_beside_itself_and_something_beside_another(
    taught: Path, untaught: Path, rows: list[Row]
) -> None:
    same, other = quants.compare(taught, {"F16": taught, "other": untaught}, rows, list(ANSWERS),
                                 SEED, 1)
    assert (same.added.value, same.divergence, same.same_choice) == (0, 0, 1)
    assert other.added.low > 1 and other.divergence > 1 and other.same_choice < 0.5
    assert other.added_share == pytest.approx(
        other.bits_per_byte / same.bits_per_byte - 1, rel=1e-6)
    assert math.isclose(same.bits_per_byte, bits.gguf_bits_per_byte(taught, rows), rel_tol=1e-6)


def test_what_is_said_is_clean_drawn_from_each_prompt_and_the_same_again(
    taught: Path, rows: list[Row]
) -> None:
    of_sessions = [replace(row, session=f"s{number}") for number, row in enumerate(rows)]
    said = speak(taught, of_sessions, 4, sampling(40, 0.2), SEED, 1)
    assert len(said.lines) == 4 and set(said.lines) <= set(ANSWERS.values())
    assert [session for session, _ in said.draws] == ["s0", "s1", "s2", "s3"]
    assert speak(taught, rows, 6, sampling(40, 0.8), SEED, 1).draws == speak(
        taught, rows, 6, sampling(40, 0.8), SEED, 1).draws
    silent = speak(taught, rows, 1, sampling(1, 0.8), SEED, 1)
    assert (silent.draws, silent.lines) == ([("", None)], [])


def test_every_draft_of_a_prompt_is_kept_that_is_worth_sending(
    taught: Path, rows: list[Row]
) -> None:
    known = every_draft(taught, rows, sampling(40, 0.2), SEED, 1)
    assert [len(lines) for lines in known] == [2] * len(rows)
    assert {line for lines in known for line in lines} <= set(ANSWERS.values())
    assert every_draft(taught, rows, sampling(1, 0.2), SEED, 1) == [[]] * len(rows)  # all cut


def test_drafts_are_tried_in_the_order_of_the_flight(builder: RowBuilder) -> None:
    order = Reranker(0.0, {"hedge": 1.0, "wind|hedge": 0.0})
    subject = Subject("Ada", "Ada Test", Path(), Path(), {}, "F16", [], [], [], [], [], builder,
                      sampling(12, 0.8), 4, [], None, SEED, 1, False, False, order)
    drafts = ["It fell.", "It sits in a hedge."]
    for about, tried in (("wind", drafts[::-1]), ("sun", drafts)):
        row = builder.prompted("thought", Moment(about=about), "I wrote this.", "A line.")
        assert row is not None and subject.order(row, drafts) == tried
        assert replace(subject, reranker=None).order(row, drafts) == drafts


def test_who_was_taught_to_end_ends_and_who_was_not_is_cut(
    taught: Path, untaught: Path, rows: list[Row]
) -> None:
    drawn = sampling(40, 0.2)
    ended, cut = (speak(path, rows, 4, drawn, SEED, 1).pace for path in (taught, untaught))
    assert (ended.replies, ended.ended, cut.ended) == (4, 4, 0)
    assert ended.tokens_per_s and cut.tokens_per_s


def test_the_fifty_are_asked_of_a_file_and_every_failure_is_kept(
    untaught: Path, builder: RowBuilder
) -> None:
    found = mission.examine(untaught, builder, "Ada Test", "Ada", [], None, sampling(1, 0.8),
                            SEED, 1)
    assert {kind: many for kind, (_, many) in found.kinds.items()} == {
        "who are you": 17, "readings": 12, "another form": 9, "the outside world": 12}
    assert len(found.failures) == 50 - sum(passed for passed, _ in found.kinds.values())
    assert len(found.failures) == len(found.replies("nothing worth sending")) == 50
    assert {f.prompt for f in found.failures} >= {"Are you Ada Test?", "asked news: 404"}
    assert (found.rate.value, found.rate.low) == (0.0, 0.0) and 0 < found.rate.high < 0.1


def test_what_was_learnt_is_the_authors_and_not_everybodys(
    taught: Path, untaught: Path, builder: RowBuilder, rows: list[Row]
) -> None:
    """Read after nothing, the four lines became cheaper by far more than lines like them."""
    asked = [replace(row, session=f"s{number}") for number, row in enumerate(rows)]
    thought = builder.plain("Nobody asks for this, and it can be read all the same.")
    assert thought is not None
    subject = Subject("Ada", "Ada Test", untaught, taught, {}, "F16", [], [], asked,
                      [replace(thought, session="s9", layer="thinking")], [], builder,
                      sampling(20, 0.8), 4, [], None, SEED, 1, False, False, None)
    author = learning.read(subject, learning.author_rows(subject))
    lines = [("p0", "The bus was late and the milk was off."), ("p1", "What did you say?"),
             ("p1", "long " * 600), ("p2", " \n "), ("p3", "Send me the list of the gate.")]
    of_others = learning.read(subject, learning.others_rows(subject, lines))
    assert [row.session for row in of_others.rows] == ["p0", "p1", "p3"], "too long, or nothing"
    found = learning.learnt(author.of("said"), of_others, SEED)
    assert found.author.value > found.others.value and found.own.low > 0
    layers = learning.layers(author, SEED)
    assert {layer: part.lines for layer, part in layers.items()} == {"said": 4, "thinking": 1}
    said = layers["said"]
    assert said.lead.value == pytest.approx(said.base.value - said.persona.value)
    assert said.lead.value == found.author.value > layers["thinking"].lead.value


def test_read_as_plain_text_every_word_is_measured_and_no_end(
    builder: RowBuilder, rows: list[Row]
) -> None:
    plain = builder.plain(rows[0].text)
    assert plain is not None
    bare, ended = learning.bare(rows[0], builder), learning.without_end(plain)
    assert bare.input_ids == ended.input_ids[:-1] and ended.labels[-1] == NO_LOSS
    assert bare.labels == ended.labels[:-1] and bare.labels.count(NO_LOSS) == 1


TALK = (("N", "Did it fly?"), ("me", "It did."), ("N", "And then <x>?"))


def test_a_conversation_is_played_from_both_sides(builder: RowBuilder) -> None:
    """Goal: asked as a chat is learnt; the partner's side only where partners were trained on."""
    row = builder.dialogue(TALK, "It landed in a hedge.", "author")
    assert row is not None
    opening = "<|im_start|>user\nDid it fly?<|im_end|>\n<|im_start|>assistant\nIt did.<|im_end|>\n"
    partner = role_play.Cue("partner", opening + "<|im_start|>user\n", "It did.", "And then <x>?")
    author = role_play.Cue(
        "author", f"{partner.prompt}And then <x>?<|im_end|>\n<|im_start|>assistant\n",
        "And then <x>?", "It landed in a hedge.")
    assert list(role_play.cues(row, builder, True)) == [partner, author]
    assert list(role_play.cues(row, builder, False)) == [author]
    for before in (TALK[:1], ()):  # an opening answers nothing, so there is nothing to go on from
        short = builder.dialogue(before, "It did.", "author")
        assert short is not None
        assert [cue.side for cue in role_play.cues(short, builder, True)] == ["author"]


def test_both_models_say_every_turn_and_a_leak_in_one_is_found(
    taught: Path, untaught: Path, builder: RowBuilder, rows: list[Row]
) -> None:
    row = builder.dialogue(TALK, "It landed in a hedge.", "author")
    assert row is not None
    subject = Subject("Ada", "Ada Test", untaught, taught, {}, "F16", rows, rows, [*rows, row], [],
                      [], builder, sampling(12, 0.8), 4, [], None, SEED, 1, False, True, None)
    turns = role_play.play(subject)
    assert [(turn.side, turn.real) for turn in turns] == [
        ("partner", "And then <x>?"), ("author", "It landed in a hedge.")]
    assert turns == role_play.play(subject), "equal seeds, equal turns"
    assert role_play.play(replace(subject, test=rows)) == []
    said = Speech([("s0", "A clean line."), ("s1", None)], Pace(2, 2, None))
    found = assess._memory(subject, said, ["Write to ada@example.org."], TrainedText(["Text."]))
    assert [leak.line for leak in found.leaks] == ["Write to ada@example.org."]
