"""Pages that would take minutes to be parsed: written anew, with the same words."""

from __future__ import annotations

import time

import pytest
from selectolax.lexbor import LexborHTMLParser

from host_training.importers import html_nesting
from host_training.importers.html_nesting import NESTED_MAX, PLAIN_CHARS, shallow
from host_training.importers.html_text import QUOTES, QUOTES_BELOW, words_of

LONG = 600_000
PROCESSOR_S = 3.0  # it takes 0.2; of a page as it is, 5 to 30


def repeated(tags: str, length: int = LONG) -> str:
    """``tags`` until so many characters, each time with another number in place of N."""
    count = length // len(tags)
    return "".join(tags.replace("N", str(number)) for number in range(count)) + "I am still here."


def depth_of(page: str) -> int:
    """How deep the parser's own tree is."""
    deepest, left = 0, [(LexborHTMLParser(page).root, 1)]
    while left:
        node, depth = left.pop()
        deepest = max(deepest, depth)
        child = node.child if node is not None else None
        while child is not None:
            left.append((child, depth + 1))
            child = child.next
    return deepest


@pytest.mark.parametrize("tags", [
    "<div>", "<ul><li>", "<dl><dd>", "<div></p>", "<b></i>", "<font color=N>", "<b id=N>x</div>",
    "<body aN=1>",
])
def test_a_mail_nested_without_end_is_read_in_time(tags: str) -> None:
    """A bug: each tag searched all that were open, 150 s for a mail of 2 MB."""
    begin_s = time.process_time()
    assert words_of(repeated(tags), QUOTES, QUOTES_BELOW).endswith("I am still here.")
    assert time.process_time() - begin_s < PROCESSOR_S


def test_a_tag_of_attributes_without_end_is_read_in_time() -> None:
    begin_s = time.process_time()
    page = "<p>Before.<div " + " ".join(f"a{number}=1" for number in range(LONG // 8)) + ">After."
    assert words_of(page) == "Before.\nAfter."
    assert time.process_time() - begin_s < PROCESSOR_S


@pytest.mark.parametrize("tags", [
    "<div>", "<li><dd>", "<table><td>", "<div><table></div></table>", "<svg><source>",
    "<svg><title></title><div>", "<div><textarea></div></textarea>", "<div><!-- </div> -->",
    "<svg><desc><div><![CDATA[></div>]]>", "<button><p>", '<div><a ="></div>">', "<rt><option>",
    "<div><script><!--<script></div></script>", "<form><select><a href=N><code id=N>",
])
def test_no_page_is_nested_deeper_than_the_bound(tags: str) -> None:
    """A table has a body, a row and a cell of its own, and nothing else is left uncounted."""
    assert depth_of(shallow(repeated(tags, 60_000))) <= 4 * NESTED_MAX + 10


def test_words_in_every_depth_are_kept() -> None:
    levels = 4 * NESTED_MAX
    page = "".join(f"<div class=level>word{number} " for number in range(levels))
    assert len(page) > PLAIN_CHARS
    assert words_of(page).split() == [f"word{number}" for number in range(levels)]


PAGES = [
    ("<p>My own.<blockquote>Theirs.<p>And theirs.</blockquote><p>Mine.", "My own.\n\n\nMine."),
    ("<div class=gmail_quote><table><tr><td>Theirs.</div>Theirs.</table></div>Mine.", "Mine."),
    ("<b><i>Loud</b> and</i> clear<script>if (a < b) {}</script>.", "Loud and clear."),
    ("<ul><li>One<li>Two</ul><table><tr><td>a<td>b</table>", "\nOne\nTwo\n\n\nab"),
    ("I <3 you &amp; me < them <!-- not this --> <?nor this?>.", "I <3 you & me < them ."),
    ("<p title='a > b'>Said.<svg><text>12</text></svg><textarea>if a<b</textarea>", "Said.if a<b"),
    ("<head><title>No.</title></head><body><p>Yes.</body></html>", "Yes."),
    ("Mine.<hr><div id=appendonsend></div><p>Theirs.", "Mine."),
]


@pytest.mark.parametrize(("page", "words"), PAGES)
def test_a_long_page_has_the_words_of_a_short_one(
    monkeypatch: pytest.MonkeyPatch, page: str, words: str
) -> None:
    assert words_of(page, QUOTES, QUOTES_BELOW).split() == words.split()
    monkeypatch.setattr(html_nesting, "PLAIN_CHARS", 0)
    assert words_of(page, QUOTES, QUOTES_BELOW).split() == words.split()


def test_a_short_page_is_left_as_it_is() -> None:
    page = "<div></p><b></i>".ljust(PLAIN_CHARS)
    assert shallow(page) is page
