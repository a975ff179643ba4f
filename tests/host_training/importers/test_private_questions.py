"""Goal: who asks and answers in one note is learnt, and no interview with somebody is.

Method: notes of one person and interviews of two in the same marks, read as files of a folder.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.host_training.importers.reading import read, reasons
from tests.host_training.nasty_inputs import nasty

PRIVATE = {
    "of oneself": (
        "Q: Why do I always leave late?\nA: Because I never pack the night before.\n"
        "Q: What would help?\nA: A list on the door.\nQ: Will I write it?\nA: Tonight.\n"),
    "of things": (
        "Q: What is the dew point?\nA: Where the air can hold no more water.\n\n"
        "Q: Why does the balloon burst?\nA: The air around it gets thin and the rubber gives.\n\n"
        "Q: When?\nA: At thirty kilometres, more or less.\n"),
    "under a heading, in bold": (
        "# The mast\n\n**Q:** Is it too long?\n**A:** By a foot.\n\n**Q:** Do I shorten it?\n"
        "**A:** I do.\n\n**Q:** When is it dry enough?\n**A:** In May.\n"),
    "without the last answer": (
        "Q: How high does it go?\nA: Thirty kilometres.\nQ: How long does it take?\n"
        "A: Two hours.\nQ: Who finds it?\n"),
    "numbered": (
        "Q1: What leaks?\nA1: The stern.\nQ2: Since when?\nA2: Since the ice.\n"
        "Q3: How do I mend it?\nA3: With tar.\n"),
    "German": (
        "Frage: Warum bin ich so müde?\nAntwort: Weil ich zu lange lese.\n"
        "Frage: Wie höre ich damit auf?\nAntwort: Ich lege das Buch in die Küche.\n"
        "Frage: Und wann?\nAntwort: Morgen.\n"),
    "French": (
        "Q : Pourquoi est-ce que je pars si tard ?\nR : Parce que je cherche mes clefs.\n"
        "Q : Où sont-elles, quand je cherche ?\nR : Dans la poche.\n"
        "Q : Comment est-ce que je m'en souviens ?\nR : Un clou à la porte.\n"),
}
INTERVIEWS = {
    "with you": (
        "Q: Where were you born?\nA: In Bergen.\nQ: What did your father do?\nA: He built boats.\n"
        "Q: And then?\nA: He drowned.\n"),
    "you in an answer": (
        "Q: Is it hard?\nA: You get used to it.\nQ: Why was it done?\nA: For the money.\n"
        "Q: Is there more?\nA: No.\n"),
    "only the answers say I": (
        "Q: Where was that?\nA: I was in Bergen then.\nQ: How did it feel?\nA: I was afraid.\n"
        "Q: What happened then?\nA: I ran.\n"),
    "by name": (
        "Q: Mr Berg, what is a lock?\nA: A step of water.\nQ: Who builds it?\nA: Nobody now.\n"
        "Q: Why?\nA: It leaks.\n"),
    "of a shop": (
        "Q: How do I return a kite?\nA: Please send it back in its box.\nQ: Do I pay for it?\n"
        "A: Within ten days it is free.\nQ: Who do I ask?\nA: Contact the shop.\n"),
    "German, polite": (
        "Frage: Woher kommen Sie?\nAntwort: Aus Bergen.\nFrage: Wie lange schon?\n"
        "Antwort: Seit dem Krieg.\nFrage: Warum?\nAntwort: Wegen der Boote.\n"),
    "Spanish, which says it in the verb": (
        "Q: ¿Qué haces?\nA: Barcos.\nQ: ¿Dónde vives?\nA: En Bergen.\n"
        "Q: ¿Por qué?\nA: Por el mar.\n"),
    "you at the end of a long line": (
        f"Q: What leaks?\nA: {'The stern. ' * 20}\nQ: Since when?\nA: {'The ice. ' * 30} As you"
        " know.\nQ: Is it bad?\nA: It is.\n"),
    "two who ask": (
        "Q: What leaks?\nA: The stern.\nQ: Since when?\nQ: And why?\nA: The ice.\nA: And age.\n"),
    "names": (
        "Ada: What leaks?\nBo: The stern.\nAda: Since when?\nBo: Since the ice.\n"
        "Ada: Is it bad?\nBo: It is.\n"),
}


@nasty(20)
@pytest.mark.parametrize("kind", PRIVATE)
def test_a_note_that_asks_itself_is_ones_own(tmp_path: Path, kind: str) -> None:
    messages, notes = read(tmp_path, {"notes/a.txt": PRIVATE[kind]})
    assert [message.text for message in messages] == [PRIVATE[kind].strip()], reasons(notes)


@nasty(20)
@pytest.mark.parametrize("kind", INTERVIEWS)
def test_an_interview_is_set_aside(tmp_path: Path, kind: str) -> None:
    messages, notes = read(tmp_path, {"notes/a.txt": INTERVIEWS[kind]})
    assert messages == [] and "looks like a chat" in reasons(notes)[0]
