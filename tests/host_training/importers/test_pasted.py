"""Goal: of a prompt the instruction is learnt, and no mail or text that was pasted into it.

Method: prompts as people write them, with mails in five languages, beside prompts of their own that
look like letters or have colons; through both exports.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from host_training.importers.pasted import LONG_CHARS_MIN, without_pasted
from tests.host_training.importers.reading import read
from tests.host_training.nasty_inputs import nasty

MAIL = ("Dear Ines,\n\nthe boat is sold, and I will not come in May.\n\nBest regards,\n"
        "Bo Berg\nBerg Boats Ltd.\n+47 55 01 02 03")
LONG = "The lock was built in 1850 by a man who had never seen water run uphill. " * 4
ASKED = "Please rewrite this mail:"

PASTED = {
    "below a colon": (f"{ASKED}\n\n{MAIL}", ASKED),
    "without a colon": (f"Answer this politely, I am not angry.\n\n{MAIL}",
                        "Answer this politely, I am not angry."),
    "behind a colon": (f"{ASKED} Dear Bo, we cannot come. Best, Ines", ASKED),
    "without a closing": (f"{ASKED}\n\nHi Bo,\n\nwe cannot come in May.", ASKED),
    "with a subject": (f"Is this too hard?\n\nSubject: The boat\n\n{MAIL}", "Is this too hard?"),
    "with a head": (
        "What does he want from me?\n\nFrom: Bo Berg\nTo: Ines Moor\nthe boat is sold",
        "What does he want from me?"),
    "answered in a program for mail": (
        "help me answer\n\nOn Mon, May 3, 2021 at 10:00 AM Bo Berg <bo@x.example> wrote:\n"
        "Hi Ines,\nI will not come.\nBo", "help me answer"),
    "without a name below": ("Make this nicer:\nHi Bo,\nthe boat is sold.\nThanks",
                             "Make this nicer:"),
    "above what is asked": (f"{MAIL}\n\nMake it shorter, and kinder.",
                            "Make it shorter, and kinder."),
    "alone": (MAIL, ""),
    "in a fence": (f"Shorten it, please.\n```\n{LONG}\n```", "Shorten it, please."),
    "in quotation marks": (f'Translate into Dutch.\n"""{LONG}"""', "Translate into Dutch."),
    "a long text": (f"Summarise the following:\n{LONG}", "Summarise the following:"),
    "a long text, behind": (f"Explain this to me: {LONG}", "Explain this to me:"),
    "German": (
        "Formuliere das freundlicher:\n\nSehr geehrter Herr Berg,\n\ndas Boot ist verkauft.\n\n"
        "Mit freundlichen Grüßen\nInes Moor", "Formuliere das freundlicher:"),
    "French": ("Corrige ce mail :\n\nBonjour Bo,\n\nle bateau est vendu.\n\nCordialement,\nInes",
               "Corrige ce mail :"),
    "Spanish": ("Traduce esto:\n\nEstimado Bo,\n\nel barco está vendido.\n\nSaludos,\nInes",
                "Traduce esto:"),
    "Dutch": ("Vertaal dit:\n\nBeste Bo,\n\nde boot is verkocht.\n\nMet vriendelijke groet,\nInes",
              "Vertaal dit:"),
}
OWN = {
    "a question": "Why does a balloon burst at thirty kilometres, and not at twenty?",
    "a colon": "I have two questions: why does it burst, and who finds it?",
    "a plan": f"Here is my plan for the boat:\n{'- tar the stern, then wait for a dry day' * 8}",
    "a story behind a colon": f"I need help with an email: my boss wants {'me to work, ' * 20}no",
    "a short list": "Compare these: tar, varnish, oil.",
    "a polite person": "Hi Claude,\n\ncould you tell me why boats leak?\n\nThanks,\nInes",
    "a polite person, without a name": "Hello,\n\nwhy do boats leak?\n\nThanks!",
    "a greeting": "Hi there,\nI want to learn about tar. Where do I begin?",
    "a subject of school": "Subject: physics. I do not understand why it bursts.",
    "dear": "My dear old boat leaks. What would you do, in my place?",
    "thanks": "Thanks, that helps.\nBut why the stern?",
}


@nasty(20)
@pytest.mark.parametrize("kind", PASTED)
def test_the_instruction_stays_without_what_was_pasted(kind: str) -> None:
    prompt, asked = PASTED[kind]
    assert without_pasted(prompt) == asked


@nasty(20)
@pytest.mark.parametrize("kind", OWN)
def test_ones_own_prompt_stays_whole(kind: str) -> None:
    assert without_pasted(OWN[kind]) == OWN[kind]


def test_a_text_is_long_from_a_named_length_on() -> None:
    asked = "Translate this:"
    assert without_pasted(f"{asked} {'x' * LONG_CHARS_MIN}") == asked
    short = f"{asked} {'x' * (LONG_CHARS_MIN - 2)}"
    assert without_pasted(short) == short


@nasty(20)
def test_in_both_exports(tmp_path: Path) -> None:
    prompts = [f"{ASKED}\n\n{MAIL}", MAIL]
    mapping = {str(n): {"message": {
        "author": {"role": "user"}, "create_time": 1_615_050_000 + n,
        "content": {"content_type": "text", "parts": [text]}}} for n, text in enumerate(prompts)}
    messages, notes = read(tmp_path, {
        "gpt/conversations.json": [{"mapping": mapping, "create_time": 1_615_050_000}],
        "claude/conversations.json": [{"uuid": "c", "chat_messages": [
            {"uuid": str(n), "sender": "human", "text": text,
             "created_at": "2021-03-06T18:00:00Z"} for n, text in enumerate(prompts)]}]})
    assert [message.text for message in messages] == [ASKED, ASKED]
    assert notes.skipped["prompt that is pasted"] == 2


@nasty(20)
def test_a_letter_in_a_note_is_its_writers(tmp_path: Path) -> None:
    assert [message.text for message in read(tmp_path, {"notes/a.txt": MAIL})[0]] == [MAIL]


def test_a_prompt_of_nothing_but_marks_takes_no_longer_than_it_is_long() -> None:
    for mark in ("Dear ", "Dear Bo,\n", "Best,\n", "Subject: x\n", "this mail: ", "```", "a\n"):
        without_pasted((mark * 1_500)[:1_500])
