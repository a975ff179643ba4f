"""The codec learns whole messages as flights send them, and nothing that is held out."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_training.codec import codec_stage
from host_training.codec.codec import train
from host_training.common import persona_dir
from host_training.corpus.sessions import Example
from host_training.errors import TrainingError
from host_training.importers.notebook import Condition
from host_training.rows.split import Split, session_of
from tests.host_training.conftest import need
from wire.bodies import marked_text
from wire.bundle import verify_bundle
from wire.text_codec import TextModel

ROOT = Path(__file__).resolve().parents[3]
EDDA = ROOT / "host_training" / "examples" / "edda"


def silent(*args: object) -> None:
    """Progress nobody reads."""


def read(directory: Path) -> codec_stage.Messages:
    return codec_stage.read(directory, persona_dir.read_persona(directory), 1)


def test_the_messages_are_those_of_a_flight(
    persona_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing: frozenset[str] = frozenset()
    monkeypatch.setattr(codec_stage, "split", lambda *args: Split(nothing, nothing, nothing))
    found = read(persona_dir)
    messages = found.train + found.held_out
    thought = next(m for m in messages if "wind up here" in m)
    assert thought.startswith("\x01wind\x02The wind up here has other plans")
    assert "\x03climbing, " in thought and thought.endswith("\x05model")
    answer = "\x02I am a box of foam. Cold is a number on a wire.\x04Are you cold?\x05model"
    assert answer in messages
    assert marked_text({"text": "Are you cold?"}) in found.train, "the payload repeats questions"
    assert "\x02The kettle helped by being on." in found.train, "diary, sentence by sentence"
    assert "\x02I change one thing, then I look." in found.train
    assert "\x02The hedge and I have an understanding.\x05model" in messages
    assert not [m for m in messages if "one piece?" in m], "a friend's words are not learnt"
    assert read(persona_dir) == found, "the same seed draws the same moments"


@pytest.mark.thorough
def test_what_is_held_out_is_nowhere_in_what_is_learnt() -> None:
    found = read(EDDA)
    assert len(found.texts) > 80 and len(found.held_out) >= len(found.texts)
    learnt = "\n".join(found.train)
    assert not [text for text in found.texts if text in learnt]


def test_a_held_out_thought_that_is_in_the_diary_too_is_not_learnt_from_there() -> None:
    texts = [f"The wind number {word} went by and said nothing." for word in ("one", "two", "six")]
    thoughts = [Example("thought", text, "notebook", 0, condition=Condition("wind"))
                for text in texts]
    day = "Dry day in the yard again. " + " ".join(texts)
    diary = [Example("monologue", day, "notebook", 0)]
    sides = Split(frozenset(), frozenset([session_of(thoughts[0])]), frozenset())
    found = codec_stage.messages(thoughts + diary, sides, [], 1)
    learnt = "\n".join(found.train)
    assert len(found.texts) == 1 and "Dry day in the yard again." in learnt
    assert [text in learnt for text in texts].count(False) == 1


def test_the_share_that_is_done_is_between_nothing_and_all() -> None:
    """Short writing began at -600 %."""
    shares: list[float] = []
    train(["A general paragraph of some words."], ["The wind went by.", "And the sun."],
          lambda what, share: shares.append(share))
    assert shares and all(0 <= share <= 1 for share in shares)


@pytest.mark.thorough
def test_a_person_without_general_text_starts_from_the_shipped_codec(
    persona_dir: Path, tmp_path: Path
) -> None:
    found = read(persona_dir)
    result = codec_stage.build(found, (), tmp_path / "text.codec", silent)
    model, general = TextModel.load(tmp_path / "text.codec"), _general()
    assert result["model_id"] == model.model_id.hex() != general.model_id.hex()
    assert result["bytes"] == (tmp_path / "text.codec").stat().st_size
    assert 0 < result["held_out_bits_per_char"] < 4
    message = found.train[0]
    assert 3 * len(model.encode(message)) < len(general.encode(message))
    english = "There was a light on the water, and nobody on the road at all."
    assert len(model.encode(english)) < 25, "it knows English from books"


def _general() -> TextModel:
    return TextModel.load(codec_stage.GENERAL_CODEC)


def test_without_the_shipped_codec_the_way_out_is_named(
    persona_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec_stage, "GENERAL_CODEC", tmp_path / "gone.codec")
    with pytest.raises(TrainingError, match=r"gone\.codec: .* with --general"):
        codec_stage.build(read(persona_dir), (), tmp_path / "text.codec", silent)


@pytest.mark.thorough
def test_the_shipped_codec_is_made_of_the_shipped_writing() -> None:
    """The example's bundle packs what its person wrote better than anybody's English."""
    bundle = EDDA.with_name("edda-tiny.bundle")
    model = TextModel.load(bundle / "text.codec")
    assert verify_bundle(bundle, None).training["text_model"] == model.model_id.hex()
    found, general = read(EDDA), _general()
    sample = found.held_out[::8]
    ours = sum(len(model.encode(message)) for message in sample)
    theirs = sum(len(general.encode(message)) for message in sample)
    assert 2 * ours < theirs
    for message in sample:
        assert model.decode(model.encode(message)) == message


def command(*args: object) -> tuple[int, str]:
    need("typer")
    from typer.testing import CliRunner

    from host_training import __main__ as cli

    result = CliRunner().invoke(cli.app, [str(a) for a in args])
    if result.exception and not isinstance(result.exception, SystemExit):
        return 1, str(result.exception)
    return result.exit_code, " ".join(result.output.split())


def test_the_command_makes_codecs(persona_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text("The wind went round to the north in the night.\n" * 20)
    general = ("--general", tmp_path / "book.txt")
    status, text = command("codec", "--out", tmp_path / "g.codec", *general)
    assert status == 0 and "model_id" in text
    status, text = command("codec", persona_dir, "--out", tmp_path / "t.codec", *general)
    assert status == 0 and "held_out_bits_per_char" in text
    assert TextModel.load(tmp_path / "g.codec").model_id != (
        TextModel.load(tmp_path / "t.codec").model_id)
    status, text = command("codec", "--out", tmp_path / "x.codec")
    assert status == 1 and "persona directory, --general text files" in text
    status, text = command("codec", "--out", tmp_path / "x", "--general", tmp_path / "book.pdf")
    assert status == 1 and "must be a .txt" in text
