"""Goal: of a mail's text what its sender wrote is kept to the last line, and nothing else.

Method: one reply above, between or below what mail programs add, in the layouts of these programs.
"""

from __future__ import annotations

import pytest

from host_training.importers.mail_quotes import unquoted
from tests.host_training.nasty_inputs import nasty

BODY = "The hedge and I have an understanding."
MANY = 100_000


@nasty(9)
@pytest.mark.parametrize("line", [
    "On Mon, 1 Mar 2021 at 10:00, Bo <bo@x.org> wrote:",
    "On Mon, 1 Mar 2021 at 10:00, Bo Berg of the long name\n<bo@example.org> wrote:",
    "Am 01.03.21 um 10:00 schrieb Bo:", "Le lun. 1 mars 2021 à 10:00, Bo a écrit :",
    "El lun, 1 mar 2021 a las 10:00, Bo escribió:", "Op ma 1 mrt. 2021 om 10:00 schreef Bo:",
    "Em seg., 1 de mar. de 2021, Bo escreveu:", "Il giorno lun 1 mar 2021 Bo ha scritto:",
    "Den mån 1 mars 2021 kl 10:00 skrev Bo:", "W dniu 01.03.2021 Bo napisał(a):",
    "2021年3月1日(月) 10:00 Bo <bo@x.org>のメール:", "1 марта 2021 г., Бо <bo@x.org> написал:",
    "-----Original Message-----", "-------- Ursprüngliche Nachricht --------",
    "________________________________", "Begin forwarded message:\n",
    "From: Bo\nSent: Monday\nTo: Ada\nSubject: x",
    "Von: Bo\nGesendet: Montag\nAn: Ada\nBetreff: x",
])
def test_quotes_are_known_in_many_languages(line: str) -> None:
    assert unquoted(f"{BODY}\n\n{line}\n> old\n> words") == BODY


@nasty(9)
@pytest.mark.parametrize("last", ["See you on Sunday", "Yes", "Ada", "All the best,\nAda", "ok bo"])
@pytest.mark.parametrize("line", [
    "On Mon, 1 Mar 2021 at 10:00, Bo <bo@x.org> wrote:\n\n> old",
    "On Mon, 1 Mar 2021 at 10:00, Bo Berg of the long name\n<bo@example.org> wrote:\n> old",
    "Am 01.03.21 um 10:00 schrieb Bo:\n> old",
    "Bo <bo@x.org> schrieb am Mo., 1. März 2021, 10:00:\nold",
])
def test_the_last_line_of_a_reply_stays(last: str, line: str) -> None:
    assert unquoted(f"{BODY}\n\n{last}\n\n{line}") == f"{BODY}\n\n{last}"
    if "\n" not in last:
        assert unquoted(f"{last}\n{line}") == last  # with no empty line between


