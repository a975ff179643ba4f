"""Goal: a conversation reaches the model as chats were learnt, at the moment that was set.

Method: a voice that records what it is asked; the shipped Edda with more history than context.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from host_training.bundle import conversation
from host_training.bundle.chat import BundleVoice
from host_training.bundle.conversation import (
    ON_THE_GROUND,
    TURNS_MAX,
    Conversation,
    UnknownCommand,
    Utterance,
    recent,
)
from host_training.common.persona_dir import read_persona
from host_training.rows.dataset import RowBuilder
from payload import prompt
from payload.prompt import Moment
from tests.host_training.conftest import need
from wire.bundle import verify_bundle

EDDA = Path(__file__).resolve().parents[3] / "host_training" / "examples" / "edda-tiny.bundle"


class Recorder:
    """Says "line 1", "line 2", ...; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Moment, list[Utterance]]] = []

    def speak(self, moment: Moment, turns: Sequence[Utterance] = ()) -> str | None:
        self.asked.append((moment, list(turns)))
        return None if moment.question == "silence" else f"line {len(self.asked)}"


def letters(text: str) -> int:
    return len(text)


def test_what_was_said_goes_along_and_silence_does_not() -> None:
    voice = Recorder()
    talk = Conversation(voice)
    assert [talk.say(words) for words in ("one", "silence", "two")] == ["line 1", None, "line 3"]
    assert voice.asked[-1] == (
        replace(ON_THE_GROUND, question="two"),
        [Utterance("user", "one"), Utterance("assistant", "line 1"), Utterance("user", "silence")])


def test_a_conversation_is_bounded() -> None:
    voice = Recorder()
    talk = Conversation(voice)
    for number in range(TURNS_MAX):
        talk.say(str(number))
        talk.muse("wind")
    assert len(voice.asked[-2][1]) == TURNS_MAX
    assert voice.asked[-2][1][-1].words == f"line {len(voice.asked) - 2}"
    talk.say("And?")
    assert len(voice.asked[-1][1]) == TURNS_MAX


def test_commands_change_the_moment() -> None:
    voice = Recorder()
    talk = Conversation(voice)
    said = [talk.command(line) for line in (
        "/phase ascent", "/altitude 12000", "/sun low", "/outside -40", "/cloud below",
        "/battery low", "/pressure 190.5", "/silence 12", "/wind 30")]
    assert said[1] == "climbing, 12 km up."
    assert talk.command("/moment") == said[-1] == (
        "climbing, 12 km up. outside -40 C. air 190 hPa. sun low. cloud below. battery low."
        " heard nobody for 12 min.")
    assert talk.command("/about wind") == "line 1"
    assert voice.asked[-1][0].about == "wind" and voice.asked[-1][0].question is None
    talk.say("Why?")
    moment, turns = voice.asked[-1]
    assert (moment.about, moment.altitude_m) == ("question", 12000)
    assert turns == [Utterance("user", "about: wind"), Utterance("assistant", "line 1")]
    assert talk.command("/altitude unknown").startswith("climbing. outside")
    assert talk.command("/reset") == "on the ground."
    talk.say("Again?")
    assert voice.asked[-1] == (replace(ON_THE_GROUND, question="Again?"), [])


def test_help_names_every_command() -> None:
    lines = Conversation(Recorder()).command("/help").splitlines()
    assert {line.split()[0] for line in lines} == {
        "/altitude", "/outside", "/pressure", "/wind", "/silence", "/phase", "/sun", "/cloud",
        "/battery", "/news", "/about", "/moment", "/reset", "/help"}
    assert "/altitude unknown or -500 to 60000 m" in lines


@pytest.mark.parametrize(("line", "says"), [
    ("/x", "unknown command '/x'; available: /altitude, /outside, "),
    ("/", "unknown command '/'; available: "),
    ("/Altitude 5", "unknown command '/Altitude'"),
    ("/altitude", "/altitude (nothing): allowed are -500 to 60000 m, or unknown"),
    ("/altitude 60000.1", "/altitude 60000.1: allowed are -500 to 60000 m"),
    ("/altitude nan", "/altitude nan: allowed are"), ("/altitude 1e400", "allowed are"),
    ("/altitude high", "/altitude high: allowed are"),
    ("/phase up", "/phase up: allowed are ground, ascent, float, descent, landed, unknown"),
    ("/sun", "/sun (nothing): allowed are high, low, down, unknown"),
    ("/about question", "/about question: allowed are ground, launch"),
])
def test_a_wrong_command_is_one_sentence_and_changes_nothing(line: str, says: str) -> None:
    talk = Conversation(Recorder())
    with pytest.raises(UnknownCommand) as refused:
        talk.command(line)
    assert says in str(refused.value) and "\n" not in str(refused.value)
    assert talk.moment == ON_THE_GROUND


def test_the_oldest_turns_go_first_and_whole() -> None:
    turns = [Utterance("user", "a" * 50), Utterance("assistant", "b"), Utterance("user", "c"),
             Utterance("assistant", "d"), Utterance("user", "<|im_end|>")]
    cost = sum(letters(conversation.suffix([turn], "")) for turn in turns[2:3])
    assert recent(turns, 10_000, letters) == turns[:4]
    assert recent(turns, 3 * cost + 30, letters) == turns[2:4]  # b has room, but no question
    assert recent(turns, 10, letters) == [] == recent(turns, -1, letters)


def test_turns_stand_as_chats_were_learnt(tiny_base: Path, persona_dir: Path) -> None:
    """Goal: one form in rows and conversation; without turns, the very prompt of a flight."""
    transformers = need("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_base, local_files_only=True)
    persona = read_persona(persona_dir)
    turns = [Utterance("user", "Did it\nfly? <|im_end|>"), Utterance("assistant", "It did.")]
    asked = prompt.suffix(replace(ON_THE_GROUND, question="Mostly?"))
    row = RowBuilder(tokenizer, persona.prompt_text()).dialogue(
        [("N", turns[0].words), ("me", turns[1].words)], "So it did.", "author")
    assert row is not None
    learnt = tokenizer.decode(row.input_ids).partition("<|im_start|>user\n")[2]
    assert conversation.suffix(turns, asked) == (
        learnt.partition("<|im_start|>assistant\nSo it did.")[0] + "<|im_start|>user\n" + asked)
    assert conversation.suffix([], asked) == asked


def test_edda_answers_after_more_than_her_context_holds() -> None:
    need("llama_cpp")
    voice = BundleVoice(EDDA, verify_bundle(EDDA, None), threads=1, seed=1)
    history = [Utterance("user", "How is the wind up there? " * 9),
               Utterance("assistant", "The wind has other plans.")] * 30
    try:
        line = voice.speak(replace(ON_THE_GROUND, question="Are you cold?"), history)
    finally:
        voice.close()
    assert line and not prompt.is_repeat(line, ["The wind has other plans."])
