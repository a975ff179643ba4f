"""Goal: what a post, a note or a comment quotes in the marks of a forum is not learnt as one's own.

Method: quotes as each program writes them, nested, unclosed and beside words about quotes, through
every kind of export that may hold them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from host_training.importers.forum_quotes import without_quotes
from tests.host_training.importers.reading import Content, read
from tests.host_training.nasty_inputs import nasty

HIS = "The mast should be tarred every spring."
MINE = "I tar mine in autumn, when it is dry."
AFTER = "It has not leaked since."

QUOTED = {
    "bare": f"[quote]{HIS}[/quote]\n{MINE}",
    "named": f"[quote=Bo]{HIS}[/quote]\n{MINE}",
    "in capitals, over lines": f"[QUOTE=Bo;1234]\n{HIS}\n\n{HIS}\n[/QUOTE]\n\n{MINE}",
    "phpBB": f'[quote="Bo Berg" post_id=12 time=1615050000 user_id=7]{HIS}[/quote]{MINE}',
    "phpBB 2": f'[quote:a1b2c3="Bo"]{HIS}[/quote:a1b2c3]\n{MINE}',
    "SMF": f"[quote author=Bo link=topic=1.msg2#msg2 date=1615050000]\n{HIS}\n[/quote]\n{MINE}",
    "MyBB": f"[quote='Bo' pid='1' dateline='1615050000']{HIS}[/quote]\n{MINE}",
    "Discourse": f'[quote="bo, post:3, topic:99, full:true"]\n{HIS}\n[/quote]\n\n{MINE}',
    "a name in brackets": f'[quote="[mod] Bo"]{HIS}[/quote]\n{MINE}',
    "within another": f"[quote=Ada][quote=Bo]{HIS}[/quote]{HIS}[/quote]\n{MINE}",
    "two": f"[quote=Bo]{HIS}[/quote]\n{MINE}\n[quote=Bo]{HIS}[/quote]",
    "never closed": f"{MINE}\n\n[quote=Bo]\n{HIS}",
    "within one never closed": f"{MINE}\n\n[quote=Ada]\n[quote=Bo]{HIS}[/quote]\n{HIS}",
    "Jira": f"{{quote}}\n{HIS}\n{{quote}}\n{MINE}",
    "Jira on one line": f"{{quote}}{HIS}{{quote}} {MINE}",
    "Jira, announced": f"[~bo] wrote:\n{{quote}}\n{HIS}\n{{quote}}\n\n{MINE}",
    "Jira, a line": f"bq. {HIS}\n{MINE}",
    "Jira, two lines": f"bq. {HIS}\nbq. {HIS}\n\n{MINE}",
    "Jira, never closed": f"{MINE}\n{{quote}}\n{HIS}",
    "Textile": f"bq.:http://bo.example {HIS}\n\n{MINE}",
    "Textile, several paragraphs": f"bq.. {HIS}\n\n{HIS}\n\np. {MINE}",
    "a page": f"<blockquote cite='x'>\n<p>{HIS}</p>\n</blockquote>\n{MINE}",
    "Markdown": f"> {HIS}\n> {HIS}\n\n{MINE}",
    "Markdown, announced": f"Bo Berg wrote:\n[quote]{HIS}[/quote]\n{MINE}",
}
OWN = {
    "words about it": f"I hate that the [quote] mark is never closed. {MINE}",
    "a mark alone": f"Jira writes {{quote}} around it. {MINE}",
    "an end alone": f"It ends with [/quote], I think. {MINE}",
    "an arrow": f"{MINE}\n>be me",
    "sums": f"3 > 2, and 2 > 1. {MINE}",
    "a word": f"bq.me is a site. {MINE}",
    "speech": f"\"{HIS}\" said Bo. {MINE}",
    "a letter": f"Dear Bo,\n\n{MINE}\n\nBest regards,\nInes",
    "I wrote": f"In my diary I wrote: {MINE}",
}


@nasty(20)
@pytest.mark.parametrize("kind", QUOTED)
def test_what_is_quoted_goes_and_ones_own_words_stay(kind: str) -> None:
    own = without_quotes(QUOTED[kind])
    assert own.removeprefix("p. ") == MINE


@nasty(20)
@pytest.mark.parametrize("kind", OWN)
def test_words_about_quotes_and_letters_stay(kind: str) -> None:
    assert without_quotes(OWN[kind]) == OWN[kind]


def test_words_between_two_quotes_stay_paragraphs() -> None:
    text = f"{MINE}\n\n[quote=Bo]{HIS}[/quote]\n\n{AFTER}"
    assert without_quotes(text) == f"{MINE}\n\n{AFTER}"


@nasty(20)
@pytest.mark.parametrize("files", [
    {"notes/a.txt": ""}, {"notes/a.md": ""}, {"notes/a.rtf": ""},
    {"reddit/comments.csv": ""}, {"keep/Keep/a.json": ""},
])
@pytest.mark.parametrize("quoted", ["named", "Jira", "a page", "never closed"])
def test_in_every_kind_of_export(tmp_path: Path, files: dict[str, Content], quoted: str) -> None:
    name, = files
    messages, _ = read(tmp_path, {name: _export(name, QUOTED[quoted])})
    assert [message.text for message in messages] == [MINE]


@nasty(20)
def test_a_post_that_is_all_quotation_is_counted(tmp_path: Path) -> None:
    messages, notes = read(tmp_path, {"notes/a.txt": f"[quote=Bo]{HIS}[/quote]\n"})
    assert messages == [] and notes.skipped["no words but a quotation"] == 1


def test_many_marks_take_no_longer_than_they_are_long() -> None:
    for mark in ("[quote]", "{quote}", "<blockquote>", "[/quote]", "[quote=", "\n> ", "\nbq. "):
        assert HIS not in without_quotes(mark * 20_000)


def _export(name: str, text: str) -> Content:
    if name.endswith(".rtf"):
        escaped = text.replace("{", r"\{").replace("}", r"\}").replace("\n", "\\par\n")
        return rf"{{\rtf1\ansi {escaped}}}"
    if name.endswith(".csv"):
        cell = text.replace('"', '""')
        return ("id,permalink,date,ip,subreddit,gildings,link,parent,body,media\n"
                f'a,https://r.example/a,2021-03-06 18:00:00 UTC,,boats,0,,,"{cell}",\n')
    if name.endswith(".json"):
        return {"userEditedTimestampUsec": 1_615_050_000_000_000, "isTrashed": False,
                "title": "", "textContent": text}
    return text