@nasty(9)
@pytest.mark.parametrize("line", [
    "Am 01.03.21 um 10:00 schrieb Bo:", "On Mon, 1 Mar 2021 at 10:00, Bo <bo@x.org> wrote:",
    "Mon, 1 Mar 2021 10:00:22 +0400 от Bo <bo@x.org>:",  # mail.ru
    "Понедельник, 1 марта 2021, 10:00 +03:00 от Bo <bo@x.org>:",
    '01.03.2021, 10:00, "Bo" <bo@x.org>:', '01.03.2021, 10.00, "Bo" <bo@x.org>:',  # Yandex
    "01.03.2021 10:00, bo@x.org пишет:", "пн, 1 мар. 2021 г. в 10:00, Bo <bo@x.org>:",  # Gmail
    "1 марта 2021 г., 10:00 пользователь Bo <bo@x.org> написал:",
    "man. 1. mar. 2021 kl. 10:00 skrev Bo <bo@x.org>:", "ma 1. maalisk. 2021 klo 10.00 Bo\n"
    "<bo@x.org> kirjoitti:", "Den mån 1 mars 2021 kl 10:00 skrev Bo <bo@x.org>:",
    "pon., 1 mar 2021 o 10:00 Bo <bo@x.org> napisał(a):",
    "Bo <bo@x.org> ezt írta (időpont: 2021. márc. 1., H, 10:00):",
    "Bo <bo@x.org>, 1 Mar 2021 Pzt, 10:00 tarihinde şunu yazdı:",
    "Bo <bo@x.org> 于2021年3月1日周一 10:00写道：",
    "2021년 3월 1일 (월) 오전 10:00, Bo <bo@x.org>님이 작성:",
    "Op 1 mrt. 2021, om 10:00 heeft Bo <bo@x.org> het volgende geschreven:",
    "---- On Mon, 01 Mar 2021 10:00:50 +0530 bo@x.org wrote ----",  # Zoho
    "On Nov 30, 2011, at 12:47 PM, Bo <\n416ffd3258d4d2fa4c85cfa4c44e1721@x.org>\nwrote:",
    "-------- Oprindelig besked --------\nFra: Bo <bo@x.org>\nDato: 01.03.2021  10.00",
    "*From:* bo@x.org [mailto:\nbo@x.org]\n*Sent:* Monday, March 1, 2021\n*To:* ada@x.org",
    "Date: Mon, 1 Mar 2021 10:00:22 +0400\nFrom: bo@x.org\nTo: ada@x.org",  # Hotmail
    "-----\nBo Berg wrote:",
    "Bo Berg/HQ/Acme@ACME\n03/01/2021 10:00 AM\n\nTo\nAda/HQ/Acme@ACME",  # Lotus Notes
    ">>> Bo Berg <bo@x.org> 3/1/2021 10:00 AM >>>",  # GroupWise
    "Gesendet: Montag, 01. März 2021 um 10:00 Uhr\nVon: Bo",  # web.de
    "* * *\n\n**From:** Bo\n**Sent:** Monday\n**To:** Ada",  # HTML made Markdown
    "Hol dir Outlook für iOS<https://x.org/a>\n________________________________\nVon: Bo",
    "Von meinem/meiner Galaxy gesendet\n\n-------- Ursprüngliche Nachricht --------",
])
def test_a_quote_without_marks_is_not_the_senders(line: str) -> None:
    assert unquoted(f"{BODY}\n\n{line}\n\nHis old words.\n\nAnd more of them.") == BODY
    assert unquoted(f"{BODY}\n\n{line}\n\nHis words.\n\n> mine of before\n\nHis name") == BODY


@nasty(9)
def test_words_before_an_attribution_on_its_own_line_stay() -> None:
    assert unquoted("Yes On Wed, Apr 4, 2012 at 3:59 PM, bo@x.org wrote:\n> Hi") == "Yes"
    assert unquoted("Yes\n> On 22 Aug 2015, at 19:21, Bo <bo@x.org> wrote:\n>\n> Hi") == "Yes"


@nasty(9)
@pytest.mark.parametrize("line", [
    "Bo wrote:\n| his words", "Bo Berg <bo@x.org> writes:\n\n> his words",  # Gnus
    '>>>>> "Bo" == Bo Berg <bo@x.org> writes:\n\n    Bo> his words',  # Supercite
    "BB> his words\nBB> and more",
])
def test_a_quote_above_the_answer_goes_with_the_line_that_announces_it(line: str) -> None:
    assert unquoted(f"{line}\n\n{BODY}") == BODY


@nasty(9)
def test_what_is_no_quote_stays() -> None:
    for text in ("On Monday she wrote a letter and posted it.", "I wrote to him: no.",
                 "My father once wrote:\nthe sea is near.", "At 10:00 I wrote:\nnothing.",
                 "On the surface it is calm.\n\nOn average it is not.",
                 "Write to bo@example.org, or come by.", "From: me\n\nTo: you, with love",
                 "From: what I hear it is fine.", "Sent him the box.",
                 "This is what the poet wrote:\n\nThe sea is near.", "5 > 3, and 2> 1.",
                 "One thing first\n---\nThe poet wrote:\nthe sea is near.",
                 "Am 01.03.2021 um 10:00 schrieb ich ihm einen Brief."):
        assert unquoted(f"{BODY}\n{text}") == f"{BODY}\n{text}"
    assert unquoted("> Are you cold?\nNo.\n> Sure?\nYes.\n-- \nAda\nPhone 1") == "No.\nYes."
    assert unquoted("On 1 May Bo wrote:\n> cold?\nNo.") == "No."
    assert unquoted(f"{BODY}\n\nSent from my iPhone") == BODY
    assert unquoted(f"{BODY}\n\nVon meinem iPhone gesendet") == BODY


@nasty(9)
@pytest.mark.parametrize(("below", "is_own"), [
    ("Sent from my Nokia 3310\n\nHis old words, without a mark.", False),
    ("Gesendet von Outlook für Android<https://x.org/a>\n\nSeine alten Worte.", False),
    ("Sent from my Nokia 3310\n\nOn 1 May Bo wrote:\n> cold?\n\nNo.", True),  # marked below it
    ("====\n\nMessage du : 01/03/2021 10:00\nDe : \"Bo\" <bo@x.org>\nA : ada@x.org\n"
     "Objet : le froid\n\nSes vieux mots.", False),  # laposte.net
])
def test_what_stands_below_a_programs_line_is_not_the_senders(below: str, is_own: bool) -> None:
    assert unquoted(f"{BODY}\n\n{below}") == (f"{BODY}\n\nNo." if is_own else BODY)


@nasty(9)
def test_a_quoted_line_that_a_program_broke_stays_quoted() -> None:
    long = "> Do you remember the hedge behind the school and the old man who kept it so"
    assert unquoted(f"Yes.\n\nBo <bo@x.org> schrieb am 1. Mai 2021, 10:00:\n{long}\nwell "
                    "trimmed?\n> And the cat?") == "Yes."
    assert unquoted(f"{long} well?\nno idea.\n> And the cat?\nGone.") == "no idea.\nGone."


@nasty(9)
def test_a_sentence_that_begins_like_a_programs_line_stays() -> None:
    for text in ("Sent from my desk, is easier than the phone.",
                 "Sent from Bergen, with love and a parcel."):
        assert unquoted(f"{BODY}\n\n{text}") == f"{BODY}\n\n{text}"
    assert unquoted("Sent from my iPhone\n\nHello.") == "Hello."


@nasty(9)
def test_a_programs_line_with_a_link_behind_it_is_the_programs() -> None:
    link = "<https://post.example.org/app?from=foot&n=1>"
    assert unquoted(f"{BODY}\n\nSent from PostApp{link}\nOn Jun 17, 2017, at 14:15, Bo - X "
                    "<bo@x.org<\nmailto:bo@x.org>> wrote:\nHis old words.") == BODY
    own = f"{BODY}\n\nLook at the hedge {link}"
    assert unquoted(own) == own


@nasty(9)
@pytest.mark.parametrize("footer", [
    "__\nhedge-keepers mailing list\nhedge-keepers@lists.example.org\n"
    "http://lists.example.org/mailman/listinfo/hedge-keepers_lists.example.org",
    "—————\nAda Test\nKeeper of the hedge\n📧 ada@example.org",
    "––\nAda Test | Hedges Ltd.\nTel. 020 555 01 23",
    "*****\nAda Test\n\nHedges, Paris\n+33 1 99 00 12 34",
])
def test_how_to_reach_somebody_below_a_ruler_is_no_part_of_the_words(footer: str) -> None:
    assert unquoted(f"{BODY}\n\nAda\n\n{footer}\n") == f"{BODY}\n\nAda"
    assert unquoted(f"> cold?\n\n{BODY}\n\n{footer}\n\n"
                    "On 1 May 2021 10:00, Bo wrote:\n> so") == BODY


@nasty(9)
@pytest.mark.parametrize("words", [
    "—\nAda Test\nKeeper of the hedge",  # nothing but a name
    "----\nPS: the picture\nhttps://example.org/hedge.jpg",
    "----\nAsk Bo about the ladder.\nHe is bo@example.org",  # sentences
    "----\n" + "a line of a list\n" * 6 + "bo@example.org",
    "----\nfrom 2021-03-06 to 2021-03-07\n12 000 000 leaves",
    "bo@example.org\n----\nis where he reads",
    "Ada Test\nada@example.org",  # no ruler
])
def test_what_else_stands_below_a_ruler_stays(words: str) -> None:
    assert unquoted(f"{BODY}\n\n{words}") == f"{BODY}\n\n{words}"


@nasty(27)
@pytest.mark.parametrize("odd", [
    "a" + " " * MANY + "b", "(https://" * (MANY // 9), "<http://x" * (MANY // 9), "x" * MANY,
    "-" * MANY + "x", "0 " * (MANY // 2)])
def test_odd_lines_are_read_once(odd: str) -> None:
    """The square of their length takes minutes."""
    for text in (odd, f"--------\n{odd}", f"--------\n{odd}\nada@example.org"):
        assert unquoted(f"{BODY}\n\n{text}").startswith(BODY)
